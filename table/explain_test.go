package table

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplain(t *testing.T) {
	routes := []*Route{
		route("get", path("/a/b"), method("GET"), kubeHost("a.org")),
		route("post", method("POST"), path("/a/b"), kubeHost("a.org"), weight(1)),
		route("sub", subtreeOf("/a")),
		route("other-host", path("/a/b"), kubeHost("b.org")),
		route("other-path", kubeHost("a.org"), path("/a/c")),
		route("far", method("PUT"), path("/z"), kubeHost("c.org")),
		route("rest"),
	}
	tests := []struct {
		name, method, host, path string
		want                     []string
	}{
		{"the winner among those that were tried", "GET", "a.org", "/a/b", []string{
			"post: predicate 1 does not match",
			"get: it matches and is tried first",
			`sub: it matches, but is outweighed by "get"`,
			`rest: it matches, but is outweighed by "get"`,
			"other-host: predicate 2 does not match",
			"other-path: path does not match",
			"far: path does not match",
		}},
		{"another host", "GET", "b.org", "/a/c", []string{
			"sub: it matches and is tried first",
			`rest: it matches, but is outweighed by "sub"`,
			"other-path: predicate 1 does not match",
			"other-host: path does not match",
			"get: path does not match",
			"post: path does not match",
			"far: path does not match",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, c := range build(t, Options{}, routes...).Explain(get(test.method, test.host), test.path) {
				got = append(got, c.Route.ID+": "+c.Reason())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestExplainPredicate names the predicate that differs, the path among them.
func TestExplainPredicate(t *testing.T) {
	tab := build(t, Options{}, route("a", method("GET"), path("/a")), route("b", path("/b"), host("x"), method("PUT")))
	want := map[string]Candidate{
		"a": {Verdict: PathDiffers, Predicate: 1},
		"b": {Verdict: PredicateDiffers, Predicate: 2},
	}
	for _, c := range tab.Explain(get("GET", "x"), "/b") {
		w := want[c.Route.ID]
		if w.Route = c.Route; c != w {
			t.Errorf("got %+v, want %+v", c, w)
		}
	}
}

// TestExplainKeepsTheWinner shows it even when more routes than fit were tried
// before it, and no more than fit.
func TestExplainKeepsTheWinner(t *testing.T) {
	var routes []*Route
	for i := range 3 * maxCandidates {
		routes = append(routes, route(fmt.Sprintf("%02d", i), path("/a"), method("POST")))
	}
	routes = append(routes, route("winner", path("/a"), weight(-5)), route("loser", path("/a"), weight(-6)))
	got := build(t, Options{}, routes...).Explain(get("GET", ""), "/a")
	if len(got) != maxCandidates || got[maxCandidates-1].Route.ID != "winner" || got[maxCandidates-1].Verdict != Wins || got[0].Route.ID != "00" {
		t.Errorf("got %+v", got)
	}
	if none := New(Options{}).Explain(get("GET", ""), "/a"); len(none) != 0 {
		t.Errorf("an empty table has candidates: %+v", none)
	}
}

// TestExplainInOrder shows those that are equally near in the order of their ids.
func TestExplainInOrder(t *testing.T) {
	var routes []*Route
	for i := range 2 * maxCandidates {
		routes = append(routes, route(fmt.Sprintf("%02d", 7*i%20), path("/a"), method("GET")))
	}
	for i, c := range build(t, Options{}, routes...).Explain(get("GET", ""), "/b") {
		if want := fmt.Sprintf("%02d", i); c.Route.ID != want {
			t.Errorf("candidate %d is %q, want %q", i, c.Route.ID, want)
		}
	}
}
