package circuit

import (
	"sync"
	"sync/atomic"
	"time"
)

// Settings say when a breaker opens and closes.
type Settings struct {
	// Failures open it: in a row, or of the last Window calls.
	Failures int
	// Window is how many calls are looked at; 0: failures in a row are counted.
	Window int
	// Timeout is how long it stays open.
	Timeout time.Duration
	// Tries is how many calls must succeed to close it.
	Tries int
	// Idle is how long without a failure makes it forget those before.
	Idle time.Duration
}

// Ticket says in which state of the breaker a call was allowed.
type Ticket uint8

// Result is what a call says about who was called.
type Result uint8

// The results.
const (
	Nothing Result = iota
	Success
	Failure
)

type state uint8

const (
	closed state = iota
	open
	halfOpen
)

// Breaker is a circuit breaker. Make one with New; it is safe for concurrent use.
type Breaker struct {
	set   Settings
	begun time.Time

	// word is the state and, above it, its number: each change makes a new one.
	word     atomic.Uint32
	failures atomic.Int32 // in a row, or in the window; 0 while not closed

	mu     sync.Mutex
	since  time.Duration // when it opened
	failed time.Duration // the last failure
	trying int           // half open: calls under way
	worked int           // half open: calls that succeeded
	window window
}

// New returns a closed breaker.
func New(s Settings) *Breaker {
	return &Breaker{set: s, begun: time.Now()}
}

func unpack(word uint32) (state, Ticket) { return state(word & 3), Ticket(word >> 2) }

// turn changes the state. The caller holds mu.
func (b *Breaker) turn(to state) Ticket {
	_, n := unpack(b.word.Load())
	n++
	b.word.Store(uint32(n)<<2 | uint32(to))
	b.failures.Store(0)
	b.trying, b.worked = 0, 0
	b.window.clear()
	return n
}

// Allow reports whether a call may be made. If so Done must be called with the
// ticket.
func (b *Breaker) Allow() (Ticket, bool) {
	if s, n := unpack(b.word.Load()); s == closed {
		return n, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s, n := unpack(b.word.Load())
	if s == open {
		if time.Since(b.begun)-b.since < b.set.Timeout {
			return 0, false
		}
		s, n = halfOpen, b.turn(halfOpen)
	}
	if s == halfOpen {
		if b.trying+b.worked >= b.set.Tries {
			return 0, false
		}
		b.trying++
	}
	return n, true
}

// Done tells how a call ended.
func (b *Breaker) Done(t Ticket, r Result) {
	s, n := unpack(b.word.Load())
	if n != t || s == closed && (r == Nothing || r == Success && b.set.Window == 0 && b.failures.Load() == 0) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, n = unpack(b.word.Load()); n != t {
		return
	}
	switch {
	case s == halfOpen:
		b.tried(r)
	case r == Success:
		b.succeeded()
	case r == Failure:
		b.fail()
	}
}

// tried counts a call of the half open breaker.
func (b *Breaker) tried(r Result) {
	b.trying--
	switch r {
	case Success:
		if b.worked++; b.worked >= b.set.Tries {
			b.turn(closed)
		}
	case Failure:
		b.turn(open)
		b.since = time.Since(b.begun)
	}
}

// succeeded counts a success of the closed breaker.
func (b *Breaker) succeeded() {
	if b.set.Window == 0 {
		b.failures.Store(0)
		return
	}
	b.failures.Store(b.window.add(false, b.set.Window))
}

// fail counts a failure of the closed breaker.
func (b *Breaker) fail() {
	now := time.Since(b.begun)
	if now-b.failed > b.set.Idle {
		b.failures.Store(0)
		b.window.clear()
	}
	b.failed = now
	if b.set.Window == 0 {
		b.failures.Add(1)
	} else {
		b.failures.Store(b.window.add(true, b.set.Window))
	}
	if int(b.failures.Load()) >= b.set.Failures {
		b.turn(open)
		b.since = now
	}
}

// Open reports whether calls are refused now.
func (b *Breaker) Open() bool {
	s, _ := unpack(b.word.Load())
	return s != closed
}

// Blank reports whether the breaker has nothing to remember: it is closed and knows
// of no failure.
func (b *Breaker) Blank() bool { return !b.Open() && b.failures.Load() == 0 }

// window is which of the last calls failed.
type window struct {
	failed []bool // a ring, made when the first call is counted
	next   int
	count  int32 // of those that failed
}

// add counts a call and returns how many of the last size failed.
func (w *window) add(failed bool, size int) int32 {
	if w.failed == nil {
		w.failed = make([]bool, size)
	}
	if w.failed[w.next] {
		w.count--
	}
	if w.failed[w.next] = failed; failed {
		w.count++
	}
	if w.next++; w.next == size {
		w.next = 0
	}
	return w.count
}

// clear forgets all.
func (w *window) clear() {
	if w.count > 0 {
		clear(w.failed)
	}
	w.next, w.count = 0, 0
}
