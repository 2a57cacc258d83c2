package cache

import (
	"strings"
	"time"

	"fairlead.dev/fairlead/message"
)

// control is what the Cache-Control fields of a message say (RFC 9111 5.2, RFC
// 5861). Durations are negative where the directive is missing.
type control struct {
	noStore, noCache, private, public, mustRevalidate, proxyRevalidate, onlyIfCached bool

	maxAge, sMaxAge, minFresh, maxStale, whileRevalidate, ifError time.Duration

	present bool
}

const missing time.Duration = -1

// longest is what greater numbers of seconds mean (RFC 9111 1.2.2).
const longest = (1 << 31) * time.Second

// parseControl reads the Cache-Control fields of h. A directive that stands twice
// has its stricter meaning, one whose number is malformed the strictest (4.2.1).
// Those that name fields, such as private="Set-Cookie", hold for the whole
// response, as 5.2.2.4 and 5.2.2.7 allow.
func parseControl(h *message.Header) control {
	c := control{maxAge: missing, sMaxAge: missing, minFresh: missing, maxStale: missing, whileRevalidate: missing, ifError: missing}
	for list := range h.Values("Cache-Control") {
		c.present = true
		for list != "" {
			var name, value string
			name, value, list = nextDirective(list)
			c.set(name, value)
		}
	}
	return c
}

func (c *control) set(name, value string) {
	switch {
	case message.EqualName(name, "no-store"):
		c.noStore = true
	case message.EqualName(name, "no-cache"):
		c.noCache = true
	case message.EqualName(name, "private"):
		c.private = true
	case message.EqualName(name, "public"):
		c.public = true
	case message.EqualName(name, "must-revalidate"):
		c.mustRevalidate = true
	case message.EqualName(name, "proxy-revalidate"):
		c.proxyRevalidate = true
	case message.EqualName(name, "only-if-cached"):
		c.onlyIfCached = true
	case message.EqualName(name, "max-age"):
		c.maxAge = stricter(c.maxAge, seconds(value))
	case message.EqualName(name, "s-maxage"):
		c.sMaxAge = stricter(c.sMaxAge, seconds(value))
	case message.EqualName(name, "stale-while-revalidate"):
		c.whileRevalidate = stricter(c.whileRevalidate, seconds(value))
	case message.EqualName(name, "stale-if-error"):
		c.ifError = stricter(c.ifError, seconds(value))
	case message.EqualName(name, "min-fresh"):
		c.minFresh = max(c.minFresh, seconds(value))
	case message.EqualName(name, "max-stale"):
		if value == "" { // any staleness
			value = "2147483648"
		}
		c.maxStale = stricter(c.maxStale, seconds(value))
	}
}

func stricter(a, b time.Duration) time.Duration {
	if a == missing {
		return b
	}
	return min(a, b)
}

// nextDirective takes the first directive off list. A comma within quotes does
// not end it.
func nextDirective(list string) (name, value, rest string) {
	end, quoted := 0, false
	for ; end < len(list); end++ {
		switch c := list[end]; {
		case c == '\\' && quoted:
			end++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			goto found
		}
	}
	end = len(list)
found:
	item := list[:end]
	if end < len(list) {
		rest = list[end+1:]
	}
	name, value, _ = strings.Cut(item, "=")
	name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	return name, value, rest
}

// seconds reads delta-seconds (RFC 9111 1.2.2); what is malformed is none.
func seconds(s string) time.Duration {
	n := int64(0)
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0
		}
		if n = n*10 + int64(d); n >= int64(longest/time.Second) {
			n = int64(longest / time.Second)
		}
	}
	return time.Duration(n) * time.Second
}
