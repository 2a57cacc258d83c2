package table

import (
	"cmp"
	"strings"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// entry is a route as the table keeps it.
type entry struct {
	route  *Route
	weight int
	pattern
	// hosts is the host condition that the index answers. Without one, the
	// entry stands among those that every host reaches.
	hosts []HostPattern
	// rest are the predicates that remain to be asked, in the route's order.
	rest []predicate.Predicate
}

// hosted is an entry with its only host beside it: a lookup among many routes
// finds both with one wait for the memory.
type hosted struct {
	entry
	host [1]HostPattern
}

func newEntry(r *Route, o Options) (*entry, error) {
	e, err := makeEntry(r, o)
	if err != nil || len(e.hosts) != 1 {
		return e, err
	}
	h := &hosted{entry: *e, host: [1]HostPattern{e.hosts[0]}}
	h.hosts = h.host[:]
	return &h.entry, nil
}

func makeEntry(r *Route, o Options) (*entry, error) {
	e := &entry{route: r, weight: Weight(r.Predicates)}
	rest := 0
	indexed := -1 // the predicate that hosts stands for
	for i, p := range r.Predicates {
		switch p := p.(type) {
		case predicate.Tree:
			pat, subtree := p.TreePath()
			if pat == "" {
				continue
			}
			if e.place != nowhere {
				return nil, errTwoPaths
			}
			var err error
			if e.pattern, err = parsePattern(pat, subtree, o.IgnoreTrailingSlash); err != nil {
				return nil, err
			}
			continue
		case predicate.Host:
			if hosts := hostsOf(p); narrower(hosts, e.hosts) {
				e.hosts, indexed = hosts, i
			}
		}
		rest++
	}
	if indexed >= 0 {
		rest--
	}
	if rest > 0 {
		e.keep(r.Predicates, indexed, rest)
	}
	return e, nil
}

// keep stores the n predicates that are neither answered by the tree nor by
// the host index.
func (e *entry) keep(preds []predicate.Predicate, indexed, n int) {
	e.rest = make([]predicate.Predicate, 0, n)
	for i, p := range preds {
		if _, tree := p.(predicate.Tree); !tree && i != indexed {
			e.rest = append(e.rest, p)
		}
	}
}

// hostsOf returns the hosts that p accepts, or nil when the index cannot know.
func hostsOf(p predicate.Host) []HostPattern {
	expr, exact := p.HostPattern()
	if len(exact) == 0 {
		if hosts, ok := ParseHostPattern(expr); ok {
			return hosts
		}
		return nil
	}
	hosts := make([]HostPattern, len(exact))
	for i, name := range exact {
		hosts[i] = HostPattern{Name: name, Forms: Bare}
	}
	return hosts
}

// narrower reports whether a is the better condition to look up: known, and
// with fewer hosts.
func narrower(a, b []HostPattern) bool {
	if a == nil || b == nil {
		return a != nil
	}
	return breadth(a) < breadth(b)
}

func breadth(hosts []HostPattern) int {
	n := len(hosts)
	for i := range hosts {
		if hosts[i].Wildcard() {
			n += 1 << 20
		}
	}
	return n
}

// before reports whether a is tried before b at the same tree position: the
// heavier first, then by id.
func (a *entry) before(b *entry) bool { return a.compare(b) < 0 }

func (a *entry) compare(b *entry) int {
	if c := cmp.Compare(b.weight, a.weight); c != 0 {
		return c
	}
	return strings.Compare(a.route.ID, b.route.ID)
}

// match asks the predicates that neither the tree nor the host index answered.
func (e *entry) match(req *message.Request) bool {
	for _, p := range e.rest {
		if !p.Match(req) {
			return false
		}
	}
	return true
}
