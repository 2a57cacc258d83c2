package note

import (
	"strconv"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name: "originMarker",
	Params: []arg.Param{
		{Name: "origin", Type: arg.Text},
		{Name: "id", Type: arg.Text},
		{Name: "created", Type: arg.Text},
	},
	Doc:       "does nothing; says which object of which origin the route was made from and when that was created, for -route-creation-metrics",
	Example:   `* -> originMarker("ingress", "shop/front", "2026-01-02T15:04:05Z") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if _, err := time.Parse(time.RFC3339, v.Text(2)); err != nil {
			return nil, v.Wrong(2, "found %s, expected a time such as \"2026-01-02T15:04:05Z\"", strconv.Quote(v.Text(2)))
		}
		return comment{}, nil
	},
})
