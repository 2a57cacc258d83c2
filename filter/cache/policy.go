package cache

import (
	"net/http"
	"strings"
	"time"

	"fairlead.dev/fairlead/message"
)

// The rules of RFC 9111, without a state of their own.

// policy is what the arguments of a filter say; the zero policy is cache().
type policy struct {
	forced                                bool // lifetimes are those of the arguments
	ttl, errorTTL, whileRevalidate, ifErr time.Duration
	// private says that the route's key has the Authorization field: a response to a
	// request with one is for one client.
	private bool
}

// verdict is what is to become of a response.
type verdict struct {
	store     bool
	lifetime  time.Duration
	stale     time.Duration // behind it, while it is renewed
	ifError   time.Duration // behind it, when renewing fails
	prohibits bool          // being served stale
}

// judge says whether a response may be stored, and for how long it is fresh (RFC
// 9111 3 and 4.2).
func (p *policy) judge(a *asked, resp *message.Response, now time.Time) verdict {
	var v verdict
	h := &resp.Header
	cc := parseControl(h)
	switch {
	case a.control.noStore, cc.noStore, cc.private && !(p.private && a.authorized): // cookies do not tell clients apart
		return v
	case a.personal(p.private) && !p.shareable(&cc):
		return v
	case h.Has("Set-Cookie"), h.Has("Set-Cookie2"), h.Has("Content-Range"), varies(h):
		return v
	}
	v.prohibits = cc.noCache || cc.mustRevalidate || cc.proxyRevalidate || cc.sMaxAge != missing // 4.2.4
	known := false
	if p.forced {
		v.lifetime, known = p.forcedLifetime(resp.Status)
		v.stale, v.ifError = p.whileRevalidate, p.ifErr
		if resp.Status != http.StatusOK {
			v.stale, v.ifError = 0, 0
		}
	} else if storable(resp.Status) {
		v.lifetime, known = lifetime(h, &cc, now)
		v.stale, v.ifError = max(cc.whileRevalidate, 0), max(cc.ifError, 0)
	}
	if cc.noCache {
		v.lifetime, known = 0, known || !p.forced && storable(resp.Status)
	}
	if v.prohibits {
		v.stale, v.ifError = 0, 0
	}
	useful := v.lifetime > 0 || v.stale > 0 || v.ifError > 0 || h.Has("ETag") || h.Has("Last-Modified")
	v.store = known && useful
	return v
}

// shareable reports whether the answer to a request of somebody who is known is for
// everybody (3.5). must-revalidate and s-maxage say so together with a lifetime, and
// mean nothing where the route replaces that.
func (p *policy) shareable(cc *control) bool {
	return cc.public || !p.forced && (cc.mustRevalidate || cc.sMaxAge != missing)
}

func (p *policy) forcedLifetime(status int) (time.Duration, bool) {
	switch {
	case status == http.StatusOK:
		return p.ttl, p.ttl > 0
	case status == http.StatusNotFound, status >= 500:
		return p.errorTTL, p.errorTTL > 0
	}
	return 0, false
}

// storable lists the statuses that are understood and final, and may be used for
// other requests (RFC 9110 15.1, and redirects).
func storable(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 302, 307, 308, 404, 405, 410, 414, 451, 501:
		return true
	}
	return false
}

// lifetime is the freshness that a response states itself (4.2.1). There is no
// heuristic one: what does not say how long it lasts is not kept.
func lifetime(h *message.Header, cc *control, now time.Time) (d time.Duration, known bool) {
	switch {
	case cc.sMaxAge != missing:
		return cc.sMaxAge, true
	case cc.maxAge != missing:
		return cc.maxAge, true
	case !h.Has("Expires"):
		return 0, false
	}
	soonest := longest
	for text := range h.Values("Expires") {
		t, err := http.ParseTime(text)
		if err != nil {
			return 0, true // such as "0": it has expired (5.3)
		}
		soonest = min(soonest, t.Sub(date(h, now)))
	}
	return max(soonest, 0), true
}

// date returns when a response was made (RFC 9110 6.6.1).
func date(h *message.Header, now time.Time) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return now
}

// initialAge is how old a response was when it arrived (4.2.3).
func initialAge(h *message.Header, sent, now time.Time) time.Duration {
	age := time.Duration(0)
	if text := h.Get("Age"); text != "" {
		first, _, _ := strings.Cut(text, ",")
		age = seconds(strings.Trim(first, " \t"))
	}
	return max(now.Sub(date(h, now)), age+now.Sub(sent), 0)
}

// varies reports whether no other request can be like the one that a response
// answers.
func varies(h *message.Header) bool {
	for v := range h.Values("Vary") {
		if message.HasToken(v, "*") {
			return true
		}
	}
	return false
}

// unsafe reports whether a method may change what it names (RFC 9110 9.2.1).
// Those that are not known may.
func unsafe(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return false
	}
	return true
}

// matches evaluates the client's preconditions against a stored response (RFC 9110
// 13.1.2, 13.1.3, 13.2.2): true means 304.
func matches(req, stored *message.Header) bool {
	if req.Has("If-None-Match") {
		tag := stored.Get("ETag")
		for list := range req.Values("If-None-Match") {
			if strings.Trim(list, " \t") == "*" || tag != "" && hasTag(list, tag) {
				return true
			}
		}
		return false
	}
	text := req.Get("If-Modified-Since")
	if text == "" {
		return false
	}
	since, err := http.ParseTime(text)
	if err != nil {
		return false
	}
	changed, err := http.ParseTime(stored.Get("Last-Modified"))
	return err == nil && !changed.After(since)
}

// hasTag compares weakly (RFC 9110 8.8.3.2).
func hasTag(list, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for list != "" {
		list = strings.TrimLeft(list, " \t,")
		list = strings.TrimPrefix(list, "W/")
		if list == "" || list[0] != '"' {
			return false
		}
		end := strings.IndexByte(list[1:], '"')
		if end < 0 {
			return false
		}
		if list[:end+2] == tag {
			return true
		}
		list = list[end+2:]
	}
	return false
}
