package query

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name: "setQuery",
	Params: []arg.Param{
		{Name: "key", Type: arg.Template},
		{Name: "value", Type: arg.Template, Optional: true, Default: "a key without a value"},
	},
	Doc:     "sets a query parameter; with one argument, the whole query",
	Example: `user: Path("/user/:id") -> setPath("/user") -> setQuery("id", "${id}") -> "http://127.0.0.1:8080";`,
	Differs: "No other spelling of the parameter is left: it would still be there for a backend that decodes it. What a placeholder brought along is encoded.",
	New:     newSet,
})

func newSet(v arg.Values, _ *filter.Env) (filter.Filter, error) {
	key, err := filter.NewTemplate(v.Text(0))
	if err != nil {
		return nil, err
	}
	if !v.Has(1) {
		return &setAll{query: key}, nil
	}
	value, err := filter.NewTemplate(v.Text(1))
	return &set{key: key, value: value}, err
}

// setAll replaces the query.
type setAll struct {
	filter.RequestOnly
	query *filter.Template
}

func (f *setAll) Request(c *filter.Context) {
	q, _ := f.query.Expand(c)
	c.Request.Query = message.EscapeQuery(q)
}

// set replaces one parameter.
type set struct {
	filter.RequestOnly
	key, value *filter.Template
}

func (f *set) Request(c *filter.Context) {
	key, _ := f.key.Expand(c)
	value, _ := f.value.Expand(c)
	c.Request.Query = rewrite(c.Request.Query, key, &pair{key, value, true})
}
