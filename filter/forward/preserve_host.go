package forward

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "preserveHost",
	Params:    []arg.Param{{Name: "preserve", Type: arg.Bool}},
	Doc:       `sends the client's Host to the backend ("true") or the backend's own ("false"); a Host that a filter set wins`,
	Example:   `* -> preserveHost("true") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if v.Bool(0) {
			return &preserveHost{to: filter.On}, nil
		}
		return &preserveHost{to: filter.Off}, nil
	},
})

type preserveHost struct {
	filter.RequestOnly
	to filter.Switch
}

func (f *preserveHost) Request(c *filter.Context) { c.Upstream.PreserveHost = f.to }
