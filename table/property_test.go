package table

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
	"github.com/google/go-cmp/cmp"
)

// generator makes routes and requests that have much in common, so that many
// routes match each request.
type generator struct{ *rand.Rand }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) pattern() string {
	var b strings.Builder
	for range g.IntN(5) {
		b.WriteString("/" + pick(g, "a", "b", "ab", "c%2Fd", ":x", ":y", ":"))
	}
	b.WriteString(pick(g, "", "", "", "/", "/*", "/**", "/*rest"))
	if g.IntN(30) == 0 {
		b.WriteString(pick(g, "/a:b", "/a*", "/*x/y", "/*/", "//", "/./a/../"))
	}
	return b.String()
}

// brokenPattern says whether a pattern cannot be placed: a wildcard inside of a
// segment, or a free wildcard before the end.
func brokenPattern(p string) bool {
	segs := strings.Split(clean(p), "/")
	for i, s := range segs {
		last := i == len(segs)-1
		switch {
		case strings.HasPrefix(s, ":"):
		case strings.HasPrefix(s, "*"):
			if !last {
				return true
			}
		case strings.ContainsAny(s, ":*"):
			return true
		}
	}
	return false
}

func (g generator) path() string {
	var b strings.Builder
	for range g.IntN(6) {
		b.WriteString("/" + pick(g, "a", "a", "b", "b", "ab", "abc", "c%2Fd", "x+y", "%zz", ":x", "**"))
	}
	b.WriteString(pick(g, "", "", "/"))
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

func (g generator) hostName() string {
	return pick(g, "a.org", "b.org", "x.a.org", "y.x.a.org", "A.org", "a.org.", "localhost", "")
}

func (g generator) host() string {
	h := g.hostName() + pick(g, "", "", "", ".", ":80", ".:80", ":", ":8o", "..")
	if g.IntN(20) == 0 {
		h = "\xff\n." + h
	}
	return h
}

func (g generator) hostPredicate() predicate.Predicate {
	switch g.IntN(8) {
	case 0:
		return hostAny(g.host())
	case 1:
		return hostAny(g.host(), g.host(), g.host())
	case 2:
		return kubeHost(g.name(), g.name())
	case 3:
		return host(pick(g, `^[^.]+[.]a[.]org$`, `^([a-z]+[.])*a[.]org[.]?(:[0-9]+)?$`, `^.*[.]org$`,
			`^(.*\.)?a\.org(:\d+)?$`, `^(([a-z]*[.])+org[.]?|a[.]org:[0-9]+)$`, `^([^.]+[.]x[.]a[.]org|b[.]org)$`))
	case 4:
		return host(pick(g, "a", "^x", "org$", "(?i)^A[.]org$", "^a.org$", "^(a|b)[.]org", "^$", ""))
	}
	return kubeHost(g.name())
}

func (g generator) name() string {
	return pick(g, "a.org", "b.org", "x.a.org", "y.x.a.org", "localhost")
}

func (g generator) route(id string) *Route {
	var p preds
	switch g.IntN(6) {
	case 0:
	case 1, 2:
		p = append(p, subtreeOf(g.pattern()))
	default:
		p = append(p, path(g.pattern()))
	}
	for g.IntN(3) == 0 {
		p = append(p, g.hostPredicate())
	}
	for g.IntN(4) == 0 {
		p = append(p, pick(g, method("GET"), method("POST"), weight(g.IntN(8)-3), weight(0),
			header("A", "1"), header("A", "2"), header("B", "1")))
	}
	g.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	return route(id, p...)
}

func (g generator) request() *message.Request {
	req := get(pick(g, "GET", "POST"), g.host())
	req.Header.Add(pick(g, "A", "B"), pick(g, "1", "2"))
	return req
}

// TestAgainstReference compares the table with the reference, after each of many
// random updates and for all older versions once more at the end.
func TestAgainstReference(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := generator{rand.New(rand.NewPCG(seed, 42))}
			o := Options{IgnoreTrailingSlash: seed%4 == 3}
			type version struct {
				tab *Table
				ref reference
			}
			versions := []version{{New(o), reference{o, map[string]*Route{}}}}
			size := pick(g, 3, 20, 150)
			for range 12 {
				v := versions[g.IntN(len(versions))]
				if g.IntN(4) > 0 {
					v = versions[len(versions)-1]
				}
				v.ref.routes = maps.Clone(v.ref.routes)
				v.tab = g.update(t, v.tab, v.ref, size)
				compare(t, g, v.tab, v.ref, 60)
				versions = append(versions, v)
			}
			for _, v := range versions {
				compare(t, g, v.tab, v.ref, 20)
			}
		})
	}
}

// update changes a table and its reference alike.
func (g generator) update(t *testing.T, tab *Table, ref reference, size int) *Table {
	t.Helper()
	var put []*Route
	var remove []string
	for range g.IntN(size) {
		id := fmt.Sprintf("r%d", g.IntN(size*2))
		if g.IntN(3) == 0 {
			remove = append(remove, id)
			continue
		}
		put = append(put, g.route(id))
	}
	for _, id := range remove {
		delete(ref.routes, id)
	}
	broken := map[string]int{}
	for _, r := range put {
		delete(ref.routes, r.ID)
		if p := pathOf(r); brokenPattern(p.pattern) {
			broken[r.ID]++
			continue
		}
		ref.routes[r.ID] = r
	}
	next, problems := tab.Update(put, remove)
	for _, p := range problems {
		broken[p.ID]--
	}
	for id, n := range broken {
		if n != 0 {
			t.Fatalf("route %q: %d problems missing in %v", id, n, problems)
		}
	}
	return next
}

func compare(t *testing.T, g generator, tab *Table, ref reference, requests int) {
	t.Helper()
	var ids []string
	for r := range tab.All() {
		ids = append(ids, r.ID)
		if ref.routes[r.ID] != r || tab.Get(r.ID) != r {
			t.Fatalf("route %q is not the one that was put", r.ID)
		}
	}
	if want := slices.Sorted(maps.Keys(ref.routes)); !slices.Equal(ids, want) || tab.Len() != len(want) {
		t.Fatalf("routes %q, Len %d, want %q", ids, tab.Len(), want)
	}
	for range requests {
		req, path := g.request(), g.path()
		want := compareOne(t, tab, ref, req, path)
		if g.IntN(8) == 0 {
			checkExplain(t, tab, req, path, want)
		}
	}
}

// compareOne returns the route that is to win.
func compareOne(t *testing.T, tab *Table, ref reference, req *message.Request, path string) *Route {
	t.Helper()
	want, wantParams := ref.lookup(req, path)
	got, params := tab.Lookup(req, path, nil)
	if got != want {
		t.Fatalf("%s %q %q: got %s, want %s", req.Method, req.Host, path, describe(got), describe(want))
	}
	if diff := cmp.Diff(wantParams, params); diff != "" {
		t.Fatalf("%q of %s: params (-want +got)\n%s", path, describe(got), diff)
	}
	return want
}

func describe(r *Route) string {
	if r == nil {
		return "no route"
	}
	return fmt.Sprintf("%s %v", r.ID, r.Predicates)
}

// checkExplain makes sure that the explanation names the winner and gives true
// reasons for all others.
func checkExplain(t *testing.T, tab *Table, req *message.Request, path string, winner *Route) {
	t.Helper()
	candidates := tab.Explain(req, path)
	if want := min(tab.Len(), maxCandidates); len(candidates) != want {
		t.Fatalf("Explain gives %d candidates, want %d", len(candidates), want)
	}
	seen := map[*Route]bool{}
	var wins *Route
	for _, c := range candidates {
		if seen[c.Route] {
			t.Fatalf("Explain names %q twice", c.Route.ID)
		}
		seen[c.Route] = true
		switch c.Verdict {
		case Wins:
			wins = c.Route
		case Outweighed:
			if !matchAll(c.Route, req) || wins == nil || c.By != winner.ID {
				t.Fatalf("%q: %s: not so", c.Route.ID, c.Reason())
			}
		case PredicateDiffers:
			if c.Route.Predicates[c.Predicate].Match(req) {
				t.Fatalf("%q: %s: it does", c.Route.ID, c.Reason())
			}
		case PathDiffers:
			one := reference{tab.options, map[string]*Route{"": {Predicates: preds{c.Route.Predicates[c.Predicate]}}}}
			if r, _ := one.lookup(req, path); r != nil {
				t.Fatalf("%q: %s: %q does match %v", c.Route.ID, c.Reason(), path, pathOf(c.Route))
			}
		}
	}
	if wins != winner {
		t.Fatalf("Explain says that %s wins, want %s", describe(wins), describe(winner))
	}
}

// TestNothingRemains checks that a table without routes has no memory of those
// that it had.
func TestNothingRemains(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	tab := New(Options{})
	var ids []string
	for i := range 500 {
		ids = append(ids, fmt.Sprint(i))
		tab, _ = tab.Update([]*Route{g.route(ids[i])}, nil)
	}
	g.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids {
		tab, _ = tab.Update(nil, []string{id, "unknown"})
	}
	if tab.tree != nil || tab.pathless != (set{}) || !tab.byID.Empty() || tab.Len() != 0 {
		t.Errorf("left over: %+v", tab)
	}
}
