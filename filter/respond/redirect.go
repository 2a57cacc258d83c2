package respond

import (
	"fmt"
	"net/url"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "redirectTo",
	Also:      []string{"redirect"},
	Params:    redirectParams(),
	Doc:       "answers with a redirect; what the location leaves out is that of the request, the scheme https",
	Example:   `PathSubtree("/old") -> redirectTo(308, "//www.example.org/new") -> <shunt>`,
	Shareable: true,
	Differs:   "The status is 300 to 399, because others do not redirect. A Location that was made from the request is a URL and nothing else: clients must not write into a header.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return newRedirect(v, false)
	},
})

var _ = filter.Define(filter.Def{
	Name:      "redirectToLower",
	Params:    redirectParams(),
	Doc:       "answers with a redirect as redirectTo does, with the path in lower case",
	Example:   `PathRegexp("[A-Z]") -> redirectToLower(308) -> <shunt>`,
	Shareable: true,
	Differs:   "The status is 300 to 399, because others do not redirect. A Location that was made from the request is a URL and nothing else: clients must not write into a header.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return newRedirect(v, true)
	},
})

func redirectParams() []arg.Param {
	return []arg.Param{
		{Name: "status", Type: arg.Int, Min: 300, Max: 399},
		{Name: "location", Type: arg.Text, Optional: true, Default: "https instead of http"},
	}
}

// redirect holds the parts of the location as they are sent; those that are ""
// come from the request (spec 1.13).
type redirect struct {
	filter.RequestOnly
	status                              int
	scheme, host, path, query, fragment string
	lower                               bool
	// fixed is a whole location; "" when parts are missing.
	fixed string
}

func newRedirect(v arg.Values, lower bool) (filter.Filter, error) {
	f := &redirect{status: v.Int(0), lower: lower}
	if v.Text(1) == "" {
		return f, nil
	}
	if err := filter.CheckFieldValue(v.Text(1)); err != nil {
		return nil, err
	}
	u, err := url.Parse(v.Text(1))
	if err != nil {
		return nil, fmt.Errorf("location %q: %w", v.Text(1), err)
	}
	if u.Opaque != "" {
		f.fixed = u.String() // such as mailto:somebody@example.org
		return f, nil
	}
	if u.Host != "" && !filter.ValidHost(u.Host) {
		return nil, fmt.Errorf("location %q: found the host %q, expected a name or an address with an optional port", v.Text(1), u.Host)
	}
	if u.Path != "" {
		f.path = rooted(message.EscapeRawPath(u.EscapedPath()))
		if lower {
			f.path = message.EscapePath(strings.ToLower(rooted(u.Path)))
		}
	}
	f.scheme, f.host, f.query = u.Scheme, u.Host, message.EscapeQuery(u.RawQuery)
	if u.Fragment != "" {
		f.fragment = "#" + u.EscapedFragment()
	}
	if u.User != nil {
		f.host = u.User.String() + "@" + u.Host
	}
	if f.scheme != "" && u.Host != "" && f.path != "" && f.query != "" {
		f.fixed = f.scheme + "://" + f.host + f.path + "?" + f.query + f.fragment
	}
	return f, nil
}

func (f *redirect) Request(c *filter.Context) {
	resp := &message.Response{Status: f.status}
	resp.Header.Add("Location", f.location(c.Request))
	c.Serve(resp)
}

func (f *redirect) location(r *message.Request) string {
	if f.fixed != "" {
		return f.fixed
	}
	base, path, query := f.base(r), f.path, f.query
	switch {
	case path == "" && f.lower:
		path = message.EscapePath(strings.ToLower(r.Path))
	case path == "":
		path = message.EscapeRawPath(r.RawPath)
	}
	path = rooted(path)
	if base == "" {
		// Without a host the location starts with the path, and two slashes
		// there would name a host.
		path = "/" + strings.TrimLeft(path, "/")
	}
	if query == "" {
		query = message.EscapeQuery(r.Query)
	}
	if query != "" {
		path += "?" + query
	}
	return base + path + f.fragment
}

// base returns scheme and host. It is "" when nobody named a host, as HTTP/1.0
// allows.
func (f *redirect) base(r *message.Request) string {
	scheme, host := f.scheme, f.host
	if scheme == "" {
		scheme = "https"
	}
	if host == "" {
		host = r.Header.Get("Host") // filters may have set it
	}
	if host == "" {
		host = r.Host
	}
	if host == "" {
		return ""
	}
	return scheme + "://" + host
}

func rooted(p string) string {
	if p == "" || p[0] != '/' {
		return "/" + p
	}
	return p
}
