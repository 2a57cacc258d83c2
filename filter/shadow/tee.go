package shadow

import (
	"context"
	"net/http"
	"net/url"
	"regexp"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

const teeDiffers = "The exchange never waits for its shadow: there are -shadow-buffer bytes between them, and a shadow that is slower is cut and counted (shadow.dropped.overflow); Skipper's slows the exchange down. " +
	"Authorization, Cookie and other credentials stay here unless -shadow-credentials-hosts names the host: a mirror has other readers than what it mirrors. " +
	"X-Skipper-Shadow-Traffic marks the shadow and not the exchange: a backend must be able to tell them apart, and one that is such a proxy itself would refuse the client. "

var _ = filter.Define(filter.Def{
	Name: "tee", Also: []string{"Tee"},
	Params:    teeParams(),
	Doc:       "sends a copy of the request, its shadow, to another server as well; an expression and a replacement change its path",
	Example:   `* -> tee("https://shadow.example.org", "^/v1/", "/v2/") -> "http://127.0.0.1:8080"`,
	Differs:   teeDiffers + "Redirects are followed to the same host only. A shadow has -shadow-timeout and not one second: uploads take longer.",
	Shareable: true,
	New:       func(v arg.Values, env *filter.Env) (filter.Filter, error) { return newTee(v, env, true) },
})

var _ = filter.Define(filter.Def{
	Name:      "teenf",
	Params:    teeParams(),
	Doc:       "is tee, but its shadow follows no redirect",
	Example:   `* -> teenf("https://shadow.example.org") -> "http://127.0.0.1:8080"`,
	Differs:   teeDiffers + "It follows no redirect whatever other filters of the host do; in Skipper the first filter for a host decides for all.",
	Shareable: true,
	New:       func(v arg.Values, env *filter.Env) (filter.Filter, error) { return newTee(v, env, false) },
})

func teeParams() []arg.Param {
	return []arg.Param{
		{Name: "url", Type: arg.Text},
		{Name: "expression", Type: arg.Regexp, Optional: true},
		{Name: "replacement", Type: arg.Text, Optional: true},
	}
}

// tee sends copies of requests to a server.
type tee struct {
	carrier      *carrier
	client       *http.Client
	scheme, host string
	credentials  bool
	path         *regexp.Regexp // nil: as it is
	replacement  string
}

func newTee(v arg.Values, env *filter.Env, follow bool) (filter.Filter, error) {
	u, err := target(v)
	if err != nil {
		return nil, err
	}
	if v.Len() == 2 {
		return nil, v.Wrong(1, "found an expression without a replacement, expected both or none")
	}
	c, err := carrierOf(env)
	if err != nil {
		return nil, err
	}
	f := &tee{
		carrier: c, client: c.direct, scheme: u.Scheme, host: u.Host, credentials: c.credentials.trusts(u.Hostname()),
		path: v.Regexp(1), replacement: v.Text(2),
	}
	if follow {
		f.client = c.client
	}
	return f, nil
}

// target reads the URL of a server from argument 1.
func target(v arg.Values) (*url.URL, error) {
	text := v.Text(0)
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !filter.ValidHost(u.Host) {
		return nil, v.Wrong(0, "found %q, expected a URL such as \"https://shadow.example.org\"", text)
	}
	if u.User != nil {
		return nil, v.Wrong(0, "found a name or password in the URL: it would stand in every list of routes")
	}
	return u, nil
}

// Request implements filter.Filter.
func (f *tee) Request(c *filter.Context) {
	if c.Request.Header.Has(marker) {
		c.Refuse(message.ReasonShadowLoop)
		return
	}
	if c.Request.Method == http.MethodConnect || !f.carrier.place(f.host) {
		return
	}
	head := c.Request.Clone()
	body := f.carrier.copyRequest(c)
	f.carrier.carry(f.host, c.RouteID, func(ctx context.Context) error {
		return f.send(ctx, &head, body)
	})
}

// Response implements filter.Filter.
func (f *tee) Response(*filter.Context) {}

// Phases implements filter.Hints.
func (f *tee) Phases() filter.Phase { return filter.InRequest }

// End implements filter.Ender: what was not read by now never is.
func (f *tee) End(c *filter.Context) { endTapes(c) }

// send sends the shadow of a request.
func (f *tee) send(ctx context.Context, r *message.Request, body *tape) error {
	if f.path != nil {
		r.SetPath(f.path.ReplaceAllString(r.Path, f.replacement))
	}
	u := &url.URL{Scheme: f.scheme, Host: f.host, Path: r.Path, RawPath: r.RawPath, RawQuery: r.Query}
	if !f.credentials {
		u.RawQuery = withoutCredentials(r.Query)
	}
	req := &http.Request{Method: r.Method, URL: u, Host: f.host, Header: fieldsFor(&r.Header, f.credentials)}
	if body != nil {
		defer func() { _ = body.Close() }()
		req.Body, req.ContentLength = body, r.ContentLength
	}
	return ask(ctx, f.client, req)
}
