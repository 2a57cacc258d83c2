package predicatetest

import (
	"fmt"
	"strings"
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/predicate"
)

// Case is one question to a predicate.
type Case struct {
	// Predicate is one in the route language: `Method("GET")`.
	Predicate string
	// Request as Request reads it.
	Request string
	Matches bool
	// Allocates is set where answering takes memory.
	Allocates bool
}

// Matches runs a table. Unless a case says otherwise, the answer takes no
// memory.
func Matches(t *testing.T, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Predicate+" "+strings.ReplaceAll(c.Request, "\n", ", "), func(t *testing.T) {
			p, req := New(t, c.Predicate), Request(t, c.Request)
			if got := p.Match(req); got != c.Matches {
				t.Fatalf("match is %v, want %v", got, c.Matches)
			}
			if n := testing.AllocsPerRun(50, func() { p.Match(req) }); n != 0 && !c.Allocates && !raceEnabled {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// Rejects runs a table of predicates that cannot be constructed, each with a
// piece of the error.
func Rejects(t *testing.T, cases map[string]string) {
	t.Helper()
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			_, err := Create(text)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got the error %v, want one with %q", err, want)
			}
		})
	}
}

// New constructs a predicate from its text in the route language.
func New(t testing.TB, text string) predicate.Predicate {
	t.Helper()
	p, err := Create(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// Create is New with the error.
func Create(text string) (predicate.Predicate, error) {
	calls, err := eskip.ParsePredicates(text)
	if err != nil {
		return nil, err
	}
	if len(calls) != 1 {
		return nil, fmt.Errorf("%q has %d predicates, expected one", text, len(calls))
	}
	return construct(&calls[0])
}

func construct(call *eskip.Call) (predicate.Predicate, error) {
	def := predicate.Lookup(call.Name)
	if def == nil {
		return nil, fmt.Errorf("unknown predicate %q", call.Name)
	}
	v, err := arg.Check(def.Params, call.Args)
	if err != nil {
		return nil, err
	}
	return def.New(v, &predicate.Env{})
}
