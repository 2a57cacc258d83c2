package note

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "annotate",
	Params:    []arg.Param{{Name: "key", Type: arg.Text}, {Name: "value", Type: arg.Text}},
	Doc:       "tells the filters behind it that key is value; the last value of a key wins",
	Example:   `* -> annotate("owner", "team-a") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &annotate{key: v.Text(0), value: v.Text(1)}, nil
	},
})

type annotate struct {
	filter.RequestOnly
	key, value string
}

func (f *annotate) Request(c *filter.Context) { filter.Annotate(c, f.key, f.value) }
