package http3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"fairlead.dev/fairlead/exchange"
)

// conn is one client connection.
type conn struct {
	srv     *Server
	q       *quic.Conn
	tls     *tls.ConnectionState
	control *quic.SendStream
	flood   flood
	wg      sync.WaitGroup
	leaves  chan struct{} // closed when the connection is to end

	mu       sync.Mutex
	state    exchange.ConnState
	open     int           // streams that are served
	next     quic.StreamID // the one after the last that was accepted
	limited  bool          // next is final: the client was told so
	leaving  bool
	requests int
	quiet    chan struct{} // gets one when open becomes 0
	unis     [4]bool       // kinds of unidirectional streams that exist
}

func newConn(srv *Server, q *quic.Conn) *conn {
	state := q.ConnectionState().TLS
	c := &conn{srv: srv, q: q, tls: &state, leaves: make(chan struct{}), quiet: make(chan struct{}, 1)}
	c.flood.begin(srv.sweeper.Now())
	return c
}

// serve answers requests until the connection ends.
func (c *conn) serve() {
	c.moved(exchange.ConnNew)
	defer c.moved(exchange.ConnClosed)
	ctx := c.q.Context()
	if err := c.begin(); err != nil {
		_ = c.q.CloseWithError(CodeGeneralProtocol.conn(), err.Error()) // always nil
		return
	}
	c.wg.Go(c.supervise)
	c.wg.Go(c.acceptUni)
	for {
		q, err := c.q.AcceptStream(ctx)
		if err != nil {
			break
		}
		c.accept(q)
	}
	c.wg.Wait()
}

// begin opens our control stream. We need no streams for QPACK.
func (c *conn) begin() error {
	s, err := c.q.OpenUniStream()
	if err != nil {
		return fmt.Errorf("open the control stream: %w", err)
	}
	c.control = s
	return c.tell(appendControl(nil, c.srv.cfg.Limits.HeadBytes))
}

// tell writes to the control stream. Who does not read it is not waited for.
func (c *conn) tell(b []byte) error {
	_ = c.control.SetWriteDeadline(time.Now().Add(tellTimeout)) // never fails
	_, err := c.control.Write(b)
	return err
}

const tellTimeout = 5 * time.Second

// accept serves a request stream in a goroutine of its own.
func (c *conn) accept(q *quic.Stream) {
	c.mu.Lock()
	if c.limited {
		c.mu.Unlock()
		q.CancelRead(CodeRequestRejected.stream())
		q.CancelWrite(CodeRequestRejected.stream())
		q.ReleaseStreamCredit()
		return
	}
	c.open++
	c.requests++
	c.next = q.StreamID() + 4
	c.move(exchange.ConnActive)
	last := c.srv.cfg.MaxRequests > 0 && c.requests >= c.srv.cfg.MaxRequests
	c.mu.Unlock()
	if last {
		c.leave()
	}
	c.wg.Go(func() { c.run(q) })
}

// run serves one request stream. The client may open another one only when that
// is done, whatever became of the stream in the meantime.
func (c *conn) run(q *quic.Stream) {
	defer c.closed(q)
	st := take(c, q)
	defer func() {
		if v := recover(); v != nil {
			st.reset(CodeInternal)
			c.srv.cfg.Log.Error("stream failed, please report it", "client", c.q.RemoteAddr().String(),
				"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			return
		}
		st.giveBack()
	}()
	st.serve()
}

func (c *conn) closed(q *quic.Stream) {
	q.ReleaseStreamCredit()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open--; c.open > 0 {
		return
	}
	c.move(exchange.ConnIdle)
	select {
	case c.quiet <- struct{}{}:
	default:
	}
}

// moved reports a change of state.
func (c *conn) moved(to exchange.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(to)
}

// move is moved for who holds the lock.
func (c *conn) move(to exchange.ConnState) {
	if c.srv.cfg.ConnMoved != nil && c.state != to {
		c.srv.cfg.ConnMoved(c.state, to)
	}
	c.state = to
}

// leave lets the connection end with the exchanges under way.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.leaving {
		c.leaving = true
		close(c.leaves)
	}
}

// supervise ends the connection when it is idle or old, or is told to leave.
func (c *conn) supervise() {
	cfg := &c.srv.cfg
	idle, age := timer(cfg.IdleTimeout), timer(cfg.MaxAge)
	defer idle.Stop()
	defer age.Stop()
	for {
		select {
		case <-c.q.Context().Done():
			return
		case <-c.leaves:
			c.depart()
			return
		case <-age.C:
			c.leave()
		case <-c.quiet:
			if cfg.IdleTimeout > 0 {
				idle.Reset(cfg.IdleTimeout)
			}
		case <-idle.C:
			if c.idle() {
				c.leave()
			}
		}
	}
}

// timer returns a timer that fires after d, or never.
func timer(d time.Duration) *time.Timer {
	if d <= 0 {
		d = 1 << 62
	}
	return time.NewTimer(d)
}

func (c *conn) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open == 0
}

// The steps of a departure. What a client sent before it learned of it arrives
// within the first; the last response arrives within the second, when the client
// does not close the connection itself.
const (
	lastCalls = 500 * time.Millisecond
	farewell  = time.Second
)

// mostID is the largest id that a request stream can have.
const mostID = 1<<62 - 4

// depart ends the connection without losing a request (RFC 9114 5.2).
func (c *conn) depart() {
	_ = c.goAway(mostID) // who does not read it sees the end
	if !c.wait(lastCalls, nil) {
		return
	}
	c.mu.Lock()
	c.limited = true
	next := c.next
	c.mu.Unlock()
	_ = c.goAway(uint64(next))
	for !c.idle() {
		if !c.wait(0, c.quiet) {
			return
		}
	}
	if c.wait(farewell, nil) {
		_ = c.q.CloseWithError(CodeNoError.conn(), "") // always nil
	}
}

// wait waits for d (0: without end) or until something comes from ch; false when
// the connection ended.
func (c *conn) wait(d time.Duration, ch <-chan struct{}) bool {
	t := timer(d)
	defer t.Stop()
	select {
	case <-c.q.Context().Done():
		return false
	case <-ch:
	case <-t.C:
	}
	return true
}

// ended ends the connection if err is a *ConnError, and reports whether it is
// one.
func (c *conn) ended(err error) bool {
	var ce *ConnError
	if !errors.As(err, &ce) {
		return false
	}
	c.mu.Lock()
	first := c.state != exchange.ConnClosed && !c.limited
	c.limited = true
	c.mu.Unlock()
	if first {
		c.srv.attacks.ended(c.q.RemoteAddr().String(), ce)
		if told := c.srv.cfg.ConnEnded; told != nil {
			told(ce.Code)
		}
	}
	_ = c.q.CloseWithError(ce.Code.conn(), ce.Detail) // always nil
	return true
}

// cut ends the connection at once.
func (c *conn) cut() { _ = c.q.CloseWithError(CodeNoError.conn(), "shutdown") }

// connContext is a context that ends with the connection.
func (c *conn) context() context.Context { return c.q.Context() }

// addrPort returns the address of a UDP peer.
func addrPort(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := u.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
