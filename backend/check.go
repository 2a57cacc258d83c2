package backend

import (
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/kit/pairs"
)

// Adviser is implemented by filters that say something about the endpoints of their
// route. Neither method may block.
type Adviser interface {
	// Advise is called for each endpoint when the route was compiled.
	Advise(e *Endpoint)
	// Withdraw takes back one Advise when the route is closed.
	Withdraw(e *Endpoint)
}

// Check says how an endpoint is asked whether it is well.
type Check struct {
	// Path to be asked for with GET; "": it is well when a connection can be made.
	Path string
	// Host is the Host field of the request; "" is that of the address.
	Host string
	// Statuses are those of an endpoint that is well.
	Statuses pairs.Statuses
	// Interval is the time between two checks, Timeout the longest one takes.
	Interval, Timeout time.Duration
	// Failures in a row make the endpoint leave, Successes in a row return.
	Failures, Successes int
}

// checks are those that routes ask for. The zero value is ready.
type checks struct {
	last atomic.Pointer[Check]
	mu   sync.Mutex
	all  []*Check
}

// AddCheck asks for c as long as RemoveCheck was not called with it. The last one
// that was asked for counts.
func (e *Endpoint) AddCheck(c *Check) {
	e.checks.mu.Lock()
	defer e.checks.mu.Unlock()
	e.checks.all = append(e.checks.all, c)
	e.checks.last.Store(c)
}

// RemoveCheck takes back one AddCheck.
func (e *Endpoint) RemoveCheck(c *Check) {
	k := &e.checks
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, have := range k.all {
		if have == c {
			k.all = append(k.all[:i], k.all[i+1:]...)
			break
		}
	}
	if len(k.all) == 0 {
		k.all = nil
		k.last.Store(nil)
		return
	}
	k.last.Store(k.all[len(k.all)-1])
}

// Check returns the check that routes ask for, or nil.
func (e *Endpoint) Check() *Check { return e.checks.last.Load() }

// Health is what the health checks keep for an endpoint. Forget is called when no
// route names the endpoint any more.
type Health interface{ Forget() }

// Health returns what SetHealth stored, or nil.
func (e *Endpoint) Health() Health {
	if h := e.health.Load(); h != nil {
		return *h
	}
	return nil
}

// SetHealth stores h unless there is one already, and returns the one that is
// stored.
func (e *Endpoint) SetHealth(h Health) Health {
	if e.health.CompareAndSwap(nil, &h) {
		return h
	}
	return *e.health.Load()
}
