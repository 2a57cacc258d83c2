package control

import (
	"slices"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/source"
)

// rewriting is what became of one definition.
type rewriting struct {
	defs     []*eskip.Route
	problems []source.Problem
}

// rewrite passes what o delivers through w. A definition that o gives again
// becomes the same pointers again, so that what did not change stays cheap.
func (o *origin) rewrite(w *route.Rewriter, set source.Set) source.Set {
	done := make(map[*eskip.Route]rewriting, len(set.Routes))
	next := set
	next.Routes = make([]*eskip.Route, 0, len(set.Routes))
	next.Lines, next.Problems, next.Unread = nil, slices.Clone(set.Problems), slices.Clone(set.Unread)
	for i, def := range set.Routes {
		r, known := o.rewritten[def]
		if !known {
			r.defs, r.problems = w.Rewrite(def)
		}
		done[def] = r
		next.Routes = append(next.Routes, r.defs...)
		next.Problems = append(next.Problems, r.problems...)
		for range r.defs {
			if i < len(set.Lines) {
				next.Lines = append(next.Lines, set.Lines[i])
			}
		}
	}
	if w.Clones() {
		// What cannot be read may have had a clone, which is kept as well.
		for _, p := range set.Problems {
			next.Unread = append(next.Unread, route.ClonePrefix+p.RouteID)
		}
		for _, id := range set.Unread {
			next.Unread = append(next.Unread, route.ClonePrefix+id)
		}
	}
	o.rewritten = done
	return next
}
