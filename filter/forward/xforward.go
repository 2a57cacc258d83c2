package forward

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "xforward",
	Doc:       "appends the client's address to X-Forwarded-For and sets X-Forwarded-Host",
	Example:   `* -> xforward() -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "What clients outside of -trusted-proxies say about themselves was dropped before: anybody can write these fields.",
	New: func(arg.Values, *filter.Env) (filter.Filter, error) {
		return &xforward{}, nil
	},
})

var _ = filter.Define(filter.Def{
	Name:      "xforwardFirst",
	Doc:       "puts the client's address in front of X-Forwarded-For and sets X-Forwarded-Host",
	Example:   `* -> xforwardFirst() -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "What clients outside of -trusted-proxies say about themselves was dropped before: anybody can write these fields.",
	New: func(arg.Values, *filter.Env) (filter.Filter, error) {
		return &xforward{first: true}, nil
	},
})

type xforward struct {
	filter.RequestOnly
	first bool
}

const (
	forwardedFor  = "X-Forwarded-For"
	forwardedHost = "X-Forwarded-Host"
)

func (f *xforward) Request(c *filter.Context) {
	r := c.Request
	if ip := r.ClientIP(); ip.IsValid() {
		r.Header.Set(forwardedFor, f.chain(&r.Header, ip.String()))
	}
	if r.Host != "" {
		r.Header.Set(forwardedHost, r.Host)
	} else {
		r.Header.Del(forwardedHost) // the client's own word
	}
}

// chain returns all addresses in one list; those that came in several fields
// follow each other in their order (RFC 9110 5.3).
func (f *xforward) chain(h *message.Header, ip string) string {
	var seen []string
	for v := range h.Values(forwardedFor) {
		if v != "" {
			seen = append(seen, v)
		}
	}
	if f.first {
		seen = append([]string{ip}, seen...)
	} else {
		seen = append(seen, ip)
	}
	return strings.Join(seen, ", ")
}
