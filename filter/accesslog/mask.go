package accesslog

import (
	"errors"
	"slices"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "maskAccessLogQuery",
	Params:    []arg.Param{{Name: "key", Type: arg.Text, Many: true}},
	Doc:       "hides the values of query parameters in the access log",
	Example:   `* -> maskAccessLogQuery("access_token", "email") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Keys of several filters add up: who masks one more must not uncover another.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		keys := v.Texts(0)
		if slices.Contains(keys, "") {
			return nil, errors.New("found an empty key, expected the name of a query parameter")
		}
		return &mask{keys: keys[:len(keys):len(keys)]}, nil
	},
})

type mask struct {
	filter.RequestOnly
	keys []string
}

func (f *mask) Request(c *filter.Context) {
	if c.AccessLog.MaskQuery == nil {
		c.AccessLog.MaskQuery = f.keys // has no room: appending copies
		return
	}
	c.AccessLog.MaskQuery = append(c.AccessLog.MaskQuery, f.keys...)
}
