package http3

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/quic-go/quic-go"
)

// gate decides who may connect.
type gate struct {
	cfg *ServerConfig

	mu         sync.Mutex
	handshakes int
	conns      int                // after their handshake
	clients    map[netip.Addr]int // of conns
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
	if g.handshakes >= mostHandshakes*g.cfg.RetryFrom {
		return nil, errBusy
	}
	g.handshakes++
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
	g.handshakes--
	g.conns++
	g.clients[a.client]++
	a.established = true
	return nil
}

// left is called when a connection ended, in whatever state.
func (g *gate) left(a *admission) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a.over = true
	if !a.established {
		g.handshakes--
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
	return g.handshakes >= g.cfg.RetryFrom
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
