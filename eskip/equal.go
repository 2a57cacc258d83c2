package eskip

import (
	"cmp"
	"slices"
	"strings"
)

// Equal reports whether a and b are the same route: id, predicates, filters and
// backend in the same order, whatever the positions. Where the order of
// predicates and endpoints does not matter, compare what Canonical returns.
func Equal(a, b *Route) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID &&
		slices.EqualFunc(a.Predicates, b.Predicates, equalCalls) &&
		slices.EqualFunc(a.Filters, b.Filters, equalCalls) &&
		a.Backend.Type == b.Backend.Type &&
		a.Backend.Address == b.Backend.Address &&
		a.Backend.Algorithm == b.Backend.Algorithm &&
		slices.Equal(a.Backend.Endpoints, b.Backend.Endpoints)
}

func equalCalls(a, b Call) bool { return a.Name == b.Name && slices.Equal(a.Args, b.Args) }

// EqualLists reports whether a and b hold the same routes in any order. A list
// in which an id stands twice equals no list (spec 1.5).
func EqualLists(a, b []*Route) bool {
	byID := make(map[string]*Route, len(a))
	for _, r := range a {
		byID[r.ID] = r
	}
	if len(a) != len(b) || len(byID) != len(a) {
		return false
	}
	for _, r := range b {
		if !Equal(byID[r.ID], r) {
			return false
		}
		delete(byID, r.ID) // a second one of that id finds nothing
	}
	return true
}

// Canonical returns the route in the form in which equal routes look equal:
// predicates sorted by name and then by their arguments, those that are no
// condition left away, the endpoints of a load balanced backend sorted by
// address and then by zone, filters as they are (spec 1.5). Fields that do not
// belong to the type of the backend are empty. r stays as it is; what needs no
// change is shared with it.
func Canonical(r *Route) *Route {
	if r == nil {
		return nil
	}
	c := *r
	c.Predicates = slices.DeleteFunc(slices.Clone(r.Predicates), func(p Call) bool { return isAny(&p) })
	slices.SortStableFunc(c.Predicates, compareCalls)
	c.Backend = Backend{Type: r.Backend.Type}
	switch r.Backend.Type {
	case Network:
		c.Backend.Address = r.Backend.Address
	case LB:
		c.Backend.Algorithm = r.Backend.Algorithm
		c.Backend.Endpoints = slices.Clone(r.Backend.Endpoints)
		slices.SortFunc(c.Backend.Endpoints, compareEndpoints)
	}
	return &c
}

// CanonicalList returns the canonical form of every route, sorted by id.
func CanonicalList(routes []*Route) []*Route {
	out := make([]*Route, len(routes))
	for i, r := range routes {
		out[i] = Canonical(r)
	}
	slices.SortStableFunc(out, func(a, b *Route) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func compareCalls(a, b Call) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), slices.CompareFunc(a.Args, b.Args, compareArgs))
}

func compareArgs(a, b Arg) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Number, b.Number), strings.Compare(a.Text, b.Text))
}

func compareEndpoints(a, b Endpoint) int {
	return cmp.Or(strings.Compare(a.Address, b.Address), strings.Compare(a.Zone, b.Zone))
}
