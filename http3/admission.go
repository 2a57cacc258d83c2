package http3

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/quic-go/quic-go"
)

// gate decides who may connect.
type gate struct {
	cfg *ServerConfig

	mu         sync.Mutex
	handshakes map[*admission]net.Addr
	fewer      chan struct{}      // gets one when there is one handshake less
	conns      int                // after their handshake
	clients    map[netip.Addr]int // of conns
}

func (g *gate) begin(cfg *ServerConfig) {
	g.cfg = cfg
	g.handshakes, g.clients = map[*admission]net.Addr{}, map[netip.Addr]int{}
	g.fewer = make(chan struct{}, 1)
}

// admission is what the gate knows of one connection. The gate's lock guards it.
type admission struct {
	client      netip.Addr
	established bool
	over        bool
}

type admissionKey struct{}

var (
	errBusy      = errors.New("too many connections")
	errPerClient = errors.New("too many connections of one client")
)

// mostHandshakes is how many handshakes there may be for each that makes clients
// prove their address.
const mostHandshakes = 16

// admit is called for the first packet of a connection.
func (g *gate) admit(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	a := &admission{client: clientOf(info.RemoteAddr)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.full(a.client); err != nil {
		return nil, err
	}
	if len(g.handshakes) >= mostHandshakes*g.cfg.RetryFrom {
		return nil, errBusy
	}
	g.handshakes[a] = info.RemoteAddr
	ctx = context.WithValue(ctx, admissionKey{}, a)
	context.AfterFunc(ctx, func() { g.left(a) })
	return ctx, nil
}

// full says why another connection would be too much. Only connections whose
// handshake is done count for a client: addresses before that may be forged.
func (g *gate) full(client netip.Addr) error {
	switch {
	case g.cfg.MaxConns > 0 && g.conns >= g.cfg.MaxConns:
		return errBusy
	case g.cfg.MaxPerClient > 0 && g.clients[client] >= g.cfg.MaxPerClient:
		return errPerClient
	}
	return nil
}

// established is called when a handshake is done.
func (g *gate) established(ctx context.Context) error {
	a, ok := ctx.Value(admissionKey{}).(*admission)
	if !ok {
		return errBusy
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.over {
		return net.ErrClosed
	}
	if err := g.full(a.client); err != nil {
		return err
	}
	g.shaken(a)
	g.conns++
	g.clients[a.client]++
	a.established = true
	return nil
}

// shaken takes a handshake from those in flight.
func (g *gate) shaken(a *admission) {
	delete(g.handshakes, a)
	select {
	case g.fewer <- struct{}{}:
	default:
	}
}

// inHandshake returns the clients whose handshake is in flight.
func (g *gate) inHandshake() []net.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Values(g.handshakes))
}

// await waits until no handshake is in flight, or ctx ends.
func (g *gate) await(ctx context.Context) {
	for len(g.inHandshake()) > 0 {
		select {
		case <-g.fewer:
		case <-ctx.Done():
			return
		}
	}
}

// left is called when a connection ended, in whatever state.
func (g *gate) left(a *admission) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a.over = true
	if !a.established {
		g.shaken(a)
		return
	}
	g.conns--
	if g.clients[a.client]--; g.clients[a.client] == 0 {
		delete(g.clients, a.client)
	}
}

// suspicious reports whether clients have to prove their address.
func (g *gate) suspicious(net.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.handshakes) >= g.cfg.RetryFrom
}

// clientOf returns the address that stands for a client: IPv6 clients have a /64.
func clientOf(a net.Addr) netip.Addr {
	ip := addrPort(a).Addr()
	if ip.Is6() {
		if p, err := ip.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return ip
}

// windows bounds the memory that all connections may use beyond what each has
// from its start.
type windows struct {
	mu    sync.Mutex
	total uint64
	of    map[*quic.Conn]uint64
}

// mostWindows is that bound, in bytes.
const mostWindows = 256 << 20

// allow is asked before the window of a connection grows.
func (w *windows) allow(q *quic.Conn, delta uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.total+delta > mostWindows {
		return false
	}
	w.total += delta
	w.of[q] += delta
	return true
}

// left gives back what a connection had.
func (w *windows) left(q *quic.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total -= w.of[q]
	delete(w.of, q)
}
