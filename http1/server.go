package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/live"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// ServerConfig says how a Server treats its clients.
type ServerConfig struct {
	exchange.ServerConfig
	// HTTP2, if set, takes over unencrypted connections whose client speaks
	// HTTP/2 or asks for it. It runs in the goroutine of the connection and closes
	// it.
	HTTP2 func(c *sock.Conn, t *Takeover)
}

// Server speaks HTTP/1 with clients.
type Server struct {
	cfg      ServerConfig
	handler  exchange.Handler
	sweeper  *sock.Sweeper
	parker   *sock.Parker
	stopping atomic.Bool
	live     live.Group
	active   atomic.Int64
}

// NewServer returns a server. sweeper and parker must be running; parker may be
// nil.
func NewServer(h exchange.Handler, cfg ServerConfig, sweeper *sock.Sweeper, parker *sock.Parker) *Server {
	cfg.ServerConfig = cfg.ServerConfig.OrDefault()
	return &Server{cfg: cfg, handler: h, sweeper: sweeper, parker: parker}
}

// ServeConn serves a client's connection, whose handshake has given state (nil:
// it is not encrypted). It returns when the connection has ended or is parked;
// Drain waits for parked ones, too.
func (s *Server) ServeConn(sc *sock.Conn, state *tls.ConnectionState) {
	c := &conn{srv: s, s: sc, tls: state}
	c.in.s = c.s
	c.onWait, c.onWaited = c.bodyWait, c.bodyWaited
	c.born = s.sweeper.Now()
	s.active.Add(1)
	s.live.Add(1)
	c.moved(exchange.ConnNew)
	c.serve()
}

// Conns returns the number of open connections.
func (s *Server) Conns() int { return int(s.active.Load()) }

// Stop makes every exchange from now on the last of its connection. Connections
// may still come: they get the answer to one request.
func (s *Server) Stop() {
	s.stopping.Store(true)
	s.endIdle()
}

// Drain ends idle connections, lets the others finish their exchange and waits
// for them until ctx ends; what is left then is cut off. No connection may come
// any more.
func (s *Server) Drain(ctx context.Context) error {
	s.stopping.Store(true)
	done := s.live.None()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for { // again and again, for those that begin to wait or to connect just now
		if ctx.Err() != nil {
			s.sweeper.Interrupt()
		} else {
			s.endIdle()
		}
		select {
		case <-done:
			return ctx.Err()
		case <-again.C:
		}
	}
}

// endIdle ends the connections that no exchange uses.
func (s *Server) endIdle() {
	if s.parker != nil {
		s.parker.TakeAll(sock.ErrTimeout)
	}
	s.sweeper.EndWaits()
}

// conn is one client connection.
type conn struct {
	srv      *Server
	s        Stream
	tls      *tls.ConnectionState
	in       input
	born     int64
	requests int
	state    exchange.ConnState
	last     int64 // when the last exchange ended; 0: unknown
	readBy   int64 // when the request body must be complete; 0: any time
	onWait   func()

	// For MinBodyRate: the body of the request, since when more of it is waited
	// for, and for how long it was before.
	body      *Body
	waitBegan int64
	waited    int64
	onWaited  func()

	takenOver bool // by HTTP/2
}

// serve answers requests until the connection ends or is parked.
func (c *conn) serve() {
	defer c.srv.live.Done()
	defer c.rescue()
	for {
		if len(c.in.unread()) == 0 {
			parked, ok := c.awaitRequest()
			if parked {
				return
			}
			if !ok {
				break
			}
		}
		if !c.exchange() {
			if c.takenOver {
				return
			}
			break
		}
		if len(c.in.unread()) == 0 {
			c.moved(exchange.ConnIdle)
		}
	}
	c.end()
}

// rescue keeps a mistake in the engine from ending the process: only the
// connection is lost. Handlers take care of their own panics.
func (c *conn) rescue() {
	if v := recover(); v != nil {
		c.srv.cfg.Log.Error("connection failed, please report it", "client", c.s.Remote().String(),
			"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		if c.takenOver {
			_ = c.s.Close()
			return
		}
		c.end()
	}
}

func (c *conn) end() {
	c.in.release()
	_ = c.s.Close()
	c.srv.active.Add(-1)
	c.moved(exchange.ConnClosed)
}

// moved reports a change of state.
func (c *conn) moved(to exchange.ConnState) {
	if c.srv.cfg.ConnMoved != nil {
		c.srv.cfg.ConnMoved(c.state, to)
	}
	c.state = to
}

// awaitRequest waits for the first byte of a request.
func (c *conn) awaitRequest() (parked, ok bool) {
	srv := c.srv
	now := c.last
	if now == 0 {
		now = srv.sweeper.Now()
	}
	c.last = 0
	timeout := srv.cfg.IdleTimeout
	if c.requests == 0 {
		timeout = srv.cfg.HeadTimeout
	}
	c.s.SetTimeout(now, timeout)
	b, n, err := c.s.FillIdle(now, buf.Medium, srv.parker != nil && !srv.stopping.Load())
	if err == sock.ErrPark { //nolint:errorlint // FillIdle returns it bare
		if !srv.stopping.Load() {
			return c.park()
		}
		b, n, err = c.lastCall(now)
	}
	if err != nil || n == 0 {
		return false, false
	}
	c.in.b, c.in.r, c.in.w = b, 0, n
	c.moved(exchange.ConnActive)
	return false, true
}

// lastCall is how long a connection must have been silent before a server that
// stops ends it. Clients that were served just now, or have just come, may have
// sent a request already; who is silent for longer learns of the end in peace.
const lastCall = sock.ParkAfter

// lastCall waits for the rest of that time; since is when the silence began.
func (c *conn) lastCall(since int64) ([]byte, int, error) {
	now := c.srv.sweeper.Now()
	// At least a look: a request may have arrived when the wait was ended.
	c.s.SetTimeout(now, max(lastCall-time.Duration(now-since), time.Millisecond))
	return c.s.Fill(buf.Medium)
}

// park gives the connection to the parker, which calls serve again.
func (c *conn) park() (parked, ok bool) {
	sc, isConn := c.s.(*sock.Conn)
	if !isConn || c.srv.parker == nil || c.srv.stopping.Load() {
		return false, false
	}
	c.srv.live.Add(1) // for the goroutine that resumes
	err := c.srv.parker.Park(sc, func(err error) {
		if err != nil && (c.s.Expired() || !c.srv.stopping.Load()) {
			c.end()
			c.srv.live.Done()
			return
		}
		if err != nil { // the server stops: for a last look, after a long silence
			c.last = c.srv.sweeper.Now() - int64(lastCall)
		}
		c.serve()
	})
	if err != nil {
		c.srv.live.Done()
		c.srv.cfg.Log.Error("park connection", "error", err)
		return false, false
	}
	return true, true
}

// exchange reads one request and has it answered. It reports whether the
// connection lives on.
func (c *conn) exchange() bool {
	x := exchanges.Get().(*Exchange)
	x.reset(c)
	alive := c.run(x)
	x.record.Request.Reset()
	x.conn = nil
	exchanges.Put(x)
	c.in.unpin()
	return alive
}

func (c *conn) run(x *Exchange) bool {
	if err := c.readHead(x); err != nil {
		if err == errHTTP2 { //nolint:errorlint // readHead returns it bare
			c.takeOver(&Takeover{})
			return false
		}
		var pe *exchange.ProtocolError
		if errors.As(err, &pe) {
			c.refuse(x, pe)
		}
		return false
	}
	c.requests++
	if t := c.upgradeToHTTP2(x); t != nil {
		return c.changeToHTTP2(x, t)
	}
	now := c.srv.sweeper.Now()
	c.s.SetTimeout(0, 0)
	c.readBy = 0
	if t := c.srv.cfg.ReadTimeout; t > 0 {
		c.readBy = now + int64(t)
	}
	x.begin(now)
	if c.lastRequest(now) {
		x.close = true
	}
	c.srv.handler.Handle(x)
	c.last = x.record.Ended
	if x.finish() {
		return true
	}
	if x.cut {
		c.reset()
		return false
	}
	if x.replied && !x.released && !x.complete() {
		c.linger()
	}
	return false
}

// reset makes the coming end of the connection look like a fault to the client.
func (c *conn) reset() { c.s.Reset() }

// lastRequest reports whether the connection has to end with this exchange.
func (c *conn) lastRequest(now int64) bool {
	cfg := &c.srv.cfg
	return c.srv.stopping.Load() ||
		(cfg.MaxRequests > 0 && c.requests >= cfg.MaxRequests) ||
		(cfg.MaxAge > 0 && now-c.born >= int64(cfg.MaxAge))
}

// readHead reads until a head is complete.
func (c *conn) readHead(x *Exchange) error {
	lim := c.srv.cfg.Limits
	scanned := 0 // no head ends before this offset
	for first := true; ; first = false {
		if b := c.in.unread(); first || headMayEnd(b, scanned) {
			if err := c.parseHead(x, b); !errors.Is(err, errIncomplete) {
				return err
			}
		}
		if first {
			c.s.SetTimeout(c.srv.sweeper.Now(), c.srv.cfg.HeadTimeout)
		}
		scanned = len(c.in.unread())
		end, full, err := c.in.grow(lim.HeadBytes)
		switch {
		case err != nil:
			return err
		case end:
			return c.endOfInput(x)
		case full:
			return bad(message.ReasonHeaderTooLarge, "the head has more than %d bytes", lim.HeadBytes)
		}
	}
}

// parseHead parses a head from b, which was read and not consumed.
func (c *conn) parseHead(x *Exchange, b []byte) error {
	pos, err := parseRequest(b, &x.record.Request, &x.framing, c.srv.cfg.Limits)
	if err == nil {
		c.in.r += pos
		c.in.pin()
		return nil
	}
	if !errors.Is(err, errIncomplete) {
		if yes, maybe := c.asksForHTTP2(b); yes {
			return errHTTP2
		} else if !maybe {
			return err
		}
	}
	x.record.Request.Reset()
	return errIncomplete
}

// endOfInput says what is wrong with a head that never ended: what can be seen
// of it may be malformed already.
func (c *conn) endOfInput(x *Exchange) error {
	_, err := parseRequest(c.in.unread(), &x.record.Request, &x.framing, c.srv.cfg.Limits)
	if errors.Is(err, errIncomplete) {
		return exchange.ErrUnexpectedEnd
	}
	return err
}

// headMayEnd reports whether an empty line may end in b[from:]: parsing again
// before that is a waste, and byte by byte it would be quadratic.
func headMayEnd(b []byte, from int) bool {
	for i := max(from, 1); i < len(b); i++ {
		if b[i] == '\n' && (b[i-1] == '\n' || (i > 2 && b[i-1] == '\r' && b[i-2] == '\n')) {
			return true
		}
	}
	return false
}

// bodyWait renews the limit before the request body is waited for.
func (c *conn) bodyWait() {
	rated := c.srv.cfg.MinBodyRate > 0
	if c.readBy == 0 && !rated {
		return
	}
	now := c.srv.sweeper.Now()
	left := int64(math.MaxInt64)
	if c.readBy != 0 {
		left = c.readBy - now
	}
	if rated {
		c.waitBegan = now
		left = min(left, int64(c.srv.cfg.BodyPatience(c.body.read))-c.waited)
	}
	c.s.SetTimeout(now, max(time.Duration(left), 1))
}

// bodyWaited counts the time for which the body was waited for.
func (c *conn) bodyWaited() {
	if c.waitBegan != 0 {
		c.waited += c.srv.sweeper.Now() - c.waitBegan
		c.waitBegan = 0
	}
}

// refuse answers input that is not HTTP and lets the handler count it.
func (c *conn) refuse(x *Exchange, pe *exchange.ProtocolError) {
	x.close = true
	x.mute = c.neither()
	x.record.Request.Remote, x.record.Request.Local = c.s.Remote(), c.s.Local()
	c.srv.handler.Refuse(x, pe)
	if x.replied && !x.mute {
		c.linger()
	}
}

// The bounds of lingering: what a client still sends is read and dropped for a
// moment, so that a reset does not overtake the last response (RFC 9112 9.6).
const (
	lingerTime  = time.Second
	lingerBytes = 512 << 10
)

func (c *conn) linger() {
	if c.s.Expired() || c.s.CloseWrite() != nil {
		return
	}
	c.s.SetTimeout(c.srv.sweeper.Now(), lingerTime)
	c.in.release()
	for total := 0; total < lingerBytes; {
		b, n, err := c.s.Fill(buf.Medium)
		if err != nil || n == 0 {
			return
		}
		buf.Put(b)
		total += n
	}
}
