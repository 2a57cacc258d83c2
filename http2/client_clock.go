package http2

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"fairlead.dev/fairlead/kit/sock"
)

// tickEvery is how often the time limits of a connection's exchanges are looked
// at while there are any. Limits that are shorter fire in time.
const tickEvery = 250 * time.Millisecond

// Servers count pings that come while they say nothing, and some end the
// connection at the third within five minutes (gRPC's "too many pings").
const (
	quickPings = 2
	slowPing   = 5*time.Minute + 10*time.Second
)

// connClock watches the time limits of a connection and of its exchanges: one timer
// for all of them, which rests when there are none. It is guarded by the lock of
// the connection.
type connClock struct {
	c     *ClientConn
	timer *time.Timer
	due   int64 // when the timer fires; 0: it rests
	ticks sync.WaitGroup

	lastRead int64 // when bytes came last
	opened   int64
	pinged   int64 // when the PING under way was sent, 0: none
	pings    int   // sent since the backend last sent a part of a response
	lastPing int64
	// suspect is set when a response did not come in time and nothing else came
	// either: no exchange should begin on the connection until something comes.
	suspect bool
}

func (k *connClock) begun(c *ClientConn) {
	k.c = c
	k.opened = c.cfg.Now()
	k.lastRead = k.opened
}

// arm makes sure that the limits are looked at when at has come, and soon in any
// case.
func (k *connClock) arm(at int64) {
	if k.c.err != nil {
		return
	}
	now := k.c.cfg.Now()
	next := now + int64(tickEvery)
	if at > 0 {
		next = min(next, max(at, now)+int64(time.Millisecond))
	}
	if k.due != 0 && k.due <= next {
		return
	}
	k.due = next
	wait := time.Duration(next - now)
	if k.timer == nil {
		k.ticks.Add(1)
		k.timer = time.AfterFunc(wait, k.tick)
	} else if !k.timer.Reset(wait) {
		k.ticks.Add(1)
	}
}

func (k *connClock) stop() {
	if k.timer != nil && k.timer.Stop() {
		k.ticks.Done()
	}
}

// heard says that bytes came.
func (k *connClock) heard(now int64) { k.lastRead, k.suspect, k.pinged = now, false, 0 }

// answered says that a part of a response came.
func (k *connClock) answered() { k.pings = 0 }

func (k *connClock) tick() {
	defer k.ticks.Done()
	c := k.c
	defer c.notify()
	c.mu.Lock()
	defer c.mu.Unlock()
	k.due = 0
	if c.err != nil {
		return
	}
	now := c.cfg.Now()
	if err := k.connLimit(now); err != nil {
		c.end(err)
		c.w.fail(err)
		c.conn.Interrupt()
		return
	}
	next := int64(0)
	for _, s := range c.streams {
		by, err := s.limit(now)
		if err != nil {
			k.suspectSilence(s, now)
			s.fail(err, CodeCancel)
			continue
		}
		if by > 0 && (next == 0 || by < next) {
			next = by
		}
	}
	c.w.kick()
	if len(c.streams) > 0 || k.pinged != 0 || !c.settled {
		k.arm(next)
	}
}

// connLimit returns why the connection has to end.
func (k *connClock) connLimit(now int64) error {
	c := k.c
	switch {
	case c.w.begun != 0 && now-c.w.begun > int64(c.cfg.WriteTimeout):
		return fmt.Errorf("the backend took no bytes for %v: %w", c.cfg.WriteTimeout, sock.ErrTimeout)
	case !c.settled && now-k.opened > int64(c.cfg.SettingsTimeout):
		return fmt.Errorf("no SETTINGS from the backend within %v (does it speak HTTP/2?): %w", c.cfg.SettingsTimeout, sock.ErrTimeout)
	case k.pinged != 0 && now-k.pinged > int64(c.cfg.PingTimeout):
		return fmt.Errorf("the backend did not answer a PING within %v: %w", c.cfg.PingTimeout, sock.ErrTimeout)
	case len(c.streams) > 0 && now-k.lastRead > int64(c.cfg.PingAfter):
		k.ping(now)
	}
	return nil
}

// ping asks whether the backend is there, unless that was asked too often.
func (k *connClock) ping(now int64) {
	if k.pinged != 0 || !k.c.settled {
		return
	}
	if k.pings >= quickPings && now-k.lastPing < int64(slowPing) {
		return
	}
	if k.pings > 0 && now-k.lastPing < int64(k.c.cfg.PingAfter) {
		return
	}
	k.pings++
	k.pinged, k.lastPing = now, now
	w := &k.c.w
	w.reserve(frameHeadLen + 8)
	w.out = appendPing(w.out, false, [8]byte{'f', 'a', 'i', 'r', 'l', 'e', 'a', 'd'})
}

// suspectSilence is called when the response of s is late: when nothing else
// came either since it was sent, the backend may be gone.
func (k *connClock) suspectSilence(s *ClientStream, now int64) {
	if s.gotHead || k.lastRead > s.begun {
		return
	}
	k.suspect = true
	k.ping(now)
}

func isTimeout(err error) bool { return errors.Is(err, sock.ErrTimeout) }
