package filter

import (
	"log/slog"
	"sync"

	"fairlead.dev/fairlead/option"
)

// Env is what a filter's constructor may use of the process around it.
type Env struct {
	Options *option.Set
	Log     *slog.Logger

	// RouteID is the route that is being built.
	RouteID string

	shared *shared
}

type shared struct {
	mu     sync.Mutex
	values map[any]any
}

// NewEnv returns an environment. options and log may be nil.
func NewEnv(options *option.Set, log *slog.Logger) *Env {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Env{Options: options, Log: log, shared: &shared{values: map[any]any{}}}
}

// ForRoute returns a copy of e for the route called id. What Shared made stays
// common to all routes.
func (e *Env) ForRoute(id string) *Env {
	c := *e
	c.RouteID = id
	return &c
}

// Shared returns the value that all filters of this process share under key (a
// pointer or a private type), made by create at the first call.
func (e *Env) Shared(key any, create func() any) any {
	e.shared.mu.Lock()
	defer e.shared.mu.Unlock()
	v, ok := e.shared.values[key]
	if !ok {
		v = create()
		e.shared.values[key] = v
	}
	return v
}
