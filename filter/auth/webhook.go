package auth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/httpcall"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Values are the options of the filters that ask a service of their own (spec 1.8:
// auth).
type Values struct {
	WebhookTimeout time.Duration `flag:"webhook-timeout" doc:"time for the answer of a service that the filter webhook asks"`
}

// Options declares the options of the family.
var Options = option.Define("auth", Values{WebhookTimeout: 2 * time.Second})

var _ = filter.Define(filter.Def{
	Name:    "webhook",
	Params:  []arg.Param{{Name: "url", Type: arg.Text}, {Name: "headers", Type: arg.Text, Optional: true}},
	Doc:     "asks a service whether the request may pass: with GET and the header of the request; a status below 300 lets it pass, with these headers (separated by commas) of the answer; 403 is 403, others are 401",
	Example: `* -> webhook("http://127.0.0.1:9001/check", "X-Auth-User,X-Auth-Roles") -> "http://127.0.0.1:8080"`,
	Differs: "a service that fails (no answer, 429, 5xx) makes 503, not 401, so that clients keep their tokens; what the client sent in the headers to copy is removed; the WWW-Authenticate of the answer is passed on",
	// Instances share nothing but the client of the process.
	Shareable: true,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		u, err := httpcall.CheckURL(v.Text(0))
		if err != nil {
			return nil, v.Wrong(0, "%w", err)
		}
		f := &webhook{url: u, timeout: Options.From(env.Options).WebhookTimeout}
		if f.timeout <= 0 {
			return nil, errors.New("option -webhook-timeout: expected a time above 0")
		}
		if v.Has(1) {
			for name := range strings.SplitSeq(v.Text(1), ",") {
				name = strings.TrimSpace(name)
				if err := filter.CheckSettable(name); err != nil {
					return nil, v.Wrong(1, "%w", err)
				}
				if message.KindOf(name) == message.KindHost {
					return nil, v.Wrong(1, "found %q, expected other headers: no service chooses the host", name)
				}
				f.copied = append(f.copied, name)
			}
		}
		f.calls = env.Shared(callsKey{}, func() any { return httpcall.New(httpcall.Config{MaxBody: 64 << 10, MaxCalls: 1024}) }).(*httpcall.Client)
		return f, nil
	},
})

type callsKey struct{}

type webhook struct {
	filter.RequestOnly
	calls   *httpcall.Client
	url     *url.URL
	timeout time.Duration
	copied  []string
}

func (f *webhook) Request(c *filter.Context) {
	a, err := f.ask(c)
	for _, name := range f.copied {
		c.Request.Header.DelVariants(name)
	}
	switch {
	case err != nil, a.Status >= 500, a.Status == http.StatusTooManyRequests:
		unavailable(c)
	case a.Status == http.StatusForbidden:
		refuse(c, message.ReasonForbidden, "", invalidAccess)
	case a.Status >= 300:
		f.unauthorized(c, a)
	default:
		for _, name := range f.copied {
			for _, v := range a.Header.Values(name) {
				c.Request.Header.Add(name, v)
			}
		}
		accept(c, "webhook")
	}
}

// unauthorized passes the challenge of the service on, for it knows what it wants.
func (f *webhook) unauthorized(c *filter.Context, a *httpcall.Answer) {
	challenges := a.Header.Values("WWW-Authenticate")
	if len(challenges) == 0 {
		unauthorized(c, "", invalidAccess)
		return
	}
	resp := refuse(c, message.ReasonUnauthorized, "", invalidAccess)
	for _, v := range challenges {
		resp.Header.Add("WWW-Authenticate", v)
	}
}

func (f *webhook) ask(c *filter.Context) (*httpcall.Answer, error) {
	return f.calls.Do(c.Context(), f.timeout, f.question(c))
}

// question returns the request to ask with. It shares nothing with that of the
// client: a call that takes too long may still be writing it when that has ended.
func (f *webhook) question(c *filter.Context) *http.Request {
	req := &http.Request{Method: http.MethodGet, URL: f.url, Host: f.url.Host, Header: http.Header{}}
	for _, field := range c.Request.Header.Fields() {
		// What is about the connection, the body or the host is not about who asks.
		if field.Kind != message.KindOther || strings.HasPrefix(field.Name, ":") {
			continue
		}
		name := http.CanonicalHeaderKey(strings.Clone(field.Name))
		req.Header[name] = append(req.Header[name], strings.Clone(field.Value))
	}
	return req
}
