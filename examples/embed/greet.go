package main

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// greet is a filter: its declaration gives the checks of its arguments, and it
// appears in error messages and "did you mean" like those that are built in.
var _ = filter.Define(filter.Def{
	Name:      "greet",
	Params:    []arg.Param{{Name: "greeting", Type: arg.Text}},
	Doc:       "answers with a greeting for the name in the query",
	Example:   `* -> greet("Hello") -> <shunt>`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if v.Text(0) == "" {
			return nil, v.Wrong(0, "found nothing, expected a greeting")
		}
		return greet{text: v.Text(0)}, nil
	},
})

type greet struct {
	filter.RequestOnly
	text string
}

// Request answers: the filters behind it and the backend are not asked.
func (g greet) Request(c *filter.Context) {
	name, ok := message.QueryValue(c.Request.Query, "name")
	if !ok {
		name = "world"
	}
	c.ServeText(200, "text/plain; charset=utf-8", g.text+", "+name+"!\n")
}
