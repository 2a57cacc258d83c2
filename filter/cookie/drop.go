package cookie

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "dropRequestCookie",
	Params:    []arg.Param{{Name: "name", Type: arg.Text}},
	Doc:       "removes a cookie from the request",
	Example:   `* -> dropRequestCookie("tracking") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &dropRequest{name: v.Text(0)}, checkName(v.Text(0))
	},
})

var _ = filter.Define(filter.Def{
	Name:      "dropResponseCookie",
	Params:    []arg.Param{{Name: "name", Type: arg.Text}},
	Doc:       "removes a cookie that the response sets",
	Example:   `* -> dropResponseCookie("tracking") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &dropResponse{name: v.Text(0)}, checkName(v.Text(0))
	},
})

type dropRequest struct {
	filter.RequestOnly
	name string
}

func (f *dropRequest) Request(c *filter.Context) {
	h := &c.Request.Header
	if _, ok := message.Cookie(h, f.name); !ok {
		return
	}
	fields := h.Fields()
	for i := range fields {
		if message.EqualName(fields[i].Name, "Cookie") {
			fields[i].Value = without(fields[i].Value, f.name)
		}
	}
	h.DelFunc(func(f message.Field) bool {
		return f.Value == "" && message.EqualName(f.Name, "Cookie")
	})
}

// without returns the value of a Cookie field without the cookies called name.
func without(field, name string) string {
	var b strings.Builder
	for pair := range strings.SplitSeq(field, ";") {
		pair = strings.Trim(pair, " \t")
		if pair == "" || nameOf(pair) == name {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		} else {
			b.Grow(len(field))
		}
		b.WriteString(pair)
	}
	return b.String()
}

type dropResponse struct {
	filter.ResponseOnly
	name string
}

func (f *dropResponse) Response(c *filter.Context) {
	c.Response.Header.DelFunc(func(h message.Field) bool {
		return message.EqualName(h.Name, "Set-Cookie") && nameOf(h.Value) == f.name
	})
}

// nameOf returns the name of the cookie at the start of s.
func nameOf(s string) string {
	s, _, _ = strings.Cut(s, ";")
	s, _, _ = strings.Cut(s, "=")
	return strings.Trim(s, " \t")
}
