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

// ValidHost allows what RFC 3986 3.2 allows in host and port, without userinfo.
func ValidHost(h string) bool {
	for i := 0; i < len(h); i++ {
		c := h[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("-._~!$&'()*+,;=:[]%", c) >= 0:
		default:
			return false
		}
	}
	return true
}
