package accesslog

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "enableAccessLog",
	Params:    prefixes(),
	Doc:       "logs the exchange; with prefixes (4, 40, 404), only statuses that start so",
	Example:   `* -> enableAccessLog(4, 5) -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return newControl(v, filter.On), nil
	},
})

var _ = filter.Define(filter.Def{
	Name:      "disableAccessLog",
	Params:    prefixes(),
	Doc:       "does not log the exchange; with prefixes (2, 30, 304), only statuses that start so are left out",
	Example:   `Path("/health") -> disableAccessLog(2) -> status(200) -> <shunt>`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return newControl(v, filter.Off), nil
	},
})

// accessLogDisabled is the deprecated form of both.
var _ = filter.Define(filter.Def{
	Name:      "accessLogDisabled",
	Params:    []arg.Param{{Name: "disabled", Type: arg.Bool}},
	Doc:       "deprecated, use disableAccessLog or enableAccessLog",
	Example:   `* -> accessLogDisabled("true") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if v.Bool(0) {
			return &control{to: filter.Off}, nil
		}
		return &control{to: filter.On}, nil
	},
})

func prefixes() []arg.Param {
	return []arg.Param{{Name: "prefix", Type: arg.Int, Min: 1, Max: 999, Optional: true, Many: true, Default: "every status"}}
}

type control struct {
	filter.RequestOnly
	to       filter.Switch
	prefixes []int
}

func newControl(v arg.Values, to filter.Switch) *control {
	f := &control{to: to}
	for i := range v.Len() {
		f.prefixes = append(f.prefixes, v.Int(i))
	}
	return f
}

func (f *control) Request(c *filter.Context) {
	c.AccessLog.Enabled, c.AccessLog.Prefixes = f.to, f.prefixes
}
