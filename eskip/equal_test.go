package eskip

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mustParse reads a document that has to be fine.
func mustParse(t testing.TB, text string) []*Route {
	t.Helper()
	routes, err := Parse("", text)
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

func TestEqual(t *testing.T) {
	base := `x: P(1, "a") && Q() -> f(2) -> g() -> <random, "http://a?zone=z", "http://b">`
	if !Equal(mustParse(t, base)[0], mustParse(t, "\n\n "+base)[0]) {
		t.Error("positions count")
	}
	for _, other := range []string{
		`y: P(1, "a") && Q() -> f(2) -> g() -> <random, "http://a?zone=z", "http://b">`,
		`x: P("1", "a") && Q() -> f(2) -> g() -> <random, "http://a?zone=z", "http://b">`,
		`x: P(1, "a", "") && Q() -> f(2) -> g() -> <random, "http://a?zone=z", "http://b">`,
		`x: P(1, "a") -> f(2) -> g() -> <random, "http://a?zone=z", "http://b">`,
		`x: Q() && P(1, "a") -> f(2) -> g() -> <random, "http://a?zone=z", "http://b">`,
		`x: P(1, "a") && Q() -> g() -> f(2) -> <random, "http://a?zone=z", "http://b">`,
		`x: P(1, "a") && Q() -> f(3) -> g() -> <random, "http://a?zone=z", "http://b">`,
		`x: P(1, "a") && Q() -> f(2) -> g() -> <"http://a?zone=z", "http://b">`,
		`x: P(1, "a") && Q() -> f(2) -> g() -> <random, "http://b", "http://a?zone=z">`,
		`x: P(1, "a") && Q() -> f(2) -> g() -> <random, "http://a", "http://b">`,
		`x: P(1, "a") && Q() -> f(2) -> g() -> <shunt>`,
		`x: P(1, "a") && Q() -> f(2) -> g() -> "http://a"`,
	} {
		if Equal(mustParse(t, base)[0], mustParse(t, other)[0]) {
			t.Errorf("equals %s", other)
		}
	}
	var none *Route
	if !Equal(none, none) || Equal(none, &Route{}) || Equal(&Route{}, none) {
		t.Error("nil is not only equal to nil")
	}
}

func TestEqualLists(t *testing.T) {
	const a, b, b2 = `a: * -> <shunt>;`, `b: P() -> <shunt>;`, `b: Q() -> <shunt>;`
	twice := append(mustParse(t, a), mustParse(t, a)...)
	for _, c := range []struct {
		name string
		x, y []*Route
		want bool
	}{
		{"nothing", nil, []*Route{}, true},
		{"order", mustParse(t, a+b), mustParse(t, b+a), true},
		{"one less", mustParse(t, a+b), mustParse(t, a), false},
		{"one more", mustParse(t, a), mustParse(t, a+b), false},
		{"other content", mustParse(t, a+b), mustParse(t, a+b2), false},
		{"twice", twice, twice, false},
		{"twice on the right", mustParse(t, a+b), twice, false},
		{"twice on the left", twice, mustParse(t, a+b), false},
	} {
		if got := EqualLists(c.x, c.y); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

func TestCanonical(t *testing.T) {
	const document = `c: * -> "http://a"; b: Z() && A(2) && A("1") && A(1, "x") && A(1) -> z() -> a() -> <"http://b", "http://a?zone=y", "http://a?zone=x", "http://a">;
a: * -> <shunt>;`
	const want = `a: * -> <shunt>;
b: A("1") && A(1) && A(1, "x") && A(2) && Z() -> z() -> a() -> <"http://a", "http://a?zone=x", "http://a?zone=y", "http://b">;
c: * -> "http://a";`
	routes := mustParse(t, document)
	before := Print(routes...)
	canonical := CanonicalList(routes)
	if d := cmp.Diff(want, Print(canonical...)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if Print(routes...) != before {
		t.Error("the routes were changed")
	}
	if !EqualLists(canonical, CanonicalList(canonical)) {
		t.Error("the canonical form of a canonical route differs")
	}
	foreign := &Route{Predicates: []Call{call("Any"), call("*")}, Backend: Backend{Type: Shunt, Address: "x", Algorithm: "y", Endpoints: []Endpoint{{}}}}
	if got := Canonical(foreign); len(got.Predicates) != 0 || !Equal(got, &Route{Backend: Backend{Type: Shunt}}) {
		t.Errorf("got %+v", got)
	}
	if Canonical(nil) != nil {
		t.Error("nil has a canonical form")
	}
}
