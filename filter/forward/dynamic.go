package forward

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/suggest"
)

// target is what a filter says about the target of a dynamic backend. Empty
// parts are left alone.
type target struct{ scheme, host string }

// schemes that a dynamic backend can have: those that the proxy speaks.
var schemes = [...]string{"http", "https", "h2c"}

// aim makes t the target. Its host is also the Host that the backend sees.
// configured says that it was not taken from the request.
func (t target) aim(c *filter.Context, configured bool) {
	if t.scheme != "" {
		c.Upstream.Scheme = t.scheme
	}
	if t.host != "" {
		c.Upstream.Address, c.Upstream.Host, c.Upstream.Configured = t.host, t.host, configured
	}
}

// A reader makes a target of the text that a filter was given or found.
type reader func(text string) (target, error)

func readScheme(text string) (target, error) {
	for _, s := range schemes {
		if strings.EqualFold(s, text) {
			return target{scheme: s}, nil
		}
	}
	hint := ""
	if n := suggest.Nearest(text, schemes[:]); n != "" {
		hint = fmt.Sprintf(", did you mean %q?", n)
	}
	return target{}, fmt.Errorf("found the scheme %q, expected one of %q%s", text, schemes, hint)
}

func readHost(text string) (target, error) {
	if !filter.ValidHost(text) {
		return target{}, fmt.Errorf("found the host %q, expected a name or an address with an optional port", text)
	}
	return target{host: text}, nil
}

// readURL reads scheme and host; what follows them does not count (spec 1.4).
func readURL(text string) (target, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return target{}, fmt.Errorf("found %q, expected a URL such as https://www.example.org", text)
	}
	t, err := readScheme(scheme)
	if err != nil {
		return target{}, err
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	h, err := readHost(rest[strings.LastIndexByte(rest, '@')+1:])
	t.host = h.host
	return t, err
}
