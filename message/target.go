package message

import "strings"

// LongestMethod bounds the method of a request; the longest registered one has
// 17 letters.
const LongestMethod = 32

// CheckTarget refuses a request target, or :path, that is longer than most or
// has bytes that none may have (RFC 3986 2, RFC 9112 3.2, RFC 9113 8.3.1). The
// error is a *ProtocolError.
func CheckTarget(t string, most int) error {
	switch {
	case !Plain(t, false):
		return Malformed(ReasonBadTarget, "control character or missing version in the request line")
	case strings.IndexByte(t, ' ') >= 0:
		return Malformed(ReasonBadTarget, "space in the request target")
	case !ASCII(t):
		return Malformed(ReasonBadTarget, "bytes outside ASCII in the request target must be percent-encoded (RFC 3986 2.1)")
	case len(t) > most:
		return Malformed(ReasonURITooLong, "the request target has more than %d bytes", most)
	}
	return nil
}

// SetTarget sets path and query from a target that begins with "/" or, after an
// authority, with "?" or nothing. The error is a *ProtocolError.
func (r *Request) SetTarget(t string) error {
	t, _, _ = strings.Cut(t, "#") // a fragment is not part of a target: it goes nowhere
	r.RawPath, r.Query, _ = strings.Cut(t, "?")
	if r.RawPath == "" {
		r.RawPath = "/"
	}
	path, ok := UnescapePath(r.RawPath)
	if !ok {
		return Malformed(ReasonBadTarget, "invalid percent-encoding in %q", Show(r.RawPath))
	}
	if strings.IndexByte(path, 0) >= 0 {
		return Malformed(ReasonBadTarget, "NUL in the path")
	}
	r.Path = path
	return nil
}

// Hosts is what a request says about its host: in its target (or :authority),
// and in Host fields.
type Hosts struct {
	Authority    string
	HasAuthority bool
	Field        string
	Fields       int // number of Host fields
}

// Settle returns the one host that all agree about (RFC 9112 3.2, RFC 9113
// 8.3.1), "" when nothing names one. The error is a *ProtocolError.
func (h *Hosts) Settle() (string, error) {
	if h.Fields > 1 {
		return "", Malformed(ReasonDuplicateHost, "%d Host fields", h.Fields)
	}
	if !ValidHost(h.Field) || !ValidHost(h.Authority) {
		return "", Malformed(ReasonBadHost, "unusable Host %q or authority %q", Show(h.Field), Show(h.Authority))
	}
	if !h.HasAuthority {
		return h.Field, nil
	}
	if h.Fields == 1 && !EqualName(h.Field, h.Authority) {
		return "", Malformed(ReasonHostMismatch, "the request target names %q, the Host field %q", Show(h.Authority), Show(h.Field))
	}
	return h.Authority, nil
}

// ValidHost reports whether h is "", or a host and an optional port as RFC 3986
// 3.2 has them: a name, or an IPv6 address in brackets, and up to five digits.
// User information and percent-encoding have no place there: who decodes them
// finds another host.
func ValidHost(h string) bool {
	if h != "" && h[0] == '[' {
		end := strings.IndexByte(h, ']')
		return end > 2 && validPort(h[end+1:]) && !strings.ContainsFunc(h[1:end], func(c rune) bool {
			return c != ':' && c != '.' && (c > 'f' || unhex(byte(c)) > 15)
		})
	}
	for i := 0; i < len(h); i++ {
		c := h[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == ':':
			return i > 0 && validPort(h[i:])
		case strings.IndexByte("-._~!$&'()*+,;=", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// validPort reports whether p is "", or ":" and a port, which may be empty (RFC
// 3986 3.2.3).
func validPort(p string) bool {
	if p == "" || p == ":" {
		return true
	}
	n := 0
	for i := 1; i < len(p); i++ {
		if c := p[i] - '0'; c > 9 || i > len("65535") {
			return false
		} else {
			n = n*10 + int(c)
		}
	}
	return p[0] == ':' && n <= 65535
}
