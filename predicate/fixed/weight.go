package fixed

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// maxWeight keeps sums of weights far from the end of an int.
const maxWeight = 1 << 40

var _ = predicate.Define(predicate.Def{
	Name:   "Weight",
	Params: []arg.Param{{Name: "weight", Type: arg.Int, Min: -maxWeight, Max: maxWeight}},
	Doc:    "every request; the route comes before others by this number, or after them by a negative one",
	Example: `redirect: PathSubtree("/") && Weight(1000) && Header("X-Forwarded-Proto", "http") -> redirectTo(308, "https:") -> <shunt>;
all: PathSubtree("/") && Host(/^www[.]example[.]org$/) && Method("GET") -> "http://www.example.org";`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		return weight(v.Int(0)), nil
	},
})

type weight int

// Weight implements predicate.Weighted.
func (w weight) Weight() int { return int(w) }

// Match implements predicate.Predicate.
func (weight) Match(*message.Request) bool { return true }
