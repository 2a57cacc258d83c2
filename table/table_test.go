package table

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/message"
	"github.com/google/go-cmp/cmp"
)

// TestPrecedence is spec 1.6 in cases.
func TestPrecedence(t *testing.T) {
	type asks struct {
		method, host, path string
		want               string // id, "" for none
	}
	tests := []struct {
		name    string
		options Options
		routes  []*Route
		asks    []asks
	}{
		{
			name: "literal before wildcard before free wildcard",
			routes: []*Route{
				route("free", path("/a/*rest")),
				route("param", path("/a/:x")),
				route("literal", path("/a/b")),
			},
			asks: []asks{
				{"", "", "/a/b", "literal"}, {"", "", "/a/c", "param"}, {"", "", "/a/b/c", "free"},
				{"", "", "/a/", ""}, {"", "", "/a", ""}, {"", "", "/a/c/", "free"},
			},
		},
		{
			name: "backtracking when other predicates fail",
			routes: []*Route{
				route("1", path("/a/b/c"), method("POST")),
				route("2", path("/a/:x/c"), method("PUT")),
				route("3", path("/:x/b/c"), method("PATCH")),
				route("4", path("/a/**"), method("GET")),
				route("5", path("/**")),
				route("6"),
			},
			asks: []asks{
				{"POST", "", "/a/b/c", "1"}, {"PUT", "", "/a/b/c", "2"}, {"PATCH", "", "/a/b/c", "3"},
				{"GET", "", "/a/b/c", "4"}, {"HEAD", "", "/a/b/c", "5"}, {"HEAD", "", "/", "6"},
			},
		},
		{
			name: "a path beats any weight of a route without one",
			routes: []*Route{
				route("any", weight(1000), method("GET"), host("^a$")),
				route("path", subtreeOf("/")),
			},
			asks: []asks{{"GET", "a", "/x", "path"}},
		},
		{
			name: "heavier first at one position, then by id",
			routes: []*Route{
				route("c", path("/:x")), route("b", path("/:y")), route("d", path("/:z"), method("GET")),
				route("light", path("/:x"), weight(-1)),
			},
			asks: []asks{{"GET", "", "/1", "d"}, {"POST", "", "/1", "b"}},
		},
		{
			name: "weight goes across the sets of a position",
			routes: []*Route{
				route("host", path("/a"), kubeHost("h")),
				route("wild", subtreeOf("/a"), host("^.*[.]org$"), method("GET")),
				route("any", subtreeOf("/a"), weight(2), method("GET")),
				route("rx", path("/a"), host("o"), weight(1)),
			},
			asks: []asks{{"GET", "h", "/a", "any"}, {"PUT", "h", "/a", "host"}, {"GET", "x.org", "/a", "any"}, {"PUT", "o", "/a", "rx"}},
		},
		{
			name: "subtree is the path, the path with a slash, and all below",
			routes: []*Route{
				route("sub", subtreeOf("/a/b")), route("slash", path("/a/b/"), weight(1)), route("root", subtreeOf("/")),
			},
			asks: []asks{
				{"", "", "/a/b", "sub"}, {"", "", "/a/b/", "slash"}, {"", "", "/a/b/c/d", "sub"}, {"", "", "/a/bc", "root"}, {"", "", "/", "root"},
			},
		},
		{
			name: "a free wildcard needs a character",
			routes: []*Route{
				route("free", path("/a/*x")), route("top", path("/**")),
			},
			asks: []asks{{"", "", "/a/", "top"}, {"", "", "/a", "top"}, {"", "", "/", ""}, {"", "", "/a/x", "free"}},
		},
		{
			name: "an empty segment is not bound",
			routes: []*Route{
				route("one", path("/:x")), route("two", path("/:x/:y")),
			},
			asks: []asks{{"", "", "/", ""}, {"", "", "/a", "one"}, {"", "", "/a/", ""}, {"", "", "/a/b", "two"}},
		},
		{
			name:    "trailing slashes ignored",
			options: Options{IgnoreTrailingSlash: true},
			routes: []*Route{
				route("p", path("/a/")), route("s", subtreeOf("/s/")), route("top", path("/")), route("x", path("/x/:y/")),
			},
			asks: []asks{
				{"", "", "/a", "p"}, {"", "", "/a/", "p"}, {"", "", "/s/", "s"}, {"", "", "/s/t/", "s"}, {"", "", "/", "top"}, {"", "", "/x/1", "x"}, {"", "", "/x/1/", "x"},
			},
		},
		{
			name: "patterns are cleaned",
			routes: []*Route{
				route("a", path("//a/./b/../c")), route("rel", path("rel")), route("none", path(""), method("GET")),
			},
			asks: []asks{{"", "", "/a/c", "a"}, {"", "", "/rel", "rel"}, {"GET", "", "/z", "none"}},
		},
		{
			name: "paths that are not as they should be",
			routes: []*Route{
				route("top", path("/")), route("star", path("/:x")), route("two", path("/:x/:y")),
			},
			asks: []asks{{"", "", "", "top"}, {"", "", "*", "star"}, {"", "", "//a", ""}},
		},
		{
			name: "hosts with ports and dots",
			routes: []*Route{
				route("kube", kubeHost("a.org", "b.org")), route("any", hostAny("c.org", "c.org:80")), route("rest"),
			},
			asks: []asks{
				{"", "a.org", "/", "kube"}, {"", "b.org.:80", "/", "kube"}, {"", "a.org:", "/", "rest"}, {"", "A.org", "/", "rest"},
				{"", "c.org", "/", "any"}, {"", "c.org:80", "/", "any"}, {"", "c.org:81", "/", "rest"}, {"", "c.org.", "/", "rest"}, {"", "", "/", "rest"},
			},
		},
		{
			name: "all host predicates must match",
			routes: []*Route{
				route("both", host(`^[^.]+[.]org$`), kubeHost("a.org", "b.org"), host("a")), route("twice", hostAny("c", "d"), hostAny("d", "e")),
			},
			asks: []asks{{"", "a.org", "/", "both"}, {"", "b.org", "/", ""}, {"", "a.org:80", "/", ""}, {"", "c", "/", ""}, {"", "d", "/", "twice"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tab := build(t, test.options, test.routes...)
			for _, a := range test.asks {
				r, _ := tab.Lookup(get(a.method, a.host), a.path, nil)
				if got := idOf(r); got != a.want {
					t.Errorf("%s %q %q: got %q, want %q", a.method, a.host, a.path, got, a.want)
				}
			}
		})
	}
}

func idOf(r *Route) string {
	if r == nil {
		return ""
	}
	return r.ID
}

// bound returns params of names and values in turn.
func bound(namesAndValues ...string) message.Params {
	var p message.Params
	for pair := range slices.Chunk(namesAndValues, 2) {
		p = append(p, message.Param{Name: pair[0], Value: pair[1]})
	}
	return p
}

func TestParams(t *testing.T) {
	tests := []struct {
		route *Route
		path  string
		want  message.Params
	}{
		{route("", path("/a")), "/a", nil},
		{route(""), "/a", nil},
		{route("", path("/:a/x/:b")), "/1/x/2", bound("a", "1", "b", "2")},
		{route("", path("/:a/:a")), "/1/2", bound("a", "1", "a", "2")},
		{route("", path("/:/:b")), "/1/2", bound("b", "2")},
		{route("", path("/a/*rest")), "/a/b/c/", bound("rest", "/b/c/")},
		{route("", path("/a/*")), "/a/b", bound("*", "/b")},
		{route("", path("/a/**")), "/a/b", bound("*", "/b")},
		{route("", path("/**")), "/a", bound("*", "/a")},
		{route("", subtreeOf("/a")), "/a", bound("*", "/")},
		{route("", subtreeOf("/a")), "/a/", bound("*", "/")},
		{route("", subtreeOf("/a/")), "/a/b/c", bound("*", "/b/c")},
		{route("", subtreeOf("/")), "/", bound("*", "/")},
		{route("", subtreeOf("/")), "/a/b", bound("*", "/a/b")},
		{route("", subtreeOf("/:a/*sub")), "/1", bound("a", "1", "sub", "/")},
		{route("", subtreeOf("/:a/*sub")), "/1/2/3", bound("a", "1", "sub", "/2/3")},
		{route("", path("/:a/*b")), "/x+y/1%2F2+3", bound("a", "x y", "b", "/1/2 3")},
		{route("", path("/:a")), "/50%", bound("a", "50%")},
		{route("", path("/:a")), "/%zz+", bound("a", "%zz+")},
	}
	for _, test := range tests {
		t.Run(pathOf(test.route).pattern+" "+test.path, func(t *testing.T) {
			first := message.Param{Name: "first"}
			r, got := build(t, Options{}, test.route).Lookup(get("", ""), test.path, message.Params{first})
			if r == nil {
				t.Fatal("no route")
			}
			if diff := cmp.Diff(append(message.Params{first}, test.want...), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestParamNames binds the names of the route that wins, whatever others at its
// position call them, and leaves params alone when none does.
func TestParamNames(t *testing.T) {
	tab := build(t, Options{}, route("1", path("/:a/x"), method("GET")), route("2", path("/:b/x"), method("PUT")))
	for method, want := range map[string]message.Params{"GET": {{Name: "a", Value: "v"}}, "PUT": {{Name: "b", Value: "v"}}, "POST": {}} {
		_, got := tab.Lookup(get(method, ""), "/v/x", message.Params{})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", method, diff)
		}
	}
}

func TestWeight(t *testing.T) {
	tests := map[string]struct {
		preds preds
		want  int
	}{
		"none":                  {nil, 0},
		"tree counts nothing":   {preds{path("/a"), path("")}, 0},
		"one each":              {preds{method("GET"), host("a"), host("b"), hostAny("c")}, 4},
		"what it says":          {preds{weight(5), weight(-2), method("GET")}, 4},
		"segment adds nothing":  {preds{weight(0)}, 0},
		"one for each key":      {preds{header("A", "1"), header("B", "1"), header("A", "2"), host("a")}, 3},
		"a key before its twin": {preds{host("a"), header("A", "1"), header("A", "1")}, 2},
	}
	for name, test := range tests {
		if got := Weight(test.preds); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// TestNarrowestHost indexes a route by the host predicate with the fewest hosts.
func TestNarrowestHost(t *testing.T) {
	wild, many, one, rx := host("^.*[.]org$"), kubeHost("a.org", "b.org"), kubeHost("a.org"), host("org")
	for _, p := range []preds{{wild, many, one, rx}, {rx, one, many, wild}, {many, wild, one}, {one, many}} {
		e, err := newEntry(route("", p...), Options{})
		if err != nil || len(e.hosts) != 1 || e.hosts[0].Name != "a.org" || len(e.rest) != len(p)-1 {
			t.Errorf("indexed by %+v, %d predicates remain, error %v", e.hosts, len(e.rest), err)
		}
	}
	if e, _ := newEntry(route("", wild, many), Options{}); len(e.hosts) != 2 {
		t.Errorf("indexed by %+v, want the two hosts", e.hosts)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		preds preds
		want  string
	}{
		{preds{path("/a*b")}, `path "/a\*b": segment "a\*b": a wildcard .* takes a whole segment`},
		{preds{subtreeOf("/x/a:b/c")}, `segment "a:b"`},
		{preds{path("/*a/b")}, `free wildcard "\*a" must be the last segment`},
		{preds{path("/*a/")}, `free wildcard "\*a" must be the last segment`},
		{preds{subtreeOf("/**/x")}, `free wildcard "\*\*" must be the last segment`},
		{preds{path("/a"), method("GET"), subtreeOf("/b")}, `more than one Path or PathSubtree`},
		{preds{path("/" + strings.Repeat("a", maxPattern))}, `8193 bytes long, at most 8192`},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			before := build(t, Options{}, route("bad", path("/old")), route("good", path("/good")))
			tab, problems := before.Update([]*Route{route("bad", test.preds...), route("new", path("/new"))}, nil)
			if len(problems) != 1 || problems[0].ID != "bad" || !regexp.MustCompile(test.want).MatchString(problems[0].Err.Error()) {
				t.Fatalf("problems %+v, want %q", problems, test.want)
			}
			for path, want := range map[string]string{"/good": "good", "/new": "new", "/old": ""} {
				if r, _ := tab.Lookup(get("", ""), path, nil); idOf(r) != want {
					t.Errorf("%q: %q, want %q", path, idOf(r), want)
				}
			}
			if r, _ := before.Lookup(get("", ""), "/old", nil); idOf(r) != "bad" {
				t.Errorf("the table before has changed: %q", idOf(r))
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	one, problems := New(Options{}).Update([]*Route{nil, route("a", path("/1")), route("b", path("/2")), route("a", path("/3"))}, nil)
	if len(problems) != 1 || problems[0].Err != errNoRoute {
		t.Errorf("problems %+v, want one about the route that is none", problems)
	}
	two, problems := one.Update([]*Route{route("b", path("/4"))}, []string{"a", "b", "c", "a"})
	if len(problems) != 0 {
		t.Errorf("problems %+v", problems)
	}
	// From the same table as two: neither sees the other's changes.
	three, _ := one.Update([]*Route{route("c", path("/5"))}, nil)
	tests := []struct {
		tab  *Table
		want map[string]string
	}{
		{one, map[string]string{"/3": "a", "/2": "b"}},
		{two, map[string]string{"/4": "b"}},
		{three, map[string]string{"/3": "a", "/2": "b", "/5": "c"}},
	}
	for i, test := range tests {
		if test.tab.Len() != len(test.want) {
			t.Errorf("table %d: Len %d, want %d", i+1, test.tab.Len(), len(test.want))
		}
		for _, path := range []string{"/1", "/2", "/3", "/4", "/5"} {
			if r, _ := test.tab.Lookup(get("", ""), path, nil); idOf(r) != test.want[path] {
				t.Errorf("table %d: %q: %q, want %q", i+1, path, idOf(r), test.want[path])
			}
		}
	}
	if two.Get("a") != nil || two.Get("b") == nil {
		t.Error("Get does not say what is there")
	}
}

// TestAllInOrder lists by id, also where ids begin alike.
func TestAllInOrder(t *testing.T) {
	ids := []string{"", "\x00", "a", "a\x00", "a\x00b", "kube_default", "kube_default__a", "kube_default__b", "kube_dev", "ä"}
	var routes []*Route
	for i := range ids {
		routes = append(routes, route(ids[i*7%len(ids)]))
	}
	var got []string
	for r := range build(t, Options{}, routes...).All() {
		if got = append(got, r.ID); len(got) == 9 {
			break
		}
	}
	if !slices.Equal(got, ids[:9]) {
		t.Errorf("got %q, want %q", got, ids[:9])
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("/a/:b/*c", "/a/x/y", true, false)
	f.Add("/a/../:b/", "/x/", false, true)
	f.Fuzz(func(t *testing.T, pattern, target string, isSubtree, ignore bool) {
		r := route("it", fakePath{pattern, isSubtree})
		tab, problems := New(Options{IgnoreTrailingSlash: ignore}).Update([]*Route{r}, nil)
		if len(pattern) > maxPattern-1 {
			return
		}
		if (len(problems) == 1) != brokenPattern(pattern) {
			t.Fatalf("pattern %q: problems %v", pattern, problems)
		}
		ref := reference{Options{IgnoreTrailingSlash: ignore}, map[string]*Route{}}
		if len(problems) == 0 {
			ref.routes["it"] = r
		}
		compareOne(t, tab, ref, get("", ""), clean(target))
	})
}
