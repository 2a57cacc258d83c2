package filter

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"fairlead.dev/fairlead/option"
)

// Env is what a filter's constructor may use of the process around it.
type Env struct {
	Options *option.Set
	Log     *slog.Logger

	// Metrics is where filters count; never nil.
	Metrics Metrics

	// RouteID is the route that is being built.
	RouteID string

	// Offline says that routes are only checked, away from where they will serve:
	// options and secret files are not known here, so that what they lack is no
	// error. A filter that lacks something refuses every request.
	Offline bool

	shared *shared
}

type shared struct {
	mu     sync.Mutex
	values map[any]any
	made   []io.Closer
}

// Metrics is where filters count, under the keys of Skipper's custom metrics: key
// "a.b" is custom_total{key="a.b"} and its kin. Filters ask for what they count
// when they are made, not for each request. Keys come from routes and options,
// never from requests: each is kept for as long as the process lives.
type Metrics interface {
	// Counter returns what counts events.
	Counter(key string) Counter
	// Gauge returns what holds a number that goes up and down.
	Gauge(key string) Gauge
	// Timer returns what measures durations.
	Timer(key string) Timer
}

// Counter counts events.
type Counter interface{ Add(n uint64) }

// Gauge holds a number.
type Gauge interface {
	// Set makes v the number.
	Set(v float64)
	// Add adds v to it.
	Add(v float64)
}

// Timer measures durations.
type Timer interface{ Observe(d time.Duration) }

// nothing counts nothing.
type nothing struct{}

func (nothing) Counter(string) Counter { return silentCounter{} }
func (nothing) Gauge(string) Gauge     { return silentGauge{} }
func (nothing) Timer(string) Timer     { return silentTimer{} }

type (
	silentCounter struct{}
	silentGauge   struct{}
	silentTimer   struct{}
)

func (silentCounter) Add(uint64)          {}
func (silentGauge) Set(float64)           {}
func (silentGauge) Add(float64)           {}
func (silentTimer) Observe(time.Duration) {}

// NewEnv returns an environment. options and log may be nil.
func NewEnv(options *option.Set, log *slog.Logger) *Env {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Env{Options: options, Log: log, Metrics: nothing{}, shared: &shared{values: map[any]any{}}}
}

// ForRoute returns a copy of e for the route called id. What Shared made stays
// common to all routes.
func (e *Env) ForRoute(id string) *Env {
	c := *e
	c.RouteID = id
	return &c
}

// Shared returns the value that all filters of this process share under key (a
// pointer or a private type), made by create at the first call. create must not
// call Shared. A value that is an io.Closer is closed by Close: what it has
// started, such as goroutines, ends then.
func (e *Env) Shared(key any, create func() any) any {
	e.shared.mu.Lock()
	defer e.shared.mu.Unlock()
	v, ok := e.shared.values[key]
	if !ok {
		v = create()
		e.shared.values[key] = v
		if c, ok := v.(io.Closer); ok {
			e.shared.made = append(e.shared.made, c)
		}
	}
	return v
}

// Close closes what Shared made, the last first. No filter may be in use any
// more.
func (e *Env) Close() error {
	e.shared.mu.Lock()
	made := e.shared.made
	e.shared.made, e.shared.values = nil, map[any]any{}
	e.shared.mu.Unlock()
	var err error
	for _, c := range slices.Backward(made) {
		err = errors.Join(err, c.Close())
	}
	return err
}
