package cache

import (
	"net/url"
	"strings"

	"fairlead.dev/fairlead/filter"
)

// changed invalidates what a request with an unsafe method may have changed (RFC
// 9111 4.4): the URI itself, and of the same host what the response names.
func (f *cache) changed(c *filter.Context, v *visit) {
	if s := c.Response.Status; s < 200 || s >= 400 {
		return
	}
	f.store.invalidate([]byte(v.key))
	scheme, rest, _ := strings.Cut(v.key, "\x00")
	host, target, _ := strings.Cut(rest, "\x00")
	base, err := url.Parse(scheme + "://" + host + target)
	if err != nil {
		return
	}
	for _, name := range [...]string{"Location", "Content-Location"} {
		value := c.Response.Header.Get(name)
		if value == "" {
			continue
		}
		u, err := base.Parse(value)
		if err != nil || u.Scheme != base.Scheme || !strings.EqualFold(u.Host, base.Host) {
			continue
		}
		f.store.invalidate(appendURI(nil, u.Scheme, u.Host, u.EscapedPath(), u.RawQuery))
	}
}
