package fixed

import (
	"testing"

	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestSuite(t *testing.T) { predicatetest.Run(t) }

func TestMatch(t *testing.T) {
	predicatetest.Matches(t, []predicatetest.Case{
		{Predicate: `True()`, Request: "GET /", Matches: true},
		{Predicate: `False()`, Request: "GET /"},
		{Predicate: `Weight(-5)`, Request: "GET /", Matches: true},
		{Predicate: `Shutdown()`, Request: "GET /"},
		{Predicate: `Shutdown()`, Request: "GET /\n:shutdown", Matches: true},
		{Predicate: `Tee("a")`, Request: "GET /\n:tee a", Matches: true},
		{Predicate: `Tee("a")`, Request: "GET /\n:tee b"},
		{Predicate: `Tee("a")`, Request: "GET /\nTee: a"},
	})
}

func TestWeight(t *testing.T) {
	for text, want := range map[string]int{
		`True()`: 2, `Weight(7)`: 7, `Weight(0)`: 0, `Weight(-1000)`: -1000, `False()`: 1, `Shutdown()`: 1,
	} {
		got := 1
		if w, ok := predicatetest.New(t, text).(predicate.Weighted); ok {
			got = w.Weight()
		}
		if got != want {
			t.Errorf("%s weighs %d, want %d", text, got, want)
		}
	}
}

func TestRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`Tee()`:                 "found 0 arguments, expected (label)",
		`Tee("")`:               `argument 1 (label): found ""`,
		`True(1)`:               "found 1 argument, expected ()",
		`Shutdown("")`:          "found 1 argument, expected ()",
		`Weight()`:              "found 0 arguments, expected (weight)",
		`Weight(1.5)`:           "found 1.5, expected a whole number",
		`Weight("1")`:           `found the string "1"`,
		`Weight(9999999999999)`: "expected a number from",
	})
}
