// Package source is the contract of route sources: where routes come from.
//
// Start reading at Source, then Def.
package source

import (
	"context"
	"log/slog"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/kit/registry"
	"fairlead.dev/fairlead/option"
)

// Source delivers routes.
type Source interface {
	// Name says which source it is, in the user's words: `routes file "a.eskip"`.
	Name() string
	// Routes returns all routes of the source as of now. An error means that
	// nothing is known: the last good routes keep serving. Problems with single
	// routes go into Set.Problems and do not harm the others. What it returns is
	// never changed afterwards, by neither side. It is not called twice at a
	// time.
	Routes(ctx context.Context) (Set, error)
	// Watch calls changed whenever Routes may return something else, until ctx
	// ends. It carries no data: it says "look again". changed is safe to call
	// from any goroutine and does not block.
	Watch(ctx context.Context, changed func()) error
}

// Set is what a source delivers.
type Set struct {
	// Routes are the definitions; no pointer stands in it twice. Two with the
	// same id are the user's mistake, which the reader reports.
	Routes   []*eskip.Route
	Problems []Problem
	// Version changes whenever the content does; "" when the source cannot
	// tell. Equal versions let the reader skip the comparison.
	Version string

	// Unread are the ids that stand in pieces of the content which could not be
	// read. Such an id keeps its last good route, and so does one that Problems
	// names, when Routes has no definition of it.
	Unread []string
	// Lines, if set, holds for each of Routes the line on which it starts now.
	// A source that gives an unchanged definition again gives the same pointer,
	// whose positions are those of its first reading.
	Lines []int32
}

// Problem is one definition that cannot be used.
type Problem struct {
	// RouteID is "" when the definition was too broken to have one.
	RouteID string
	// Reason is one of the names of spec 1.11: unknown_filter,
	// invalid_filter_params, unknown_predicate, invalid_predicate_params,
	// failed_backend_split, invalid_matcher, other.
	Reason string
	// Err says what is wrong, where, and what to do.
	Err error
	// Route is the definition, nil when it was too broken to be one. It is for
	// showing only.
	Route *eskip.Route
}

// Env is what a source's constructor may use of the process around it.
type Env struct {
	Options *option.Set
	Log     *slog.Logger
}

// Def declares one kind of source.
type Def struct {
	Name string
	Doc  string
	// Open returns the sources that the options ask for: none, one or more.
	Open func(env *Env) ([]Source, error)
}

var defs registry.Registry[Def]

// Define declares a kind of source. It panics when the name is taken.
func Define(d Def) *Def {
	defs.Define("source", &d, d.Name)
	return &d
}

// All returns every declared kind, sorted by name.
func All() []*Def { return defs.All() }
