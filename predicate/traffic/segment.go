package traffic

import (
	"fmt"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name: "TrafficSegment",
	Params: []arg.Param{
		{Name: "min", Type: arg.Number, Min: 0, Max: 1},
		{Name: "max", Type: arg.Number, Min: 0, Max: 1},
	},
	Doc: "the number between 0 and 1 that was drawn for the request is at least min and less than max",
	Example: `half: Path("/") && TrafficSegment(0, 0.5) -> "http://a.example.org";
third: Path("/") && TrafficSegment(0.5, 0.8) -> "http://b.example.org";
rest: Path("/") && TrafficSegment(0.8, 1) -> "http://c.example.org";`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		s := segment{v.Number(0), v.Number(1)}
		if s.min > s.max {
			return nil, fmt.Errorf("found the bounds %v and %v, expected the first not to be more than the second", s.min, s.max)
		}
		return s, nil
	},
})

type segment struct{ min, max float64 }

// Weight implements predicate.Weighted: segments of the same path must not beat
// routes that are more specific (spec 1.2).
func (segment) Weight() int { return 0 }

// Match implements predicate.Predicate.
func (s segment) Match(r *message.Request) bool {
	n := r.Random()
	return s.min <= n && n < s.max
}
