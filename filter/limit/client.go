package limit

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/window"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name: "clientRatelimit",
	Params: []arg.Param{
		counts(), period(),
		{Name: "header", Type: arg.Text, Optional: true},
	},
	Doc:     "allows each client so many requests in any stretch of the time, which routes with the same arguments share; a number means seconds; clients are told apart by their address, or by header fields: \"Authorization\", \"X-Tenant,X-User\"",
	Example: `Path("/login") -> clientRatelimit(10, "1h", "Authorization") -> "http://127.0.0.1:8080"`,
	Differs: "it works without -enable-ratelimits; IPv6 clients count by their network of 64 bits, because each client has all addresses of one; values of several fields are told apart where one ends and the next begins; of the fields that are believed of trusted proxies only, the address is what remains (-trusted-proxies)",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return newClients(v, env)
	},
})

var _ = filter.Define(filter.Def{
	Name: "localRatelimit",
	Params: []arg.Param{
		counts(), period(),
		{Name: "header", Type: arg.Text, Optional: true},
	},
	Doc:     "deprecated, use clientRatelimit, which is the same",
	Example: `Path("/login") -> localRatelimit(10, "1h") -> "http://127.0.0.1:8080"`,
	Differs: "as clientRatelimit",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return newClients(v, env)
	},
})

func newClients(v arg.Values, env *filter.Env) (filter.Filter, error) {
	n, every, err := readLimit(v, 0)
	if err != nil {
		return nil, err
	}
	by, ok := readIdentity(v.Text(2), v.Has(2))
	if !ok {
		return nil, v.Wrong(2, "found %q, expected the name of a header field, or several with commas between them", v.Text(2))
	}
	s := settings{kind: perClient, by: by.name, n: n, every: every}
	return &clients{take(env, s), newRefusal(n, every, 0), by}, nil
}

// clients counts the requests of each client.
type clients struct {
	*share
	refusal
	by identity
}

func (f *clients) Request(c *filter.Context) {
	if disabled(c) {
		return
	}
	key, ok := f.by.key(f.Value.each, c.Request)
	if !ok {
		return
	}
	if ok, wait := f.Value.each.Allow(key); !ok {
		f.refuse(c, wait)
	}
}

func (*clients) Response(*filter.Context) {}

// Phases returns InRequest.
func (*clients) Phases() filter.Phase { return filter.InRequest }

// identity is what clients are told apart by.
type identity struct {
	name   string   // for settings: equal identities have equal names
	fields []string // none: the address
}

// forwardedFor stands for the address of the client.
const forwardedFor = "x-forwarded-for"

// mostFields bounds how many fields make an identity.
const mostFields = 16

func readIdentity(text string, given bool) (id identity, ok bool) {
	if !given {
		return identity{}, true
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "auth" { // the peer's short word of former times
			name = "authorization"
		}
		if !isToken(name) {
			return identity{}, false
		}
		id.fields = append(id.fields, name)
	}
	if len(id.fields) > mostFields {
		return identity{}, false
	}
	if slices.Equal(id.fields, []string{forwardedFor}) {
		return identity{}, true
	}
	id.name = strings.Join(id.fields, ",")
	return id, true
}

// isToken reports whether s can be the name of a field (RFC 9110 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// key returns the key of the client that sent r; ok is false when there is nothing
// to tell it by.
func (id *identity) key(l *window.Limiter, r *message.Request) (key window.Key, ok bool) {
	switch len(id.fields) {
	case 0:
		var b [16]byte
		return l.KeyBytes(addressBytes(&b, r.Source())), true
	case 1:
		text := r.Header.Get(id.fields[0])
		return l.Key(text), text != ""
	}
	var few [256]byte
	all := few[:0]
	for _, name := range id.fields {
		if name == forwardedFor {
			var b [16]byte
			all = appendValue(all, addressBytes(&b, r.Source()))
			ok = true
			continue
		}
		text := r.Header.Get(name)
		ok = ok || text != ""
		all = appendValue(all, text)
	}
	return l.KeyBytes(all), ok
}

// appendValue appends a value so that no two lists of values give the same.
func appendValue[T string | []byte](to []byte, value T) []byte {
	to = binary.AppendUvarint(to, uint64(len(value)))
	return append(to, value...)
}

// addressBytes returns what is counted of an address: all of IPv4, the network of
// IPv6.
func addressBytes(b *[16]byte, a netip.Addr) []byte {
	*b = a.As16()
	if a.Is4() || a.Is4In6() || !a.IsValid() {
		return b[:]
	}
	return b[:8]
}
