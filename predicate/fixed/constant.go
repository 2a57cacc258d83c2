package fixed

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name: "True",
	Doc:  "every request; the route comes before others by two",
	Example: `first: Path("/a") && True() -> "http://first.example.org";
second: Path("/a") && Method("GET") -> "http://second.example.org";`,
	New: func(arg.Values, *predicate.Env) (predicate.Predicate, error) { return always{}, nil },
})

var _ = predicate.Define(predicate.Def{
	Name:    "False",
	Doc:     "no request; a way to switch a route off and keep it",
	Example: `off: Path("/a") && False() -> "http://off.example.org";`,
	New:     func(arg.Values, *predicate.Env) (predicate.Predicate, error) { return never{}, nil },
})

type always struct{}

// Weight implements predicate.Weighted: one for the predicate and one that it
// adds (spec 1.2).
func (always) Weight() int { return 2 }

// Match implements predicate.Predicate.
func (always) Match(*message.Request) bool { return true }

type never struct{}

// Match implements predicate.Predicate.
func (never) Match(*message.Request) bool { return false }
