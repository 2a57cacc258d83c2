package trace

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "tracingTag",
	Params:    tagAndValue(),
	Doc:       "sets a tag of the request's span, unless a placeholder has no value",
	Example:   `* -> tracingTag("component.host", "${request.host}") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		t, err := newTag(v)
		return &requestTag{tag: t}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "tracingTagFromResponse",
	Params:    tagAndValue(),
	Doc:       "sets a tag of the request's span when the response is there, unless a placeholder has no value",
	Example:   `* -> tracingTagFromResponse("cache", "${response.header.X-Cache}") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		t, err := newTag(v)
		return &responseTag{tag: t, from: 0, to: 999}, err
	},
})

var _ = filter.Define(filter.Def{
	Name: "tracingTagFromResponseIfStatus",
	Params: append(tagAndValue(),
		arg.Param{Name: "least status", Type: arg.Int, Min: 100, Max: 999},
		arg.Param{Name: "greatest status", Type: arg.Int, Min: 100, Max: 999}),
	Doc:       "sets a tag of the request's span when the status of the response is one of these",
	Example:   `* -> tracingTagFromResponseIfStatus("error.id", "${response.header.X-Error}", 500, 599) -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if v.Int(2) > v.Int(3) {
			return nil, v.Wrong(3, "found %d, expected at least the least status, %d", v.Int(3), v.Int(2))
		}
		t, err := newTag(v)
		return &responseTag{tag: t, from: v.Int(2), to: v.Int(3)}, err
	},
})

func tagAndValue() []arg.Param {
	return []arg.Param{{Name: "tag", Type: arg.Text}, {Name: "value", Type: arg.Template}}
}

type tag struct {
	name  string
	value *filter.Template
}

func newTag(v arg.Values) (tag, error) {
	if err := checkName(v, 0); err != nil {
		return tag{}, err
	}
	t, err := filter.NewTemplate(v.Text(1))
	return tag{v.Text(0), t}, err
}

// checkName refuses an argument that is to be a name and is empty.
func checkName(v arg.Values, i int) error {
	if v.Text(i) == "" {
		return v.Wrong(i, `found "", expected a name`)
	}
	return nil
}

func (t *tag) set(c *filter.Context) {
	if v, ok := t.value.Expand(c); ok {
		c.Trace.SetTag(t.name, v)
	}
}

type requestTag struct {
	filter.RequestOnly
	tag
}

func (f *requestTag) Request(c *filter.Context) { f.set(c) }

// responseTag is set for responses of Fairlead itself, too: what goes wrong is
// what traces are for.
type responseTag struct {
	filter.ResponseOnly
	tag
	from, to int // statuses
}

func (f *responseTag) Response(c *filter.Context) {
	if s := c.Response.Status; f.from <= s && s <= f.to {
		f.set(c)
	}
}

// HandlesErrors implements filter.ErrorHandler.
func (*responseTag) HandlesErrors() bool { return true }
