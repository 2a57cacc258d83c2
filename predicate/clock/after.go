package clock

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "After",
	Params:  []arg.Param{{Name: "time", Type: arg.Any}, {Name: "zone", Type: arg.Text, Optional: true, Default: "the time says it"}},
	Doc:     "at this time or later; the time is RFC 3339, seconds since 1970, or local with the name of its zone",
	Example: `sale: Path("/sale") && After("2026-11-27T00:00:00", "Europe/Berlin") -> "http://sale.example.org";`,
	Differs: "The time of a request is the moment at which its head was complete, the same for all routes. Time zones come with the program.",
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		from, err := readTime(v, 0, 1)
		return window{from: from}, err
	},
})

var _ = predicate.Define(predicate.Def{
	Name:    "Before",
	Params:  []arg.Param{{Name: "time", Type: arg.Any}, {Name: "zone", Type: arg.Text, Optional: true, Default: "the time says it"}},
	Doc:     "before this time; the time is RFC 3339, seconds since 1970, or local with the name of its zone",
	Example: `soon: Path("/sale") && Before("2026-11-27T00:00:00+01:00") -> redirectTo(302, "/") -> <shunt>;`,
	Differs: "The time of a request is the moment at which its head was complete, the same for all routes. Time zones come with the program.",
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		to, err := readTime(v, 0, 1)
		return window{to: to}, err
	},
})
