package control

import (
	"fmt"
	"slices"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/table"
)

// change is what one update does to the routes that serve.
type change struct {
	put    []*table.Route
	remove []string
	came   []*route.Route // routes that are new in the table
	left   []*route.Route // routes that leave it

	added, changed, removed ids // for the log
}

// ids counts route ids and keeps the first.
type ids struct {
	n     int
	first []string
}

func (i *ids) add(id string) {
	if i.n++; len(i.first) < maxLogged {
		i.first = append(i.first, id)
	}
}

// apply brings the table up to date with what changed in the book and reports.
// news tells that sources deliver something new, even if it changes no route;
// tell that the Status changed for another reason.
func (l *Loop) apply(start time.Time, news, tell bool) {
	entries := l.book.settle()
	c := change{put: make([]*table.Route, 0, len(entries))}
	for _, e := range entries {
		l.plan(e, &c)
	}
	l.place(&c)
	for _, e := range entries {
		l.commit(e, &c)
	}
	if news && l.generation == 0 || len(c.put)+len(c.remove) > 0 {
		l.generation++
		l.updated = start
		l.Publish(l.table)
		l.marks.change(c.came, c.left, !l.status.Load().Loaded)
	}
	l.closeRoutes(l.drain.add(start, c.left))
	if news || tell || len(entries) > 0 {
		l.report(start, &c)
	}
}

// plan finds out what becomes of an entry and compiles its definition if it
// has a new one.
func (l *Loop) plan(e *entry, c *change) {
	if len(e.claims) == 0 {
		if e.served != nil {
			c.remove = append(c.remove, e.id)
		}
		return
	}
	if e.claims[0].held { // what served before does
		e.invalid = nil
		return
	}
	def := e.claims[0].def
	if e.served != nil && (e.served.Definition == def || eskip.Equal(e.served.Definition, def)) {
		e.invalid = nil
		return
	}
	r, problem := l.Compiler.Compile(moved(def, e.claims[0].line()))
	e.invalid = problem
	if problem != nil {
		return
	}
	r.Definition = def
	e.fresh = r
	c.put = append(c.put, &table.Route{ID: e.id, Predicates: r.Predicates, Value: r})
}

// place makes the next table. A route that the table refuses is invalid; what
// served its id before goes on.
func (l *Loop) place(c *change) {
	if len(c.put)+len(c.remove) == 0 {
		return
	}
	next, problems := l.table.Update(c.put, c.remove)
	if len(problems) > 0 {
		var back []*table.Route
		for _, p := range problems {
			e := l.book.entries[p.ID]
			l.closeRoutes([]*route.Route{e.fresh})
			e.fresh, e.invalid = nil, refused(e, p)
			if e.served != nil {
				back = append(back, l.table.Get(p.ID))
			}
		}
		c.put = slices.DeleteFunc(c.put, func(r *table.Route) bool { return l.book.entries[r.ID].fresh == nil })
		if len(c.put)+len(c.remove) == 0 {
			return
		}
		next, _ = next.Update(back, nil)
	}
	l.table = next
}

func refused(e *entry, p table.Problem) *source.Problem {
	err := p.Err
	def := e.claims[0].def
	at := def.Pos
	at.Line = e.claims[0].line()
	if place := at.String(); place != "" {
		err = fmt.Errorf("%s: %w", place, err)
	}
	return &source.Problem{RouteID: e.id, Reason: route.InvalidMatcher, Err: err, Route: def}
}

// commit writes down what became of an entry.
func (l *Loop) commit(e *entry, c *change) {
	old := e.served
	switch {
	case len(e.claims) == 0:
		e.served = nil
	case e.fresh != nil:
		e.served, e.fresh = e.fresh, nil
	}
	if old != e.served {
		switch {
		case old == nil:
			c.added.add(e.id)
		case e.served == nil:
			c.removed.add(e.id)
		default:
			c.changed.add(e.id)
		}
		if old != nil {
			c.left = append(c.left, old)
		}
		if e.served != nil && l.Created != nil {
			c.came = append(c.came, e.served)
		}
	}
	l.book.file(e)
}

// moved returns def with the positions that it has when it starts in line: a
// copy if they are others.
func moved(def *eskip.Route, line int32) *eskip.Route {
	by := line - def.Pos.Line
	if line == 0 || by == 0 {
		return def
	}
	m := *def
	m.Pos.Line += by
	m.Predicates, m.Filters = slices.Clone(def.Predicates), slices.Clone(def.Filters)
	for _, calls := range [][]eskip.Call{m.Predicates, m.Filters} {
		for i := range calls {
			calls[i].Pos.Line += by
		}
	}
	return &m
}
