package forwarded

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "ForwardedHost",
	Params:  []arg.Param{{Name: "expression", Type: arg.Regexp}},
	Doc:     "the last host of the field Forwarded matches the expression",
	Example: `www: ForwardedHost(/^www[.]example[.]org$/) -> "http://www.example.org";`,
	Differs: "A field that breaks the grammar matches nothing, because it is not certain which part the nearest proxy wrote; and it counts only when it comes from -trusted-proxies.",
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		return host{env.Regexp(v.Text(0))}, nil
	},
})

var _ = predicate.Define(predicate.Def{
	Name:    "ForwardedProtocol",
	Params:  []arg.Param{{Name: "protocol", Type: arg.Enum, OneOf: []string{"http", "https"}}},
	Doc:     "the last proto of the field Forwarded is this one",
	Example: `plain: ForwardedProtocol("http") -> redirectTo(308, "https:") -> <shunt>;`,
	Differs: "A field that breaks the grammar matches nothing, because it is not certain which part the nearest proxy wrote; and it counts only when it comes from -trusted-proxies.",
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		return protocol(v.Text(0)), nil
	},
})

type host struct{ expr *predicate.Regexp }

// Match implements predicate.Predicate.
func (h host) Match(r *message.Request) bool {
	value, ok := last(&r.Header, "host")
	return ok && h.expr.MatchString(value)
}

type protocol string

// Match implements predicate.Predicate. The name of a protocol has no case.
func (p protocol) Match(r *message.Request) bool {
	value, ok := last(&r.Header, "proto")
	return ok && message.EqualName(value, string(p))
}

// last returns the last value called name in the Forwarded fields of h; ok is
// false when there is none or when a field does not follow RFC 7239 4. It
// allocates only to undo the escapes of a quoted value.
func last(h *message.Header, name string) (value string, ok bool) {
	for field := range h.Values("Forwarded") {
		for rest := trim(field); rest != ""; rest = trim(rest) {
			if rest[0] == ';' || rest[0] == ',' {
				rest = rest[1:]
				continue
			}
			var n, v string
			var fine bool
			if n, v, rest, fine = pair(rest); !fine {
				return "", false
			}
			if v != "" && message.EqualName(n, name) {
				value, ok = v, true
			}
		}
	}
	if strings.IndexByte(value, '\\') >= 0 {
		value = unescape(value)
	}
	return value, ok
}

// pair reads one name=value off the start of s, up to ";", "," or the end.
// Colons need quotes around the value, but not everybody writes them.
func pair(s string) (name, value, rest string, ok bool) {
	name, s, ok = strings.Cut(s, "=")
	if !ok || !message.IsToken(name) {
		return "", "", "", false
	}
	if strings.HasPrefix(s, `"`) {
		value, rest, ok = quoted(s[1:])
		rest = trim(rest)
		return name, value, rest, ok && (rest == "" || rest[0] == ';' || rest[0] == ',')
	}
	end := strings.IndexAny(s, ";,")
	if end < 0 {
		end = len(s)
	}
	value = trim(s[:end])
	return name, value, s[end:], !strings.ContainsAny(value, " \t\"\\")
}

// quoted cuts s at the quote that ends it. Escapes stay in value.
func quoted(s string) (value, rest string, ok bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

// unescape takes out the backslashes of quoted pairs (RFC 9110 5.6.4).
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

func trim(s string) string { return strings.Trim(s, " \t") }
