package query

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "dropQuery",
	Params:    []arg.Param{{Name: "key", Type: arg.Template}},
	Doc:       "removes a query parameter",
	Example:   `* -> dropQuery("utm_source") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "No other spelling of the parameter is left: it would still be there for a backend that decodes it. What a placeholder brought along is encoded.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		key, err := filter.NewTemplate(v.Text(0))
		return &drop{key: key}, err
	},
})

type drop struct {
	filter.RequestOnly
	key *filter.Template
}

// Request writes the query anew even when the parameter is not found: what
// cannot be decoded could be another spelling of it (see rewrite).
func (f *drop) Request(c *filter.Context) {
	if c.Request.Query == "" {
		return
	}
	key, _ := f.key.Expand(c)
	c.Request.Query = rewrite(c.Request.Query, key, nil)
}
