package http2

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// ClientConfig says how connections to a backend are used. Zero values mean the
// defaults.
type ClientConfig struct {
	// Limits bound the head of a response.
	Limits exchange.Limits
	// Scheme is what :scheme says: "http" or "https".
	Scheme string
	// MaxStreams bounds the exchanges of a connection when the backend allows
	// more; default 1000.
	MaxStreams int
	// StreamWindow and ConnWindow are how many bytes of responses the backend may
	// send before they are read; default 256 KB and 32 MB. The second bounds the
	// memory of a connection; it is large so that many clients that read slowly
	// do not hold up the others.
	StreamWindow, ConnWindow int
	// WriteTimeout ends a connection that takes no bytes for so long; default 15 s.
	WriteTimeout time.Duration
	// SettingsTimeout bounds the wait for the backend's SETTINGS; default 10 s.
	SettingsTimeout time.Duration
	// PingAfter is how long a backend may be silent while exchanges wait until it
	// is asked whether it is there; PingTimeout is how long it has to answer.
	// Default 15 s each.
	PingAfter, PingTimeout time.Duration
	// Now is the sweeper's clock.
	Now func() int64
}

func (c ClientConfig) orDefault() ClientConfig {
	c.Limits = c.Limits.OrDefault()
	if c.Scheme == "" {
		c.Scheme = "http"
	}
	number := func(n *int, normal int) {
		if *n <= 0 {
			*n = normal
		}
	}
	number(&c.MaxStreams, 1000)
	number(&c.StreamWindow, 256<<10)
	number(&c.ConnWindow, 32<<20)
	period := func(d *time.Duration, normal time.Duration) {
		if *d <= 0 {
			*d = normal
		}
	}
	period(&c.WriteTimeout, 15*time.Second)
	period(&c.SettingsTimeout, 10*time.Second)
	period(&c.PingAfter, 15*time.Second)
	period(&c.PingTimeout, 15*time.Second)
	if c.Now == nil {
		epoch := time.Now()
		c.Now = func() int64 { return int64(time.Since(epoch)) }
	}
	return c
}

// firstStreams is how many exchanges are begun before the backend's SETTINGS say
// how many it allows (RFC 9113 6.5.2).
const firstStreams = 100

var (
	errClosed  = errors.New("the connection was closed here")
	errRetired = errors.New("the connection takes no further exchanges")
)

// ClientConn is a connection to a backend. It carries many exchanges at a time.
// One goroutine reads; who sends also writes, for others too.
type ClientConn struct {
	common
	conn Conn
	cfg  ClientConfig

	// load is the number of exchanges, for who chooses among connections.
	load atomic.Int64
	// freed is called, without the lock, when an exchange less is going on.
	freed func()
	// leaves is closed when the connection takes no further exchanges, done when
	// nothing of it runs any more.
	leaves, done chan struct{}

	// What follows is guarded by mu.
	streams map[uint32]*ClientStream
	free    []*ClientStream
	nextID  uint32
	held    int    // streams that were promised and have not ended
	used    bool   // an exchange was begun
	last    uint32 // what GOAWAY said
	away    bool   // GOAWAY came
	leaving bool   // no further exchanges
	brief   bool   // it leaves when it is idle
	err     error  // why the connection ended
	since   int64  // when the last exchange ended

	settled  bool // the backend's SETTINGS came
	settling sync.Cond
	most     int   // exchanges that the backend allows
	initial  int64 // window of its new streams
	connect  bool  // it takes extended CONNECT

	blocked []*ClientStream // wait for the connection's window
	clock   connClock
	reader  clientReader
}

// NewClientConn begins a connection on c, which it owns from now on: preface and
// SETTINGS go out at once.
func NewClientConn(c Conn, cfg ClientConfig) (*ClientConn, error) { return newClientConn(c, cfg, nil) }

func newClientConn(c Conn, cfg ClientConfig, freed func()) (*ClientConn, error) {
	cc := &ClientConn{
		conn: c, cfg: cfg.orDefault(), freed: freed, streams: map[uint32]*ClientStream{},
		leaves: make(chan struct{}), done: make(chan struct{}),
		nextID: 1, last: maxID, most: firstStreams, initial: firstWindow,
	}
	cc.settling.L = &cc.mu
	cc.w.begin(c, &cc.mu, cc.cfg.Now)
	cc.send.add(firstWindow)
	cc.recv.begin(cc.cfg.ConnWindow)
	cc.reader.begin(cc)
	cc.since = cc.cfg.Now()
	cc.clock.begun(cc)

	settings := appendSetting(nil, settingEnablePush, 0)
	settings = appendSetting(settings, settingInitialWindowSize, uint32(cc.cfg.StreamWindow))
	settings = appendSetting(settings, settingMaxHeaderListSize, uint32(cc.cfg.Limits.HeadBytes))
	first := append([]byte(nil), Preface...)
	first = append(appendFrameHead(first, len(settings), frameSettings, 0, 0), settings...)
	if more := cc.cfg.ConnWindow - firstWindow; more > 0 {
		first = appendWindowUpdate(first, 0, uint32(more))
	}
	if err := c.WriteTwo(first, nil); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("begin HTTP/2: %w", err)
	}
	go cc.reader.run()
	return cc, nil
}

// Open returns a stream for one exchange. ok is false when the connection cannot
// take one now, or never again.
func (c *ClientConn) Open() (s *ClientStream, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.room() {
		return nil, false
	}
	c.held++
	c.load.Store(int64(c.held))
	if n := len(c.free); n > 0 {
		s = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		s = &ClientStream{}
	}
	s.begin(c)
	return s, true
}

// room reports whether another exchange may begin.
func (c *ClientConn) room() bool {
	return c.err == nil && !c.leaving && !c.clock.suspect && c.held < min(c.most, c.cfg.MaxStreams)
}

// Alive reports whether the connection may take exchanges, now or later.
func (c *ClientConn) Alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil && !c.leaving
}

// idleSince returns when the last exchange ended; false when there are some.
func (c *ClientConn) idleSince() (at int64, idle bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.since, c.held == 0
}

// gaveUp is called when a stream holds its place no longer.
func (c *ClientConn) gaveUp() {
	c.held--
	c.load.Store(int64(c.held))
	if c.held == 0 {
		c.since = c.cfg.Now()
		if c.leaving || c.brief {
			c.retire()
		}
	}
}

// leave says that no further exchange may begin.
func (c *ClientConn) leave() {
	if !c.leaving {
		c.leaving = true
		close(c.leaves)
	}
}

// endIdle has the connection end as soon as no exchange is going on.
func (c *ClientConn) endIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.brief = true
}

// Retire lets the exchanges end, and the connection then.
func (c *ClientConn) Retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retire()
}

func (c *ClientConn) retire() {
	c.leave()
	if c.held == 0 && c.err == nil {
		c.err = errRetired
		c.conn.Interrupt() // the reader ends the rest
	}
}

// Close ends the connection and the exchanges on it, and waits for its
// goroutines.
func (c *ClientConn) Close() error {
	c.mu.Lock()
	c.say(errClosed, CodeNone)
	c.mu.Unlock()
	<-c.done
	return nil
}

// Done is closed when the connection has ended.
func (c *ClientConn) Done() <-chan struct{} { return c.done }

// farewellTime is how long a connection that ends may take to say so.
const farewellTime = time.Second

// say ends the connection for err and tells the backend why.
func (c *ClientConn) say(err error, code Code) {
	if c.err != nil {
		return
	}
	c.end(err)
	c.w.out = c.w.out[:0] // what never left is said to be unsent
	detail := ""
	if code != CodeNone {
		detail = err.Error()
	}
	c.w.reserve(frameHeadLen + 8 + len(detail))
	c.w.out = appendGoAway(c.w.out, 0, code, detail)
	late := time.AfterFunc(farewellTime, c.conn.Interrupt)
	c.w.flush(false)
	for c.w.writing { // somebody else, who writes this too
		c.w.room.Wait()
	}
	if late.Stop() {
		c.conn.Interrupt()
	}
	c.w.fail(err)
}

// end makes the connection useless: all exchanges fail with err.
func (c *ClientConn) end(err error) {
	if c.err != nil {
		return
	}
	c.err, c.w.closed = err, true
	c.leave()
	cause := c.verdict(err)
	for _, s := range c.streams {
		s.unsent = s.unsent || s.mark == c.w.taken
		s.silent = !errors.As(cause, new(*exchange.ProtocolError)) && !isTimeout(cause)
		s.over(cause)
	}
	c.settling.Broadcast()
	c.w.room.Broadcast()
}

// verdict returns what the end of the connection means to its exchanges: what
// the backend did wrong is a malformed response.
func (c *ClientConn) verdict(err error) error {
	var ce *ConnError
	if errors.As(err, &ce) && !ce.Remote {
		return &exchange.ProtocolError{Reason: message.ReasonBackendMalformed, Detail: ce.Error()}
	}
	return err
}

// cleanUp waits for everything that the connection started. The reader calls
// it last.
func (c *ClientConn) cleanUp(err error) {
	c.mu.Lock()
	var ce *ConnError
	if errors.As(err, &ce) && !ce.Remote {
		c.say(err, ce.Code)
	}
	c.end(err)
	c.leave()
	c.w.closed = true
	c.w.fail(c.err)
	c.conn.Interrupt()
	for c.w.writing {
		c.w.room.Wait()
	}
	c.clock.stop()
	c.mu.Unlock()
	c.w.live.Wait()
	c.clock.ticks.Wait()
	_ = c.conn.Close()
	close(c.done)
	if c.freed != nil {
		c.freed()
	}
}
