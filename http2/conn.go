package http2

import (
	"errors"
	"sync"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// The windows that clients get. The connection's bounds the memory that the
// bodies of all its streams can take.
const (
	streamWindow = 256 << 10
	connWindow   = 1 << 20
	firstWindow  = 65535 // RFC 9113 6.9.2
)

// errConnEnded is why streams fail whose connection is gone.
var errConnEnded = errors.New("the client's connection ended")

// errReset is why streams fail that the client gave up.
var errReset = errors.New("the client reset the stream")

// conn is one client connection. Its reader goroutine runs serve; each stream
// has a worker.
type conn struct {
	common // mu, writer, windows
	srv    *Server
	nc     Conn
	opt    ConnOptions
	in     input
	dec    headDecoder
	head   openHead // of the reader
	fresh  bool     // the client's SETTINGS are still to come; of the reader

	// What follows is guarded by mu.
	streams streamTable
	past    pastStreams
	flood   flood
	peer    int64 // SETTINGS_INITIAL_WINDOW_SIZE of the client
	maxID   uint32
	lastID  uint32 // streams above are not served, as GOAWAY said
	started int    // requests
	open    int    // streams that count against MaxStreams
	running int    // streams whose handler runs
	busy    int    // streams that still use c
	quiet   sync.Cond
	first   bool // no header block was sent yet
	heads   int  // bytes of the heads of all streams
	state   exchange.ConnState
	fate    *ConnError // why the connection was ended, nil when nothing was wrong
	ended   bool       // GOAWAY said so or the connection is gone: no stream begins
	opening bool       // the head of a stream that is served is on its way
	greeted bool       // our SETTINGS are first
	drain   drainState
	times   connTimes
}

// connTimes are points on the sweeper's clock, 0 where nothing is waited for.
type connTimes struct {
	born     int64
	head     int64 // a head, or the preface, is being waited for since
	idle     int64 // no stream since
	settings int64 // the acknowledgement of our SETTINGS is waited for since
	linger   int64 // what is waited for at the end is waited for until then
	checked  int64 // when the watch looked last
}

func newConn(srv *Server, nc Conn, o ConnOptions) *conn {
	c := &conn{srv: srv, nc: nc, opt: o, fresh: true, first: true, peer: firstWindow, lastID: maxID}
	c.opt.Unread = nil
	now := srv.now()
	c.w.begin(nc, &c.mu, srv.now)
	c.quiet.L = &c.mu
	c.send.n = firstWindow
	c.recv.begin(connWindow)
	c.dec.begin(srv.cfg.Limits)
	c.flood.begin()
	c.times = connTimes{born: now, head: now, checked: now, idle: now}
	c.in.begin(nc, o.Unread)
	return c
}

// serve runs the connection.
func (c *conn) serve(o ConnOptions) {
	defer c.close()
	defer func() {
		if v := recover(); v != nil {
			c.srv.rescue(c, v)
		}
	}()
	c.mu.Lock()
	c.sayHello()
	c.greeted = true
	if c.srv.stopping.Load() { // Stop may have looked already
		c.beginDrain()
	}
	c.w.kick()
	c.mu.Unlock()
	err := c.upgraded(o)
	if err == nil {
		err = c.read()
	}
	c.endFor(err)
	c.discard()
}

// endFor ends the connection for what the reader found.
func (c *conn) endFor(err error) {
	c.mu.Lock()
	gone := c.shutFor(err)
	if gone == nil {
		gone = c.shut(&ConnError{Code: CodeNone}) // the client ended it
	}
	c.mu.Unlock()
	gone.tell()
}

// shutFor is shut when err is a *ConnError.
func (c *conn) shutFor(err error) departures {
	var ce *ConnError
	if !errors.As(err, &ce) {
		return nil
	}
	return c.shut(ce)
}

// shut says goodbye, gives up the streams and lets the peer close. The result is
// to be told when the lock, which the caller holds, is released.
func (c *conn) shut(e *ConnError) (gone departures) {
	if c.w.closed {
		return nil
	}
	last := min(c.maxID, c.lastID)
	c.lastID, c.ended = last, true
	c.w.reserve(frameHeadLen + 8 + len(e.Detail))
	c.w.out = appendGoAway(c.w.out, last, e.Code, e.Detail)
	if e.Code != CodeNone {
		c.times.linger = c.srv.now() + int64(lingerTime)
		c.fate = e
	}
	return c.sayGoodbye()
}

// sayGoodbye ends the sending direction behind what was gathered.
func (c *conn) sayGoodbye() (gone departures) {
	c.ended, c.w.closed = true, true
	c.streams.each(func(s *stream) { gone = s.leave(errConnEnded, gone) })
	c.w.finish()
	return gone
}

// The bounds of lingering: what the client still sends is read and dropped for a
// moment, so that a reset does not overtake what was sent last.
const (
	lingerTime  = time.Second
	lingerBytes = 512 << 10
)

// discard reads until the client closes, or for a moment, and until what was
// gathered is written.
func (c *conn) discard() {
	c.in.release()
	for total := 0; total < lingerBytes; {
		b, n, err := c.nc.Fill(buf.Small)
		if err != nil || n == 0 {
			break
		}
		buf.Put(b)
		total += n
	}
	c.mu.Lock()
	c.w.settle()
	c.mu.Unlock()
}

// close waits for the streams and the writer and closes the connection.
func (c *conn) close() {
	c.mu.Lock()
	gone := c.shut(&ConnError{Code: CodeNone})
	c.w.fail(errConnEnded)
	c.mu.Unlock()
	gone.tell()
	c.nc.Interrupt()
	c.mu.Lock()
	for c.busy > 0 {
		c.quiet.Wait()
	}
	c.mu.Unlock()
	c.w.live.Wait()
	c.w.drop()
	c.in.release()
	c.dec.drop()
	_ = c.nc.Close()
	if c.fate != nil {
		c.srv.log.connEnded(c.nc.Remote().Addr().String(), c.fate)
		if told := c.srv.cfg.ConnEnded; told != nil {
			told(c.fate.Code)
		}
	}
}

// moved reports a change of state.
func (c *conn) moved(to exchange.ConnState) {
	if to == c.state {
		return
	}
	if c.srv.cfg.ConnMoved != nil {
		c.srv.cfg.ConnMoved(c.state, to)
	}
	c.state = to
}

// scheme is what requests of this connection have.
func (c *conn) scheme() string {
	if c.opt.TLS != nil {
		return "https"
	}
	return "http"
}

// departures are the streams whose handlers are to be told, without the lock,
// that their client went away.
type departures []*stream

func (d departures) tell() {
	for _, s := range d {
		s.tellGone()
	}
}

// upgraded begins with the request that came over HTTP/1 (RFC 7540 3.2).
func (c *conn) upgraded(o ConnOptions) error {
	if o.Request == nil {
		return nil
	}
	c.mu.Lock()
	err := c.applySettings(o.Settings)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	s := streams.Get().(*stream)
	s.begin(c, 1)
	copyRequest(&s.record.Request, o.Request)
	s.head.isHead = o.Request.Method == "HEAD"
	s.head.trailersOK = message.HasToken(o.Request.Header.Get("TE"), "trailers")
	s.settle(0)
	return c.start(s, true)
}

// copyRequest keeps the memory of the headers of to.
func copyRequest(to, from *message.Request) {
	h, t := to.Header, to.Trailer
	for _, f := range from.Header.Fields() {
		h.AddField(f)
	}
	*to = *from
	to.Header, to.Trailer = h, t
	to.Major, to.Minor = 2, 0
	to.Body, to.ContentLength = nil, 0
}
