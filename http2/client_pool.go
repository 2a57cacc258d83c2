package http2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// PoolConfig says how the connections to one endpoint are made and used.
type PoolConfig struct {
	// Dial connects. It must end when ctx does.
	Dial func(ctx context.Context) (Conn, error)
	// Most bounds the connections; default 8.
	Most int
	// Wait bounds how long an exchange waits for a place when all connections
	// are full; default 10 s.
	Wait   time.Duration
	Client ClientConfig
	// Moved, if set, is told when a connection begins to be used (1) and when it
	// has ended (-1).
	Moved func(by int)
}

// spreadFrom is the number of exchanges on a connection from which another one is
// made, while that one takes more.
const spreadFrom = 100

// Pool keeps the connections to one endpoint and spreads the exchanges over them.
// At most one connection is made at a time; all who need one wait for it.
type Pool struct {
	cfg  PoolConfig
	ctx  context.Context
	stop context.CancelFunc
	live sync.WaitGroup

	// wake has a token when there may be a place for one of those who wait.
	waiting atomic.Int64
	wake    chan struct{}

	mu      sync.Mutex
	conns   []*ClientConn // that take exchanges
	old     []*ClientConn // that only end those they have
	dial    *dialing      // under way; may be nil
	leaving bool
	closed  bool
	// stunted is when one more connection could not be made.
	stunted time.Time
}

// dialing is a connection that is being made.
type dialing struct {
	done chan struct{}
	// Valid when done is closed: growth says that others lived when it failed.
	err    error
	growth bool
}

// ErrBusy is returned by Pool.Get when all connections are full and no place
// became free in time.
var ErrBusy = errors.New("all connections to the backend are full")

var errPoolClosed = errors.New("the endpoint is not used any more")

// NewPool returns a pool without connections.
func NewPool(cfg PoolConfig) *Pool {
	if cfg.Most <= 0 {
		cfg.Most = 8
	}
	if cfg.Wait <= 0 {
		cfg.Wait = 10 * time.Second
	}
	const tokens = 1024
	p := &Pool{cfg: cfg, wake: make(chan struct{}, tokens)}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

// Len returns the number of connections.
func (p *Pool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns) + len(p.old)
}

// Get returns a stream for one exchange. It waits for a connection to be made, or
// for a place on one, until ctx ends. The error is that of Dial, ErrBusy or that
// of ctx.
func (p *Pool) Get(ctx context.Context) (*ClientStream, error) {
	s, _, err := p.try()
	if s != nil || err != nil {
		return s, err
	}
	p.waiting.Add(1)
	defer p.freed() // what woke us may be good for another one
	defer p.waiting.Add(-1)
	late := time.NewTimer(p.cfg.Wait)
	defer late.Stop()
	for {
		// Once more: a place may have become free before we were counted.
		s, d, err := p.try()
		if s != nil || err != nil {
			return s, err
		}
		var made <-chan struct{}
		if d != nil {
			made = d.done
		}
		select {
		case <-made:
			if d.err != nil && !d.growth {
				return nil, d.err
			}
		case <-p.wake:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for a connection to the backend: %w", ctx.Err())
		case <-late.C:
			return nil, ErrBusy
		}
	}
}

// try returns a stream if there is a place, otherwise the connection that is
// being made, if any.
func (p *Pool) try() (*ClientStream, *dialing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errPoolClosed
	}
	s, load := p.open()
	if (s == nil || load >= spreadFrom) && p.mayGrow() {
		p.dial = &dialing{done: make(chan struct{})}
		d := p.dial
		p.live.Go(func() { p.connect(d) })
	}
	return s, p.dial, nil
}

// growthPause is how long nobody tries to make one more connection after that
// failed while others live.
const growthPause = time.Second

// mayGrow reports whether a connection should be made; the lock is held.
func (p *Pool) mayGrow() bool {
	if p.dial != nil || len(p.conns) >= p.cfg.Most {
		return false
	}
	return len(p.conns) == 0 || time.Since(p.stunted) >= growthPause
}

// open takes a stream of the connection with the fewest exchanges.
func (p *Pool) open() (s *ClientStream, load int64) {
	var tried uint64
	for range p.conns {
		best := -1
		for i, c := range p.conns {
			if n := c.load.Load(); tried&(1<<i) == 0 && (best < 0 || n < load) {
				best, load = i, n
			}
		}
		if s, ok := p.conns[best].Open(); ok {
			return s, load
		}
		tried |= 1 << best
	}
	return nil, 0
}

// connect makes a connection.
func (p *Pool) connect(d *dialing) {
	c, err := p.newConn()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dial = nil
	d.err = err
	if err != nil && len(p.conns) > 0 {
		d.growth, p.stunted = true, time.Now()
	}
	if err == nil {
		p.conns = append(p.conns, c)
		p.live.Go(func() { p.bury(c) })
		switch {
		case p.closed:
			p.live.Go(func() { _ = c.Close() })
		case p.leaving:
			c.endIdle()
		}
	}
	close(d.done)
}

func (p *Pool) newConn() (*ClientConn, error) {
	nc, err := p.cfg.Dial(p.ctx)
	if err != nil {
		return nil, err
	}
	c, err := newClientConn(nc, p.cfg.Client, p.freed)
	if err == nil && p.cfg.Moved != nil {
		p.cfg.Moved(1)
	}
	return c, err
}

// bury waits for the end of a connection and forgets it.
func (p *Pool) bury(c *ClientConn) {
	<-c.leaves
	p.mu.Lock()
	p.conns = without(p.conns, c)
	p.old = append(p.old, c)
	p.mu.Unlock()
	p.freed() // another connection may be made
	<-c.done
	p.mu.Lock()
	p.old = without(p.old, c)
	p.mu.Unlock()
	if p.cfg.Moved != nil {
		p.cfg.Moved(-1)
	}
}

func without(conns []*ClientConn, c *ClientConn) []*ClientConn {
	if i := slices.Index(conns, c); i >= 0 {
		return slices.Delete(conns, i, i+1)
	}
	return conns
}

// freed is told that there may be a place.
func (p *Pool) freed() {
	if p.waiting.Load() == 0 {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default: // enough of them are awake
	}
}

// Expire ends the connections that nobody has used for longer than most, as of
// now on the sweeper's clock.
func (p *Pool) Expire(now int64, most time.Duration) {
	p.mu.Lock()
	conns := append([]*ClientConn(nil), p.conns...)
	p.mu.Unlock()
	for _, c := range conns {
		if at, idle := c.idleSince(); idle && now-at > int64(most) {
			c.Retire()
		}
	}
}

// Retire says that the endpoint is not used any more: all connections end when
// their exchanges have. An exchange that comes late is served all the same.
func (p *Pool) Retire() {
	p.mu.Lock()
	p.leaving = true
	conns := append([]*ClientConn(nil), p.conns...)
	p.mu.Unlock()
	for _, c := range conns {
		c.Retire()
	}
}

// Close ends all connections and the exchanges on them, and waits for that. Get
// fails from now on.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	for _, c := range slices.Concat(p.conns, p.old) {
		p.live.Go(func() { _ = c.Close() })
	}
	p.mu.Unlock()
	p.stop()
	p.live.Wait()
	return nil
}
