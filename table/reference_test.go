package table

import (
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/table/tabletest"
)

// reference is the table that tries every route.
type reference struct {
	options Options
	routes  map[string]*Route
}

func (ref reference) lookup(req *message.Request, path string) (*Route, message.Params) {
	plain := tabletest.Table{IgnoreTrailingSlash: ref.options.IgnoreTrailingSlash, Routes: make(map[string][]predicate.Predicate, len(ref.routes))}
	for id, r := range ref.routes {
		plain.Routes[id] = r.Predicates
	}
	id, params, found := plain.Lookup(req, path)
	if !found {
		return nil, nil
	}
	return ref.routes[id], params
}

func matchAll(r *Route, req *message.Request) bool { return tabletest.MatchAll(r.Predicates, req) }

// pathOf returns the path of r, "" if it has none.
func pathOf(r *Route) fakePath {
	for _, p := range r.Predicates {
		if p, ok := p.(fakePath); ok {
			return p
		}
	}
	return fakePath{}
}

func clean(p string) string { return message.CleanPath(p) }

var _ predicate.Tree = fakePath{}
var _ predicate.Host = fakeHost{}
