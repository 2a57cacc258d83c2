package sock

import (
	"context"
	"sync"
	"time"
)

// Precise is the limit below which SetTimeout uses the runtime's timers; longer
// limits may fire up to one sweep late.
const Precise = 2 * time.Second

// expired in the limit word says that the connection was ended for its time.
const expired = -1

// past is a deadline that has passed already.
var past = time.Unix(1, 0)

// sweepEvery is how often the words are looked at.
const sweepEvery = 250 * time.Millisecond

// shards keeps connections that come and go from waiting for each other.
const shards = 16

// Sweeper ends connections whose time limit has passed. One serves the whole
// process; Run drives it.
type Sweeper struct {
	epoch  time.Time
	shards [shards]struct {
		sync.Mutex
		first *Conn
		_     [40]byte
	}
	next sync.Mutex
	turn uint32
}

// place is where a Conn stands in its shard's list.
type place struct {
	prev, next *Conn
	shard      uint8
	listed     bool
}

// NewSweeper returns a sweeper whose clock starts now.
func NewSweeper() *Sweeper { return &Sweeper{epoch: time.Now()} }

// Now returns the sweeper's clock in nanoseconds.
func (s *Sweeper) Now() int64 { return int64(time.Since(s.epoch)) }

// At converts a point in time to the sweeper's clock.
func (s *Sweeper) At(t time.Time) int64 { return int64(t.Sub(s.epoch)) }

// Time converts a point on the sweeper's clock to the time of day.
func (s *Sweeper) Time(at int64) time.Time { return s.epoch.Add(time.Duration(at)) }

// Run ends overdue connections until ctx ends.
func (s *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.sweep(s.Now(), n%goneEvery == 0)
		}
	}
}

func (s *Sweeper) sweep(now int64, gone bool) {
	for i := range s.shards {
		if gone {
			s.lookForGone(i)
		}
		for _, c := range s.overdue(i, now) {
			_ = c.nc.SetDeadline(past)
			c.parking.wake(c)
		}
	}
}

// overdue marks the overdue connections of a shard and returns them. On the
// way it asks readers that have waited long enough to park.
func (s *Sweeper) overdue(i int, now int64) (late []*Conn) {
	sh := &s.shards[i]
	sh.Lock()
	defer sh.Unlock()
	for c := sh.first; c != nil; c = c.place.next {
		if l := c.limit.Load(); l > 0 && now > l && c.limit.CompareAndSwap(l, expired) {
			late = append(late, c)
			continue
		}
		c.parking.ask(c, now)
	}
	return late
}

func (s *Sweeper) add(c *Conn) {
	s.next.Lock()
	s.turn++
	c.place.shard = uint8(s.turn % shards)
	s.next.Unlock()
	sh := &s.shards[c.place.shard]
	sh.Lock()
	defer sh.Unlock()
	c.place.listed, c.place.next = true, sh.first
	if sh.first != nil {
		sh.first.place.prev = c
	}
	sh.first = c
}

func (s *Sweeper) remove(c *Conn) {
	sh := &s.shards[c.place.shard]
	sh.Lock()
	defer sh.Unlock()
	if !c.place.listed {
		return
	}
	c.place.listed = false
	if c.place.prev != nil {
		c.place.prev.place.next = c.place.next
	} else {
		sh.first = c.place.next
	}
	if c.place.next != nil {
		c.place.next.place.prev = c.place.prev
	}
	c.place.prev, c.place.next = nil, nil
}

// Interrupt ends all connections.
func (s *Sweeper) Interrupt() {
	for i := range s.shards {
		var chosen []*Conn
		sh := &s.shards[i]
		sh.Lock()
		for c := sh.first; c != nil; c = c.place.next {
			chosen = append(chosen, c)
		}
		sh.Unlock()
		for _, c := range chosen {
			c.Interrupt()
			c.parking.wake(c)
		}
	}
}
