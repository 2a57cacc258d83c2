package shadow

import (
	"context"
	"net/http"
	"net/url"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "teeResponse",
	Params:  []arg.Param{{Name: "url", Type: arg.Text}},
	Doc:     "sends a copy of the response's body to another server as well, with POST",
	Example: `* -> teeResponse("https://shadow.example.org/answers") -> "http://127.0.0.1:8080"`,
	Differs: "The client never waits for the shadow, as with tee. The path of the URL counts; Skipper asks for /. Content-Type and Content-Encoding go with the body, so that it can be read; no other field does.",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		u, err := target(v)
		if err != nil {
			return nil, err
		}
		c, err := carrierOf(env)
		if err != nil {
			return nil, err
		}
		u.Fragment, u.RawFragment = "", ""
		return &answers{carrier: c, url: u}, nil
	},
	Shareable: true,
})

// answers sends copies of responses to a server.
type answers struct {
	filter.ResponseOnly
	carrier *carrier
	url     *url.URL
}

// Response implements filter.Filter. Answers to shadows have none: where the
// server is one of ours that would be a loop.
func (f *answers) Response(c *filter.Context) {
	r := c.Response
	if r.Body == nil || r.ContentLength == 0 || c.Request.Method == http.MethodHead || c.Request.Header.Has(marker) {
		return
	}
	if !f.carrier.place(f.url.Host) {
		return
	}
	h := http.Header{marker: {"yes"}, "User-Agent": nil}
	for _, name := range [...]string{"Content-Type", "Content-Encoding"} {
		for v := range r.Header.Values(name) {
			h.Add(name, string([]byte(v)))
		}
	}
	body, length := f.carrier.newTape(), r.ContentLength
	r.SetBody(&copied{src: r.Body, tape: body, left: length}, length)
	f.carrier.carry(f.url.Host, c.RouteID, func(ctx context.Context) error {
		defer func() { _ = body.Close() }()
		u := *f.url
		req := &http.Request{Method: http.MethodPost, URL: &u, Host: u.Host, Header: h, Body: body, ContentLength: length}
		if length == message.Unknown {
			req.ContentLength = -1
		}
		return ask(ctx, f.carrier.direct, req)
	})
}
