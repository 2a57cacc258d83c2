package http3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/ipv4"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
)

// Socket is the UDP socket of a Server. Another process may take it over while
// connections go on: KeepClients gives each client that is connected a socket of
// its own, connected to it, which the kernel prefers to the shared one; Leave
// stops the reading of that, and from then on it belongs to the other process.
type Socket struct {
	*net.UDPConn
	batch *ipv4.PacketConn
	left  chan struct{} // closed by Leave
	more  chan datagram // what came for clients that were kept
	wake  chan struct{} // a deadline was set

	mu     sync.Mutex
	kept   map[netip.AddrPort]*net.UDPConn
	over   bool
	wg     sync.WaitGroup
	closed chan struct{}
}

// datagram is a packet in pooled memory.
type datagram struct {
	b    []byte
	n    int
	oob  []byte
	from *net.UDPAddr
}

// Open opens the socket of a server at a UDP address such as ":9443".
func Open(ctx context.Context, address string) (*Socket, error) {
	lc := net.ListenConfig{Control: sock.ShareAddress}
	pc, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on UDP %q for HTTP/3: %w (is another process using the port? choose one with -http3-address)", address, err)
	}
	return Take(pc.(*net.UDPConn)) // what "udp" gives
}

// Take makes a Socket of one that was opened before, here or in the process that
// this one replaces.
func Take(c *net.UDPConn) (*Socket, error) {
	raw, err := c.SyscallConn()
	if err == nil {
		err = sock.ShareAddress("", "", raw)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &Socket{
		UDPConn: c, batch: ipv4.NewPacketConn(c),
		left: make(chan struct{}), more: make(chan datagram, 64), wake: make(chan struct{}, 1), closed: make(chan struct{}),
		kept: map[netip.AddrPort]*net.UDPConn{},
	}, nil
}

// ReadBatch reads packets, as ipv4.PacketConn does. QUIC calls it.
func (s *Socket) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	select {
	case <-s.left:
	default:
		n, err := s.batch.ReadBatch(ms, flags)
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		select {
		case <-s.left: // Leave woke us
		default:
			return n, err
		}
	}
	select {
	case d := <-s.more:
		m := &ms[0]
		m.N, m.NN, m.Addr = copy(m.Buffers[0], d.b[:d.n]), copy(m.OOB, d.oob), d.from
		buf.Put(d.b)
		return 1, nil
	case <-s.wake:
		return 0, os.ErrDeadlineExceeded
	case <-s.closed:
		return 0, net.ErrClosed
	}
}

// SetReadDeadline makes ReadBatch return. QUIC uses it to stop reading.
func (s *Socket) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return s.UDPConn.SetReadDeadline(t)
}

// KeepClient opens the socket for one client. local is the address it speaks to.
func (s *Socket) KeepClient(local, client netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return net.ErrClosed
	}
	if s.kept[client] != nil {
		return nil
	}
	if local.Addr().IsUnspecified() {
		local = netip.AddrPortFrom(netip.Addr{}, local.Port())
	}
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(local), Control: sock.ShareAddress}
	c, err := d.Dial("udp", client.String())
	if err != nil {
		return fmt.Errorf("keep the HTTP/3 client %s: %w", client, err)
	}
	u := c.(*net.UDPConn)
	s.kept[client] = u
	s.wg.Go(func() { s.relay(u) })
	return nil
}

// relay passes on what a client sends.
func (s *Socket) relay(c *net.UDPConn) {
	for {
		d := datagram{b: buf.Get(buf.Small)}
		n, addr, err := c.ReadFromUDPAddrPort(d.b)
		if errors.Is(err, net.ErrClosed) {
			buf.Put(d.b)
			return
		}
		if err != nil { // a refusal that came by ICMP, for one
			buf.Put(d.b)
			continue
		}
		d.n, d.from = n, net.UDPAddrFromAddrPort(addr)
		select {
		case s.more <- d:
		case <-s.closed:
			buf.Put(d.b)
			return
		}
	}
}

// Leave stops the reading of the shared socket.
func (s *Socket) Leave() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.left:
		return nil
	default:
	}
	close(s.left)
	return s.UDPConn.SetReadDeadline(past())
}

// Close closes the socket here; another process that has it goes on.
func (s *Socket) Close() error {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return nil
	}
	s.over = true
	close(s.closed)
	err := s.UDPConn.Close()
	for _, c := range s.kept {
		err = errors.Join(err, c.Close())
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}
