package header

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "copyRequestHeader",
	Also:      []string{"requestCopyHeader"},
	Params:    fromAndTo(),
	Doc:       "sets a request header to the value of another, unless that is empty",
	Example:   `* -> copyRequestHeader("Host", "X-Original-Host") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Fields that frame a message or belong to one connection cannot be set, and a value that came out with a control character is not written: no client adds a field, or ends the message, through a placeholder.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &copyRequest{from: v.Text(0), to: v.Text(1), host: isHost(v.Text(1))}, checkCopy(v)
	},
})

var _ = filter.Define(filter.Def{
	Name:      "copyResponseHeader",
	Also:      []string{"responseCopyHeader"},
	Params:    fromAndTo(),
	Doc:       "sets a response header to the value of another, unless that is empty",
	Example:   `* -> copyResponseHeader("ETag", "X-Version") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Fields that frame a message or belong to one connection cannot be set, and a value that came out with a control character is not written: no client adds a field, or ends the message, through a placeholder.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &copyResponse{from: v.Text(0), to: v.Text(1)}, checkCopy(v)
	},
})

func fromAndTo() []arg.Param {
	return []arg.Param{{Name: "from", Type: arg.Text}, {Name: "to", Type: arg.Text}}
}

func checkCopy(v arg.Values) error {
	if err := filter.CheckFieldName(v.Text(0)); err != nil {
		return err
	}
	return filter.CheckSettable(v.Text(1))
}

type copyRequest struct {
	filter.RequestOnly
	from, to string
	host     bool // to is Host
}

func (f *copyRequest) Request(c *filter.Context) {
	v := c.Request.Header.Get(f.from)
	if isHost(f.from) {
		v = currentHost(c)
	}
	switch {
	case v == "" || !writable(v, f.host):
	case f.host:
		setHost(c, f.to, v)
	default:
		c.Request.Header.Set(f.to, v)
	}
}

type copyResponse struct {
	filter.ResponseOnly
	from, to string
}

func (f *copyResponse) Response(c *filter.Context) {
	if v := c.Response.Header.Get(f.from); v != "" {
		c.Response.Header.Set(f.to, v)
	}
}
