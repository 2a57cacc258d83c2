package trace

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "tracingSpanName",
	Params:    []arg.Param{{Name: "name", Type: arg.Text}},
	Doc:       "names the span of the request",
	Example:   `* -> tracingSpanName("shop") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &spanName{name: v.Text(0)}, checkName(v, 0)
	},
})

type spanName struct {
	filter.RequestOnly
	name string
}

func (f *spanName) Request(c *filter.Context) { c.Trace.SpanName = f.name }
