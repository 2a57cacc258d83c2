package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"fairlead.dev/fairlead/kit/sock"
)

// Config is what a Listener is made of.
type Config struct {
	// Name tells listeners apart in logs: proxy, insecure.
	Name string
	// Gate decides who may enter; shared by all listeners.
	Gate *Gate
	// Sweeper watches the time limits of the connections. It must be running.
	Sweeper *sock.Sweeper
	// TLS is the configuration of handshakes; nil: connections are not encrypted.
	TLS *tls.Config
	Log *slog.Logger
	// Refused is told why a connection was refused, Handshake how long one took
	// that went well. Both may be nil and must be quick.
	Refused   func(Refusal)
	Handshake func(time.Duration)
}

// Listener makes accepted connections ready to be served.
type Listener struct {
	cfg     Config
	report  report
	opening sync.WaitGroup // connections that are not served yet, those in the TCP queue included
	serving sync.WaitGroup // calls of serve
	serve   func(*Conn)
}

// Conn is a connection that is ready to be served. Whoever serves it closes it.
type Conn struct {
	*sock.Conn
	// TLS is what the handshake settled; nil: the connection is not encrypted.
	TLS *tls.ConnectionState
	// Listener is the name of the listener.
	Listener string
}

// Protocol returns what ALPN settled, such as "h2"; empty when nothing was.
func (c *Conn) Protocol() string {
	if c.TLS == nil {
		return ""
	}
	return c.TLS.NegotiatedProtocol
}

// New returns a listener.
func New(cfg Config) *Listener {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Refused == nil {
		cfg.Refused = func(Refusal) {}
	}
	if cfg.Handshake == nil {
		cfg.Handshake = func(time.Duration) {}
	}
	l := &Listener{cfg: cfg}
	l.report = report{log: cfg.Log, refused: cfg.Refused, now: time.Now, last: map[Refusal]*told{}}
	return l
}

// grace is how long handshakes may go on after the end of listening: their
// clients came while we were there.
const grace = time.Second

// Run accepts connections from ln until ctx ends and calls serve for each that
// is ready, in a goroutine of its own. When it returns ln is closed and no call
// of serve begins any more; Wait waits for those that have begun.
func (l *Listener) Run(ctx context.Context, ln net.Listener, serve func(*Conn)) error {
	l.serve = serve
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { _ = ln.Close(); close(closed) })
	defer func() {
		if !stop() {
			<-closed
		}
	}()
	queue, stopQueue := context.WithCancel(ctx)
	var wg sync.WaitGroup
	if l.cfg.Gate.Queueing() {
		wg.Go(func() { l.cfg.Gate.keepQueue(queue) })
	}
	l.accept(ctx, ln)
	stopQueue()
	wg.Wait()
	l.settle()
	return nil
}

// Wait waits for the calls of serve that have begun.
func (l *Listener) Wait() { l.serving.Wait() }

// settle waits for the handshakes, for a moment.
func (l *Listener) settle() {
	if l.cfg.Gate.Queueing() {
		l.cfg.Gate.clear()
	}
	done := make(chan struct{})
	go func() { l.opening.Wait(); close(done) }()
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-done:
		return
	case <-t.C:
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for { // again, for those that began just now
		l.cfg.Gate.handshakes.interrupt()
		select {
		case <-done:
			return
		case <-again.C:
		}
	}
}

// keepQueue drops who waited too long until ctx ends.
func (g *Gate) keepQueue(ctx context.Context) {
	if g.patience <= 0 {
		return
	}
	// One twentieth late is early enough, as the peer has it.
	tick := time.NewTicker(max(g.patience/20, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.expire()
		}
	}
}

// The pauses after an error of accept: out of descriptors, most likely.
const (
	leastPause = 5 * time.Millisecond
	mostPause  = time.Second
)

// accept lets connections in until ctx ends.
func (l *Listener) accept(ctx context.Context, ln net.Listener) {
	pause := time.Duration(0)
	for {
		nc, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			// What lives must go on living, and what ends gives descriptors back.
			pause = min(max(2*pause, leastPause), mostPause)
			l.cfg.Log.Error("accept connection", "listener", l.cfg.Name, "address", ln.Addr().String(), "error", err, "retry_in", pause)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		l.admit(nc)
	}
}

// admit lets one connection in, or not.
func (l *Listener) admit(nc net.Conn) {
	client := addressOf(nc)
	if l.cfg.Gate.policy.on(client) == useHeader {
		client = netip.Addr{} // a proxy in front: its clients are counted, see open
	}
	drop := func(why Refusal) {
		defer l.opening.Done()
		l.refuse(nc, why)
	}
	l.opening.Add(1) // here, and not when its turn comes: settle may wait by then
	if why := l.cfg.Gate.admit(client, func(t *ticket) { l.start(nc, t) }, drop); why != Admitted {
		drop(why)
	}
}

// refuse ends a connection with a reset: the client learns it at once, and
// nothing of it stays in the system.
func (l *Listener) refuse(nc net.Conn, why Refusal, attrs ...any) {
	l.report.refusal(why, append([]any{"listener", l.cfg.Name, "client", nc.RemoteAddr().String()}, attrs...)...)
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = nc.Close()
}

// start begins the life of an admitted connection.
func (l *Listener) start(nc net.Conn, t *ticket) {
	go func() {
		c := l.open(nc, t)
		if c != nil {
			l.serving.Add(1)
		}
		l.opening.Done()
		if c != nil {
			defer l.serving.Done()
			defer l.rescue(nc, nil)
			l.serve(c)
		}
	}()
}

// open does what comes before the first byte of HTTP. It returns nil when the
// connection is over.
func (l *Listener) open(nc net.Conn, t *ticket) (ready *Conn) {
	defer l.rescue(nc, &ready)
	defer func() {
		if ready == nil {
			l.cfg.Gate.leave(t)
		}
	}()
	from, ok := l.identify(nc, t)
	if !ok {
		return nil
	}
	var c *sock.Conn
	var state *tls.ConnectionState
	if l.cfg.TLS != nil {
		if c, state = l.secure(nc, from); c == nil {
			return nil
		}
	} else {
		c = sock.Wrap(nc, l.cfg.Sweeper)
		from.set(c)
	}
	c.OnClose(func() { l.cfg.Gate.leave(t) })
	return &Conn{Conn: c, TLS: state, Listener: l.cfg.Name}
}

// identify learns who the client is. false says that the connection is over.
func (l *Listener) identify(nc net.Conn, t *ticket) (origin, bool) {
	g := l.cfg.Gate
	if g.policy == nil {
		return origin{}, true
	}
	from, why, err := l.originOf(nc)
	if why == Admitted && g.policy.on(addressOf(nc)) == useHeader {
		client := addressOf(nc)
		if from.known {
			client = from.remote.Addr()
		}
		if !g.enter(t, client) {
			why = RefusedClient
		}
	}
	switch why {
	case Admitted:
		return from, true
	case RefusedLeft: // load balancers that only look whether we are there
		l.cfg.Refused(why)
		_ = nc.Close()
	default:
		l.refuse(nc, why, "error", err)
	}
	return origin{}, false
}

// rescue keeps a mistake from ending the process: only the connection is lost.
func (l *Listener) rescue(nc net.Conn, ready **Conn) {
	v := recover()
	if v == nil {
		return
	}
	l.cfg.Log.Error("connection failed, please report it", "listener", l.cfg.Name, "client", nc.RemoteAddr().String(),
		"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	_ = nc.Close()
	if ready != nil {
		*ready = nil
	}
}

// addressOf returns the address at the other end; the zero Addr if there is none.
func addressOf(nc net.Conn) netip.Addr {
	if t, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
