package header

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "setRequestHeader",
	Params:    nameAndValue(),
	Doc:       "sets a request header; Host is the host that the backend sees",
	Example:   `user: Path("/user/:id") -> setRequestHeader("X-User", "${id}") -> "http://127.0.0.1:8080";`,
	Shareable: true,
	Differs:   "Fields that frame a message or belong to one connection cannot be set, and a value that came out with a control character is not written: no client adds a field, or ends the message, through a placeholder.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f, err := newField(v, true)
		return &setRequest{field: f}, err
	},
})

var _ = filter.Define(filter.Def{
	Name:      "setResponseHeader",
	Params:    nameAndValue(),
	Doc:       "sets a response header",
	Example:   `* -> setResponseHeader("X-Path", "${request.path}") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Fields that frame a message or belong to one connection cannot be set, and a value that came out with a control character is not written: no client adds a field, or ends the message, through a placeholder.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		f, err := newField(v, false)
		return &setResponse{field: f}, err
	},
})

type setRequest struct {
	filter.RequestOnly
	field
}

func (f *setRequest) Request(c *filter.Context) {
	v, ok := f.expand(c)
	switch {
	case !ok:
	case f.host:
		setHost(c, f.name, v)
	default:
		c.Request.Header.Set(f.name, v)
	}
}

type setResponse struct {
	filter.ResponseOnly
	field
}

func (f *setResponse) Response(c *filter.Context) {
	if v, ok := f.expand(c); ok {
		c.Response.Header.Set(f.name, v)
	}
}
