package health

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Gauge shows which endpoints are well.
type Gauge interface {
	// EndpointHealthy says whether the endpoint at address (scheme://host:port) is
	// well.
	EndpointHealthy(address string, healthy bool)
	// EndpointGone says that nothing is known of it any more.
	EndpointGone(address string)
}

// Config is what a Monitor is made of.
type Config struct {
	Options *option.Set
	Log     *slog.Logger // may be nil
	// Endpoints are those that routes may have checked.
	Endpoints *backend.Set
	Gauge     Gauge // may be nil
}

// Monitor watches the endpoints of a process.
type Monitor struct {
	settings
	log       *slog.Logger
	endpoints *backend.Set
	gauge     Gauge
	usual     *backend.Check // of endpoints for which no route says more
	// ask finds out whether an endpoint is well; tests have their own.
	ask func(ctx context.Context, e *backend.Endpoint, c *backend.Check) error

	mu      sync.Mutex
	watched map[*watch]struct{}
	wake    chan struct{}
}

// New returns a monitor. The error is about options.
func New(cfg Config) (*Monitor, error) {
	s, err := read(Options.From(cfg.Options))
	if err != nil {
		return nil, err
	}
	m := &Monitor{
		settings: s, log: cfg.Log, endpoints: cfg.Endpoints, gauge: cfg.Gauge, ask: ask,
		watched: map[*watch]struct{}{}, wake: make(chan struct{}, 1),
	}
	m.usual = &backend.Check{Path: s.path, Interval: s.interval, Timeout: s.timeout, Failures: 1, Successes: 1}
	m.usual.Statuses.Add(200, 399)
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	return m, nil
}

// MostDown is the share of a route's endpoints that may be down, 0 when there is no
// bound (backend.Pick).
func (m *Monitor) MostDown() float64 {
	if m == nil || m.off {
		return 0
	}
	return m.maxDown
}

// MostDropped is the share of a route's endpoints that may be avoided for a part of
// the requests, 0 when there is no bound (backend.Pick).
func (m *Monitor) MostDropped() float64 {
	if m == nil {
		return 0
	}
	return m.passive.maxUnhealthy
}

// watch is what is known of one endpoint. It implements backend.Health.
type watch struct {
	m  *Monitor
	ep *backend.Endpoint

	// The row of failures.
	failures atomic.Int32
	since    atomic.Int64 // of the first one
	trial    atomic.Bool  // it has just come back: one failure is enough

	// Since the last end of a period (passive.go).
	requests, failed atomic.Int64

	// What follows is guarded by m.mu.
	state
}

// mostWatched bounds the endpoints that are watched.
const mostWatched = 10_000

// watch returns what is known of e, nil when too many are watched already.
func (m *Monitor) watch(e *backend.Endpoint) *watch {
	if w, ok := e.Health().(*watch); ok {
		return w
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.watched) >= mostWatched {
		return nil
	}
	fresh := &watch{m: m, ep: e}
	w, ok := e.SetHealth(fresh).(*watch)
	if !ok {
		return nil // somebody else's
	}
	if w == fresh {
		m.watched[w] = struct{}{}
	}
	return w
}

// Forget implements backend.Health: no route names the endpoint any more.
func (w *watch) Forget() {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	delete(w.m.watched, w)
	w.gone = true
	if w.cancel != nil {
		w.cancel()
	}
	if w.shown && w.m.gauge != nil {
		w.m.gauge.EndpointGone(w.name())
	}
}

func (w *watch) name() string { return w.ep.Scheme + "://" + w.ep.Address }

// verdict is what an attempt says about an endpoint.
type verdict uint8

const (
	nothing verdict = iota
	success
	failure
)

// patience is how long a response must have been waited for at least so that its not
// coming is a failure of the endpoint: routes may have shorter limits.
const patience = time.Second

func (m *Monitor) judge(o filter.Outcome, waited time.Duration) verdict {
	switch {
	case o.Refused:
		return nothing
	case o.Status != 0 && m.statuses.Has(o.Status):
		return failure
	case o.Status != 0:
		return success
	}
	switch o.Reason {
	case message.ReasonDialFailed, message.ReasonNameNotFound, message.ReasonTLSFailed, message.ReasonBackendReset, message.ReasonBackendClosed:
		return failure
	case message.ReasonBackendTimeout, message.ReasonDialTimeout:
		if waited >= patience {
			return failure
		}
	}
	return nothing
}

// Report takes note of how an attempt at e ended that took as long as waited. A nil
// Monitor does nothing.
func (m *Monitor) Report(e *backend.Endpoint, o filter.Outcome, waited time.Duration) {
	if m == nil || m.off && m.passive.period == 0 {
		return
	}
	switch m.judge(o, waited) {
	case success:
		m.succeeded(e)
	case failure:
		m.failedAt(e, o)
	}
}

func (m *Monitor) succeeded(e *backend.Endpoint) {
	w, ok := e.Health().(*watch)
	if m.passive.period != 0 {
		if w, ok = m.watch(e), true; w == nil {
			return
		}
		w.requests.Add(1)
	}
	if !ok {
		return
	}
	if w.failures.Load() != 0 {
		w.failures.Store(0)
	}
	if w.trial.Load() {
		w.trial.Store(false)
	}
}

func (m *Monitor) failedAt(e *backend.Endpoint, o filter.Outcome) {
	w := m.watch(e)
	if w == nil {
		return
	}
	if m.passive.period != 0 {
		w.requests.Add(1)
		w.failed.Add(1)
	}
	if m.off {
		return
	}
	now := time.Now()
	n := w.failures.Add(1)
	if n == 1 {
		w.since.Store(now.UnixNano())
	}
	long := n > 1 && now.UnixNano()-w.since.Load() >= int64(time.Second)
	if int(n) >= m.failures || long || w.trial.Load() {
		w.leave(now, o.Reason.Code())
	}
}
