package pool

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Limit counts the idle connections of all endpoints. Max 0 means no bound.
type Limit struct {
	Max int64
	n   atomic.Int64
}

// Len returns the number of idle connections.
func (l *Limit) Len() int { return int(l.n.Load()) }

// Idle keeps the idle connections of one endpoint.
type Idle[C io.Closer] struct {
	most  int
	limit *Limit

	mu     sync.Mutex
	stack  []idle[C]
	closed bool
}

type idle[C io.Closer] struct {
	conn  C
	since int64
}

// A stack may hold burst times as many connections as it should, for a lull:
// under more requests at a time than that, connections come and go in waves, and
// to close and open one each time costs more than the request.
const (
	burst = 16
	lull  = time.Second
)

// NewIdle returns an empty stack for most connections (0: none are kept). What
// Put brings beyond that is closed by Expire when it was not needed for a second.
func NewIdle[C io.Closer](most int, limit *Limit) *Idle[C] {
	return &Idle[C]{most: most, limit: limit}
}

// Get takes the connection that was used last.
func (p *Idle[C]) Get() (c C, ok bool) {
	p.mu.Lock()
	n := len(p.stack)
	if n == 0 {
		p.mu.Unlock()
		return c, false
	}
	c = p.stack[n-1].conn
	p.stack[n-1] = idle[C]{}
	p.stack = p.stack[:n-1]
	p.mu.Unlock()
	p.limit.n.Add(-1)
	return c, true
}

// Put keeps c, idle since now (any clock that goes forward, in nanoseconds). It
// returns false when there is no room: the caller closes c.
func (p *Idle[C]) Put(c C, now int64) bool {
	if p.limit.n.Add(1) > p.limit.Max && p.limit.Max > 0 {
		p.limit.n.Add(-1)
		return false
	}
	p.mu.Lock()
	if p.closed || len(p.stack) >= p.most*burst {
		p.mu.Unlock()
		p.limit.n.Add(-1)
		return false
	}
	p.stack = append(p.stack, idle[C]{c, now})
	p.mu.Unlock()
	return true
}

// Len returns the number of idle connections.
func (p *Idle[C]) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.stack)
}

// Expire closes the connections that have been idle for longer than most (0: any
// time), and those that are too many.
func (p *Idle[C]) Expire(now int64, most time.Duration) {
	p.mu.Lock()
	n := 0
	for n < len(p.stack) && most > 0 && now-p.stack[n].since > int64(most) {
		n++
	}
	for len(p.stack)-n > p.most && now-p.stack[n].since > int64(lull) {
		n++
	}
	old := append([]idle[C](nil), p.stack[:n]...)
	rest := copy(p.stack, p.stack[n:])
	clear(p.stack[rest:])
	p.stack = p.stack[:rest]
	p.mu.Unlock()
	p.drop(old)
}

// Close closes all idle connections; none are kept from now on.
func (p *Idle[C]) Close() error {
	p.mu.Lock()
	old := p.stack
	p.stack, p.closed = nil, true
	p.mu.Unlock()
	p.drop(old)
	return nil
}

func (p *Idle[C]) drop(old []idle[C]) {
	p.limit.n.Add(-int64(len(old)))
	for _, i := range old {
		_ = i.conn.Close()
	}
}
