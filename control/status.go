package control

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/table"
)

// Status is what the loop knows at one moment. It never changes.
type Status struct {
	// Generation counts the published tables; 0 means that there is none yet.
	Generation uint64
	// Updated is when the latest table was published.
	Updated time.Time
	// Loaded reports whether every source has delivered at least once.
	Loaded bool
	// Sources in the configured order.
	Sources []SourceStatus
	// Invalid are the definitions that do not serve, sorted by id and source.
	Invalid []Invalid

	table *table.Table
}

// SourceStatus is what is known of one source.
type SourceStatus struct {
	Name string
	// Loaded reports whether it has ever delivered.
	Loaded bool
	// Changed is when it last delivered something new.
	Changed time.Time
	// Routes is how many definitions it delivers.
	Routes int
	// Version is that of the delivery in force, see source.Set.
	Version string
	// Err says why the latest reading failed; nil when it did not.
	Err error
}

// Invalid is one definition that does not serve.
type Invalid struct {
	// Source is the name of its source.
	Source string
	source.Problem
	// Serving reports whether the id is served all the same: by its last good
	// route, or by another definition.
	Serving bool
}

// Table returns the published table; nil before the first.
func (s *Status) Table() *table.Table { return s.table }

// Len returns the number of routes that serve.
func (s *Status) Len() int {
	if s.table == nil {
		return 0
	}
	return s.table.Len()
}

// Routes returns the routes that serve, by id.
func (s *Status) Routes() iter.Seq[*route.Route] {
	return func(yield func(*route.Route) bool) {
		if s.table == nil {
			return
		}
		for r := range s.table.All() {
			if !yield(r.Value.(*route.Route)) {
				return
			}
		}
	}
}

// Definitions returns the definitions of the routes that serve, by id, as their
// sources wrote them: without default filters.
func (s *Status) Definitions() iter.Seq[*eskip.Route] {
	return func(yield func(*eskip.Route) bool) {
		for r := range s.Routes() {
			if !yield(r.Definition) {
				return
			}
		}
	}
}

// snapshot makes the Status of now.
func (l *Loop) snapshot() *Status {
	s := &Status{
		Generation: l.generation,
		Updated:    l.updated,
		Loaded:     true,
		Invalid:    l.invalid(),
	}
	if l.generation > 0 {
		s.table = l.table
	}
	for _, o := range l.origins {
		s.Loaded = s.Loaded && o.loaded
		s.Sources = append(s.Sources, SourceStatus{
			Name: o.source.Name(), Loaded: o.loaded, Changed: o.changedAt, Routes: len(o.set.Routes), Version: o.set.Version, Err: o.err,
		})
	}
	return s
}

// invalid lists what does not serve.
func (l *Loop) invalid() []Invalid {
	var all []Invalid
	add := func(from *origin, p source.Problem) {
		serving := p.RouteID != "" && l.table.Get(p.RouteID) != nil
		all = append(all, Invalid{Source: from.source.Name(), Problem: p, Serving: serving})
	}
	named := map[string]bool{}
	for _, o := range l.origins {
		for _, p := range o.set.Problems {
			named[p.RouteID] = true
			add(o, p)
		}
	}
	for _, e := range l.book.special {
		if e.invalid != nil {
			add(e.claims[0].from, *e.invalid)
		}
		for i, c := range e.claims {
			switch {
			case i > 0:
				add(c.from, e.rival(c))
			case c.held && !named[e.id]:
				add(c.from, e.hold())
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Invalid) int {
		return cmp.Or(cmp.Compare(a.RouteID, b.RouteID), cmp.Compare(a.Source, b.Source))
	})
	return all
}

// rival is the problem of a definition that is not in force.
func (e *entry) rival(c claim) source.Problem {
	return source.Problem{RouteID: e.id, Reason: route.Other, Route: c.def, Err: fmt.Errorf(
		"%s: route %q is defined more than once, in force is the one of %s: rename or remove one of them",
		c.place(), e.id, e.claims[0].place())}
}

// hold is the problem of a route whose definition may have been lost.
func (e *entry) hold() source.Problem {
	return source.Problem{RouteID: e.id, Reason: route.Other, Route: e.claims[0].def, Err: fmt.Errorf(
		"%s: route %q is not among those that can be read, but its name stands in a piece that cannot: it keeps serving until that is mended",
		e.claims[0].place(), e.id)}
}
