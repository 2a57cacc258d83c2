package table

import (
	"cmp"
	"fmt"
	"slices"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// maxCandidates bounds what Explain returns.
const maxCandidates = 10

// Verdict is what became of a Candidate.
type Verdict uint8

// The verdicts.
const (
	Wins             Verdict = iota // the route that Lookup returns
	Outweighed                      // it matches, but By is tried first
	PredicateDiffers                // Predicate does not match
	PathDiffers                     // Predicate, a Path or PathSubtree, does not match
)

// Candidate is a route that could have been the one for a request.
type Candidate struct {
	Route   *Route
	Verdict Verdict
	// Predicate is the index in Route.Predicates of the first that does not
	// match; -1 when all match.
	Predicate int
	// By is the id of the route that wins, for Outweighed.
	By string
}

// Reason says in words what became of c.
func (c Candidate) Reason() string {
	switch c.Verdict {
	case Wins:
		return "it matches and is tried first"
	case Outweighed:
		return fmt.Sprintf("it matches, but is outweighed by %q", c.By)
	case PathDiffers:
		return "path does not match"
	}
	return fmt.Sprintf("predicate %d does not match", c.Predicate+1)
}

// Explain returns the routes that are nearest to the request, at most ten: first
// those that the request's path and host lead to, in the order in which Lookup
// tries them, with the one that wins among them if there is one; then those that
// differ in the fewest conditions. It looks at all routes and is not for the
// request path.
func (t *Table) Explain(req *message.Request, path string) []Candidate {
	path = t.normal(path)
	tried := t.tried(req, path)
	var found []Candidate
	seen := map[*entry]bool{}
	winner := ""
	won := false
	for _, e := range tried {
		if seen[e] {
			continue
		}
		seen[e] = true
		c := Candidate{Route: e.route, Verdict: PredicateDiffers, Predicate: e.firstMiss(req)}
		switch {
		case c.Predicate >= 0:
		case won:
			c.Verdict, c.By = Outweighed, winner
		default:
			c.Verdict, won, winner = Wins, true, e.route.ID
			if len(found) >= maxCandidates {
				found = found[:maxCandidates-1]
			}
		}
		if len(found) < maxCandidates {
			found = append(found, c)
		}
	}
	return append(found, t.nearMisses(req, path, seen, maxCandidates-len(found))...)
}

// trace collects the entries that a lookup comes by when none ever matches.
type trace struct{ entries []*entry }

func (tr *trace) add(e *entry) { tr.entries = append(tr.entries, e) }

func (t *Table) tried(req *message.Request, path string) []*entry {
	var tr trace
	s := search{table: t, req: req, trace: &tr}
	s.find(path)
	return tr.entries
}

// firstMiss returns the index of the first predicate that does not match, the
// path apart, or -1.
func (e *entry) firstMiss(req *message.Request) int {
	return slices.IndexFunc(e.route.Predicates, func(p predicate.Predicate) bool {
		_, tree := p.(predicate.Tree)
		return !tree && !p.Match(req)
	})
}

// miss is a route that the request's path or host does not lead to.
type miss struct {
	Candidate
	count  int // conditions that do not match
	common int // bytes that its path has in common with the request's
}

// compare puts the nearer first.
func (a miss) compare(b miss) int {
	return cmp.Or(cmp.Compare(a.count, b.count), cmp.Compare(b.common, a.common))
}

// nearMisses returns the n nearest of the routes that are not in seen.
func (t *Table) nearMisses(req *message.Request, path string, seen map[*entry]bool, n int) []Candidate {
	var near []miss
	for it := range t.byID.All() {
		e := it.Value.entry
		if seen[e] || n == 0 {
			continue
		}
		m := e.miss(req, path)
		// After its equals: they come in the order of their ids.
		i, _ := slices.BinarySearchFunc(near, m, func(a, b miss) int { return cmp.Or(a.compare(b), -1) })
		if i == n {
			continue
		}
		if len(near) == n {
			near = near[:n-1]
		}
		near = slices.Insert(near, i, m)
	}
	found := make([]Candidate, len(near))
	for i := range near {
		found[i] = near[i].Candidate
	}
	return found
}

func (e *entry) miss(req *message.Request, path string) miss {
	m := miss{common: commonPrefix(e.text, path)}
	m.Candidate = Candidate{Route: e.route, Verdict: PredicateDiffers, Predicate: e.firstMiss(req)}
	for _, p := range e.route.Predicates {
		if _, tree := p.(predicate.Tree); !tree && !p.Match(req) {
			m.count++
		}
	}
	if e.place != nowhere && !e.pattern.match(path) {
		m.count++
		m.Verdict, m.Predicate = PathDiffers, e.treeIndex()
	}
	return m
}

// treeIndex returns the index of the predicate that gave the pattern.
func (e *entry) treeIndex() int {
	return slices.IndexFunc(e.route.Predicates, func(p predicate.Predicate) bool {
		tree, ok := p.(predicate.Tree)
		if !ok {
			return false
		}
		raw, _ := tree.TreePath()
		return raw != ""
	})
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
