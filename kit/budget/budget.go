// Package budget bounds what is done on top of ordinary work, such as retries, to
// a share of it: when everything fails, retries must not double the load.
//
// It promises that within ten seconds no more is spent than the share of what was
// earned in them, or the floor if that is more. It does not wait.
//
// Start reading at Budget.
package budget

import (
	"sync"
	"time"
)

const (
	slots = 10
	slot  = time.Second
	// Window is the time over which a budget counts.
	Window = slots * slot
)

// Budget counts ordinary work and what is done on top of it. It is safe for
// concurrent use.
type Budget struct {
	share float64
	floor int64

	mu    sync.Mutex
	last  int64 // number of the slot that was used last
	slots [slots]counts
	sum   counts
}

type counts struct{ earned, spent int64 }

// New returns a budget of share (0.2: one for five) of what is earned, and at
// least floor, within each Window.
func New(share float64, floor int) *Budget {
	return &Budget{share: share, floor: int64(floor)}
}

// Earn counts one piece of ordinary work, now on any clock that goes forward, in
// nanoseconds.
func (b *Budget) Earn(now int64) {
	b.mu.Lock()
	b.at(now).earned++
	b.sum.earned++
	b.mu.Unlock()
}

// Spend counts one on top of it, if the budget allows it.
func (b *Budget) Spend(now int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.at(now)
	if b.sum.spent >= max(b.floor, int64(b.share*float64(b.sum.earned))) {
		return false
	}
	s.spent++
	b.sum.spent++
	return true
}

// at returns the counts of the slot of now, after forgetting those that are too
// old. The lock is held.
func (b *Budget) at(now int64) *counts {
	n := now / int64(slot)
	for range min(n-b.last, slots) { // not at all when a clock was read late
		b.last++
		if n-b.last >= slots {
			b.last = n - slots + 1
		}
		s := &b.slots[b.last%slots]
		b.sum.earned -= s.earned
		b.sum.spent -= s.spent
		*s = counts{}
	}
	return &b.slots[b.last%slots]
}
