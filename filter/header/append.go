package header

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "appendRequestHeader",
	Also:      []string{"requestHeader"},
	Params:    nameAndValue(),
	Doc:       "adds a request header and keeps those of the same name; a Host is replaced, there is one only",
	Example:   `* -> appendRequestHeader("X-Seen-By", "edge") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Fields that frame a message or belong to one connection cannot be set, and a value that came out with a control character is not written: no client adds a field, or ends the message, through a placeholder.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f, err := newField(v, true)
		return &appendRequest{field: f}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "appendResponseHeader",
	Also:      []string{"responseHeader"},
	Params:    nameAndValue(),
	Doc:       "adds a response header and keeps those of the same name",
	Example:   `* -> appendResponseHeader("Vary", "Accept-Language") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Fields that frame a message or belong to one connection cannot be set, and a value that came out with a control character is not written: no client adds a field, or ends the message, through a placeholder.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f, err := newField(v, false)
		return &appendResponse{field: f}, err
	},
})

type appendRequest struct {
	filter.RequestOnly
	field
}

func (f *appendRequest) Request(c *filter.Context) {
	v, ok := f.expand(c)
	switch {
	case !ok:
	case f.host:
		setHost(c, f.name, v)
	default:
		c.Request.Header.Add(f.name, v)
	}
}

type appendResponse struct {
	filter.ResponseOnly
	field
}

func (f *appendResponse) Response(c *filter.Context) {
	if v, ok := f.expand(c); ok {
		c.Response.Header.Add(f.name, v)
	}
}
