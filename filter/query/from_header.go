package query

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name: "headerToQuery",
	Params: []arg.Param{
		{Name: "header", Type: arg.Text},
		{Name: "key", Type: arg.Text},
	},
	Doc:       "sets a query parameter to the value of a request header, empty when there is none",
	Example:   `* -> headerToQuery("X-Customer", "customer") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &fromHeader{header: v.Text(0), key: v.Text(1)}, filter.CheckFieldName(v.Text(0))
	},
})

type fromHeader struct {
	filter.RequestOnly
	header, key string
}

// Request replaces the parameter even without the header: otherwise a client
// could choose the value by leaving the header out.
func (f *fromHeader) Request(c *filter.Context) {
	value := c.Request.Header.Get(f.header)
	c.Request.Query = rewrite(c.Request.Query, f.key, &pair{f.key, value, true})
}
