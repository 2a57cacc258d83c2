package cookie

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "requestCookie",
	Params:    []arg.Param{{Name: "name", Type: arg.Text}, {Name: "value", Type: arg.Text}},
	Doc:       "adds a cookie to the request",
	Example:   `* -> requestCookie("group", "A") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "A cookie that no browser takes is a problem of the route: it would be lost without a word.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		ck, err := newCookie(v.Text(0), v.Text(1))
		return &request{cookie: ck}, err
	},
})

type request struct {
	filter.RequestOnly
	cookie
}

// Request adds to the first Cookie field: a request has one (RFC 6265 5.4).
func (f *request) Request(c *filter.Context) {
	h := &c.Request.Header
	fields := h.Fields()
	for i := range fields {
		if !message.EqualName(fields[i].Name, "Cookie") {
			continue
		}
		if fields[i].Value == "" {
			fields[i].Value = f.pair
		} else {
			fields[i].Value += "; " + f.pair
		}
		return
	}
	h.Add("Cookie", f.pair)
}
