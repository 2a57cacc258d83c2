package turn

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Order is who goes first of those that wait.
type Order uint8

// The orders.
const (
	// FirstIn lets those go that waited longest. A full line takes nobody.
	FirstIn Order = iota
	// LastIn lets those go that came last: under a load that cannot be served, some
	// are served soon instead of all too late. In a full line the one that waited
	// longest gives way.
	LastIn
)

// Why there is no turn.
var (
	ErrFull    = errors.New("too many wait already")
	ErrTimeout = errors.New("the turn did not come in time")
	ErrGone    = errors.New("nobody waits for the turn any more")
)

// Settings bound a queue.
type Settings struct {
	// Active is how many have a turn at a time, at least 1.
	Active int
	// Waiting is how many wait at a time.
	Waiting int
	// Timeout is how long each waits at most.
	Timeout time.Duration
}

// Meter is told how a number changes.
type Meter interface{ Add(delta float64) }

// Waits is who asks for a turn. Its Context is asked for when it has to wait, and
// ends when nobody wants the turn any more.
type Waits interface{ Context() context.Context }

// Queue hands out turns. Make one with New; it is safe for concurrent use.
type Queue struct {
	order           Order
	active, waiting Meter // nil: not told

	// state is how many have a turn, and, in the upper half, how many wait. The
	// upper half changes under mu only.
	state    atomic.Uint64
	settings atomic.Pointer[Settings]

	mu    sync.Mutex
	line  waiter // head of those that wait, the oldest next
	spare sync.Pool
}

const oneWaits = 1 << 32

func split(state uint64) (active, waiting int) { return int(uint32(state)), int(state >> 32) }

// waiter stands in line.
type waiter struct {
	prev, next *waiter // nil when not in line
	outcome    chan error
	timer      *time.Timer
}

// New returns a queue. active and waiting are told how many have a turn and how
// many wait; they may be nil.
func New(order Order, s Settings, active, waiting Meter) *Queue {
	q := &Queue{order: order, active: active, waiting: waiting}
	q.settings.Store(&s)
	q.line.prev, q.line.next = &q.line, &q.line
	return q
}

// Enter takes a turn, and waits for it if need be. The error is ErrFull,
// ErrTimeout or ErrGone.
func (q *Queue) Enter(who Waits) error {
	err := error(nil)
	if !q.try() {
		err = q.enter(who)
	}
	if err == nil && q.active != nil {
		q.active.Add(1)
	}
	return err
}

// try takes a turn if there is one and nobody waits.
func (q *Queue) try() bool {
	most := q.settings.Load().Active
	for {
		s := q.state.Load()
		if active, waiting := split(s); waiting > 0 || active >= most {
			return false
		}
		if q.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

func (q *Queue) enter(who Waits) error {
	w, err := q.stand()
	if w == nil {
		return err
	}
	if q.waiting != nil {
		q.waiting.Add(1)
		defer q.waiting.Add(-1)
	}
	err = q.wait(w, who.Context())
	q.spare.Put(w)
	return err
}

// stand joins the line. It returns nil if that is not needed, or not possible.
func (q *Queue) stand() (*waiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	limits := q.settings.Load()
	for {
		s := q.state.Load()
		active, waiting := split(s)
		switch {
		case waiting == 0 && active < limits.Active:
			if q.state.CompareAndSwap(s, s+1) {
				return nil, nil
			}
			continue
		case waiting < limits.Waiting:
			if !q.state.CompareAndSwap(s, s+oneWaits) {
				continue
			}
		case q.order == LastIn && waiting > 0 && limits.Waiting > 0:
			q.take(q.line.next, ErrFull)
		default:
			return nil, ErrFull
		}
		return q.push(limits.Timeout), nil
	}
}

// push adds a waiter to the line. The caller holds mu and has counted it.
func (q *Queue) push(timeout time.Duration) *waiter {
	w, ok := q.spare.Get().(*waiter)
	if ok {
		w.timer.Reset(timeout)
	} else {
		w = &waiter{outcome: make(chan error, 1), timer: time.NewTimer(timeout)}
	}
	last := q.line.prev
	w.prev, w.next = last, &q.line
	last.next, q.line.prev = w, w
	return w
}

// take removes w from the line and tells it why. The caller holds mu.
func (q *Queue) take(w *waiter, why error) {
	w.prev.next, w.next.prev = w.next, w.prev
	w.prev, w.next = nil, nil
	w.outcome <- why
}

// wait waits until w has a turn, or for the reason that it has none.
func (q *Queue) wait(w *waiter, ctx context.Context) error {
	defer w.timer.Stop()
	var why error
	select {
	case err := <-w.outcome:
		return err
	case <-w.timer.C:
		why = ErrTimeout
	case <-ctx.Done():
		why = ErrGone
	}
	q.mu.Lock()
	if w.next != nil {
		q.state.Add(^uint64(oneWaits) + 1)
		q.take(w, why)
	}
	q.mu.Unlock()
	err := <-w.outcome
	if err == nil && errors.Is(why, ErrGone) { // it came all the same
		q.release()
		return ErrGone
	}
	return err
}

// Leave ends a turn.
func (q *Queue) Leave() {
	if q.active != nil {
		q.active.Add(-1)
	}
	q.release()
}

func (q *Queue) release() {
	for {
		s := q.state.Load()
		if _, waiting := split(s); waiting > 0 {
			if q.handOver() {
				return
			}
			continue
		}
		if q.state.CompareAndSwap(s, s-1) {
			return
		}
	}
}

// handOver gives a turn to one that waits, or ends it when there are too many. It
// returns false when nobody waits any more.
func (q *Queue) handOver() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	active, waiting := split(q.state.Load())
	switch {
	case waiting == 0:
		return false
	case active > q.settings.Load().Active:
		q.state.Add(^uint64(0)) // somebody waits: nobody enters meanwhile
	default:
		q.state.Add(^uint64(oneWaits) + 1)
		q.take(q.first(), nil)
	}
	return true
}

// first returns who goes first.
func (q *Queue) first() *waiter {
	if q.order == LastIn {
		return q.line.prev
	}
	return q.line.next
}

// Configure changes the bounds. Those that wait already keep their timeout.
func (q *Queue) Configure(s Settings) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settings.Store(&s)
	for {
		active, waiting := split(q.state.Load())
		if waiting == 0 || active >= s.Active {
			return
		}
		q.state.Add(^uint64(oneWaits) + 2)
		q.take(q.first(), nil)
	}
}

// Settings returns the bounds in force.
func (q *Queue) Settings() Settings { return *q.settings.Load() }

// Load returns how many have a turn and how many wait.
func (q *Queue) Load() (active, waiting int) { return split(q.state.Load()) }
