package cookie

import (
	"net/netip"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:      "responseCookie",
	Params:    responseParams(),
	Doc:       "sets a cookie of the domain above the host, secure and hidden from scripts",
	Example:   `* -> responseCookie("group", "A", 3600, "change-only") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "A cookie that no browser takes is a problem of the route: it would be lost without a word.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return newResponse(v, true)
	},
})

var _ = filter.Define(filter.Def{
	Name:      "jsCookie",
	Params:    responseParams(),
	Doc:       "sets a cookie of the domain above the host, secure and visible to scripts",
	Example:   `* -> jsCookie("group", "A", 3600) -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "A cookie that no browser takes is a problem of the route: it would be lost without a word.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return newResponse(v, false)
	},
})

func responseParams() []arg.Param {
	return []arg.Param{
		{Name: "name", Type: arg.Text},
		{Name: "value", Type: arg.Text},
		{Name: "max age in seconds", Type: arg.Number, Optional: true, Default: "until the browser ends"},
		{Name: "when", Type: arg.Enum, OneOf: []string{"change-only"}, Optional: true, Default: "always"},
	}
}

type response struct {
	filter.ResponseOnly
	cookie
	// head stands before the domain, "group=A; Path=/", attributes behind it,
	// "; Max-Age=1; HttpOnly; Secure", and whole is both without a domain.
	head, attributes, whole string
	changeOnly              bool
}

func newResponse(v arg.Values, httpOnly bool) (filter.Filter, error) {
	ck, err := newCookie(v.Text(0), v.Text(1))
	if err != nil {
		return nil, err
	}
	f := &response{cookie: ck, changeOnly: v.Text(3) != ""}
	if v.Has(2) {
		// No age is a cookie for the session, but an age of 0 deletes it (spec 1.13).
		f.attributes = "; Max-Age=" + strconv.Itoa(max(0, v.Int(2)))
	}
	if httpOnly {
		f.attributes += "; HttpOnly"
	}
	f.attributes += "; Secure"
	f.head = f.pair + "; Path=/"
	f.whole = f.head + f.attributes
	return f, nil
}

func (f *response) Response(c *filter.Context) {
	if f.changeOnly {
		if v, ok := message.Cookie(&c.Request.Header, f.name); ok && v == f.value {
			return
		}
	}
	set := f.whole
	if d := domain(c.Original.Host); d != "" {
		set = f.head + "; Domain=" + d + f.attributes
	}
	c.Response.Header.Add("Set-Cookie", set)
}

// domain returns the domain that a cookie of host is for: host without its
// first label when two dots or more are in it, else host (spec 1.13). It is ""
// for addresses and single labels, which no cookie can name.
func domain(host string) string {
	host = withoutPort(host)
	if !isDomain(host) || isAddress(host) {
		return ""
	}
	if strings.Count(host, ".") >= 2 {
		_, host, _ = strings.Cut(host, ".")
	}
	return host
}

func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}

// isAddress reports whether host, which may be a domain, is an address. Only what
// ends in a digit is looked at: that it is none takes memory to say.
func isAddress(host string) bool {
	if c := host[len(host)-1]; c < '0' || c > '9' {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isDomain reports whether host has two labels at least and nothing in it that
// would end the attribute.
func isDomain(host string) bool {
	dot := strings.IndexByte(host, '.')
	if dot <= 0 || dot == len(host)-1 {
		return false
	}
	for i := range len(host) {
		c := host[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}
