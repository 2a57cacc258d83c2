package host

import (
	"slices"
	"testing"

	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestHost(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `Host("example[.]org")`, Request: "GET http://www.example.org:8080/", Matches: true},
		{Predicate: `Host("^example[.]org$")`, Request: "GET http://example.org/", Matches: true},
		{Predicate: `Host("^example[.]org$")`, Request: "GET http://example.org:80/"},
		{Predicate: `Host("^example[.]org$")`, Request: "GET http://EXAMPLE.org/"},
		{Predicate: `Host("(?i)^example[.]org$")`, Request: "GET http://EXAMPLE.org/", Matches: true},
		{Predicate: `Host("")`, Request: "GET /", Matches: true},
		{Predicate: `Host(".")`, Request: "GET /"},
	})
}

func TestHostAny(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `HostAny("a.org", "c.org", "b.org")`, Request: "GET http://b.org/", Matches: true},
		{Predicate: `HostAny("a.org", "c.org", "b.org")`, Request: "GET http://c.org", Matches: true},
		{Predicate: `HostAny("a.org", "c.org", "b.org")`, Request: "GET http://d.org/"},
		{Predicate: `HostAny("a.org")`, Request: "GET http://a.org:80/"},
		{Predicate: `HostAny("a.org:80")`, Request: "GET http://a.org:80/", Matches: true},
		{Predicate: `HostAny("a.org")`, Request: "GET http://A.org/"},
		{Predicate: `HostAny("a.org")`, Request: "GET http://xa.org/"},
	})
}

func TestHostPattern(t *testing.T) {
	for text, want := range map[string]struct {
		expr  string
		exact []string
	}{
		`Host("^a[.]org$")`:           {"^a[.]org$", nil},
		`HostAny("b", "a", "b", "c")`: {"", []string{"a", "b", "c"}},
	} {
		expr, exact := predicatetest.New(t, text).(predicate.Host).HostPattern()
		if expr != want.expr || !slices.Equal(exact, want.exact) {
			t.Errorf("%s: got %q, %q", text, expr, exact)
		}
	}
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`Host("[")`:    "missing closing ]",
		`Host(1)`:      "number",
		`HostAny()`:    "found 0 arguments, expected (host...)",
		`HostAny(1.5)`: "found the number 1.5",
	})
}
