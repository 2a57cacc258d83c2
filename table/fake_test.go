package table

import (
	"regexp"
	"slices"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// The predicates of these tests. asked counts calls where a test wants to know.

type fakePath struct {
	pattern string
	subtree bool
}

func (p fakePath) TreePath() (string, bool)      { return p.pattern, p.subtree }
func (p fakePath) Match(r *message.Request) bool { panic("the table must not ask a Tree predicate") }

type fakeHost struct {
	expr string
	rx   *regexp.Regexp
}

func (p fakeHost) HostPattern() (string, []string) { return p.expr, nil }
func (p fakeHost) Match(r *message.Request) bool   { return p.rx.MatchString(r.Host) }

type fakeHostAny []string

func (p fakeHostAny) HostPattern() (string, []string) { return "", p }
func (p fakeHostAny) Match(r *message.Request) bool   { return slices.Contains(p, r.Host) }

type fakeMethod string

func (p fakeMethod) Match(r *message.Request) bool { return r.Method == string(p) }

type fakeWeight int

func (p fakeWeight) Match(*message.Request) bool { return true }
func (p fakeWeight) Weight() int                 { return int(p) }

type fakeHeader struct{ name, value string }

func (p fakeHeader) Match(r *message.Request) bool { return r.Header.Get(p.name) == p.value }
func (p fakeHeader) WeightKey() string             { return p.name }

type fakeNever struct{ asked *int }

func (p fakeNever) Match(*message.Request) bool { *p.asked++; return false }

// Shorthand for the tables of cases.

type preds = []predicate.Predicate

func path(p string) predicate.Predicate         { return fakePath{p, false} }
func subtreeOf(p string) predicate.Predicate    { return fakePath{p, true} }
func host(expr string) predicate.Predicate      { return fakeHost{expr, regexp.MustCompile(expr)} }
func hostAny(h ...string) predicate.Predicate   { return fakeHostAny(h) }
func method(m string) predicate.Predicate       { return fakeMethod(m) }
func weight(n int) predicate.Predicate          { return fakeWeight(n) }
func header(name, v string) predicate.Predicate { return fakeHeader{name, v} }

// kubeHost is the expression that the Kubernetes conversion writes for hosts
// (spec 2.3).
func kubeHost(names ...string) predicate.Predicate {
	expr := "^("
	for i, n := range names {
		if i > 0 {
			expr += "|"
		}
		expr += dots.ReplaceAllString(n, "[.]") + "[.]?(:[0-9]+)?"
	}
	return host(expr + ")$")
}

var dots = regexp.MustCompile(`[.]`)

func route(id string, p ...predicate.Predicate) *Route {
	return &Route{ID: id, Predicates: p, Value: id}
}

// failer is what tests and benchmarks have in common.
type failer interface {
	Helper()
	Fatalf(string, ...any)
}

func build(t failer, o Options, routes ...*Route) *Table {
	t.Helper()
	tab, problems := New(o).Update(routes, nil)
	for _, p := range problems {
		t.Fatalf("route %q: %v", p.ID, p.Err)
	}
	return tab
}

func get(method, host string) *message.Request {
	return &message.Request{Method: method, Host: host}
}
