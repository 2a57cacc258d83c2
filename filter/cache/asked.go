package cache

import (
	"encoding/binary"
	"hash/maphash"
	"strings"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// asked is what a request says to a cache.
type asked struct {
	control control
	// around: the request passes by the cache.
	around bool
	// authorized says that there is an Authorization field.
	authorized bool
	// known says that a filter has found out who sends the request. It is known
	// when the response is there: that filter may stand behind this one.
	known bool
	// condition says that the client has a precondition that a stored response
	// can answer: If-None-Match or If-Modified-Since.
	condition bool
	claims    bool // some go into the key
}

// ask looks through a request.
func ask(r *message.Request) asked {
	a := asked{control: control{maxAge: missing, minFresh: missing, maxStale: missing, ifError: missing}}
	if r.Method != "GET" && r.Method != "HEAD" || r.Body != nil {
		a.around = true // a body may choose the response (RFC 9110 9.3.1)
		return a
	}
	listed, pragma := false, false
	for _, f := range r.Header.Fields() {
		switch f.Kind {
		case message.KindOther:
		case message.KindUpgrade:
			a.around = true
			continue
		default:
			continue
		}
		switch n := f.Name; {
		case message.EqualName(n, "Cache-Control"):
			listed = true
		case message.EqualName(n, "Pragma"):
			pragma = pragma || message.HasToken(f.Value, "no-cache")
		case message.EqualName(n, "Authorization"):
			a.authorized = true
		case message.EqualName(n, "If-None-Match"), message.EqualName(n, "If-Modified-Since"):
			a.condition = true
		case message.EqualName(n, "Range"), message.EqualName(n, "If-Range"), message.EqualName(n, "If-Match"),
			message.EqualName(n, "If-Unmodified-Since"), methodOverride(n):
			a.around = true
		default:
			claim, _ := message.Claim(n)
			a.claims = a.claims || claim
		}
	}
	if listed {
		a.control = parseControl(&r.Header)
	} else {
		a.control.noCache = pragma // RFC 9111 5.4
	}
	return a
}

// personal reports whether a response may be for this sender alone (RFC 9111 3.5):
// a login by cookie or certificate is no less of one than an Authorization field.
// Only that field can be part of the key.
func (a *asked) personal(keyed bool) bool {
	return (a.authorized || a.known) && !(a.authorized && keyed)
}

// methodOverride reports whether some backends take the method from a field of
// that name: it would be the answer to something else than GET.
func methodOverride(name string) bool {
	return message.EqualName(name, "X-HTTP-Method-Override") || message.EqualName(name, "X-HTTP-Method") ||
		message.EqualName(name, "X-Method-Override")
}

// appendURI appends what names the resource.
func appendURI(b []byte, scheme, host, path, query string) []byte {
	b = append(b, scheme...)
	b = append(b, 0)
	for i := range len(host) {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		b = append(b, c)
	}
	b = append(b, 0)
	b = append(b, path...)
	b = append(b, '?')
	return append(b, query...)
}

// appendKey appends the key of a request: the filter, the URI (whose length is
// returned, too), the backend that filters before have chosen, fields that the route
// names, and what proxies say about the resource. Nothing that a backend may take
// for a part of the URI stays out of it.
func (f *cache) appendKey(b []byte, c *filter.Context, a *asked) (key []byte, uri int) {
	r, up := c.Request, &c.Upstream
	b = appendURI(b, r.Scheme, r.Host, r.RawPath, r.Query)
	uri = len(b)
	b = append(b, 0)
	b = binary.AppendUvarint(b, f.id)
	for _, chosen := range [...]string{up.Scheme, up.Address, up.Host} {
		b = append(b, chosen...)
		b = append(b, 0)
	}
	for _, name := range f.keyHeaders {
		b = appendValues(b, &r.Header, name)
	}
	if a.claims {
		for _, field := range r.Header.Fields() {
			if claim, _ := message.Claim(field.Name); claim && !whoAsked(field.Name) {
				b = append(b, 1)
				b = append(b, strings.ToLower(field.Name)...)
				b = append(b, 0)
				b = append(b, aboutResource(field)...)
			}
		}
	}
	return b, uri
}

// appendValues appends the values of a field so that no two lists of them look
// the same.
func appendValues(b []byte, h *message.Header, name string) []byte {
	b = append(b, 2)
	for v := range h.Values(name) {
		b = binary.AppendUvarint(b, uint64(len(v))+1)
		b = append(b, v...)
	}
	return append(b, 0)
}

// whoAsked reports whether a field of message.Claim only tells the client's
// address: it makes no other resource of the one that is asked for.
func whoAsked(name string) bool {
	switch strings.ToLower(name) {
	case "x-forwarded-for", "x-real-ip", "x-real-port", "true-client-ip", "client-ip", "x-client-ip", "x-client-port",
		"x-cluster-client-ip", "cluster-client-ip", "x-forward-for", "x-remote-ip", "x-remote-addr", "remote-addr",
		"x-originating-ip", "x-original-remote-addr", "x-original-forwarded-for", "cf-connecting-ip", "cf-connecting-ipv6",
		"cf-pseudo-ipv4", "fastly-client-ip", "x-azure-clientip", "x-azure-socketip", "x-envoy-external-address",
		"x-appengine-user-ip", "x-forwarded-by", "x-forwarded-server":
		return true
	}
	return false
}

// aboutResource returns the value of a field without what Forwarded says about
// addresses (RFC 7239 5).
func aboutResource(f message.Field) string {
	if !message.EqualName(f.Name, "Forwarded") || strings.IndexByte(f.Value, '"') >= 0 {
		return f.Value
	}
	var kept strings.Builder
	for element := range strings.SplitSeq(f.Value, ",") {
		for pair := range strings.SplitSeq(element, ";") {
			name, _, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !message.EqualName(name, "for") && !message.EqualName(name, "by") {
				kept.WriteString(pair)
				kept.WriteByte(';')
			}
		}
		kept.WriteByte(',')
	}
	return kept.String()
}

func (s *store) hash(b []byte) uint64 { return maphash.Bytes(s.seed, b) }
