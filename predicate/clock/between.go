package clock

import (
	"fmt"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name: "Between",
	Params: []arg.Param{
		{Name: "begin", Type: arg.Any},
		{Name: "end", Type: arg.Any},
		{Name: "zone", Type: arg.Text, Optional: true, Default: "the time says it"},
	},
	Doc:     "at begin or later and before end; times are RFC 3339, seconds since 1970, or local with the name of their zone",
	Example: `sale: Path("/sale") && Between("2026-11-27T00:00:00", "2026-11-30T00:00:00", "Europe/Berlin") -> "http://sale.example.org";`,
	Differs: "The time of a request is the moment at which its head was complete, the same for all routes. Time zones come with the program.",
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		from, err := readTime(v, 0, 2)
		if err != nil {
			return nil, err
		}
		to, err := readTime(v, 1, 2)
		if err != nil {
			return nil, err
		}
		if !from.Before(to) {
			return nil, fmt.Errorf("found the begin %s and the end %s, expected the end to be later", from.Format(time.RFC3339), to.Format(time.RFC3339))
		}
		return window{from, to}, nil
	},
})
