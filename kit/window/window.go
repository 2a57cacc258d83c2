package window

import (
	"sync"
	"time"
)

// Window counts the events of one thing. Make one with New; it is safe for
// concurrent use.
type Window struct {
	by    rule
	begun time.Time

	mu   sync.Mutex
	ring ring
}

// New returns a Window that allows n events in any stretch of d; n of 0 allows
// none. d must be positive.
func New(n int, d time.Duration) *Window {
	return &Window{by: newRule(n, d), begun: time.Now()}
}

// Allow counts one event if it may happen now. If not, wait is how long it takes
// until the next may.
func (w *Window) Allow() (ok bool, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ring.allow(time.Since(w.begun), &w.by, nil)
}
