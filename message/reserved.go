package message

import "strings"

// KeepReserved makes Path keep the percent-encoding of reserved characters as far
// as RawPath has it: /a%2Fb stays another path than /a/b, for predicates and
// filters (RFC 3986 2.2, RFC 2396 2.2). An encoded "%" stays as well, so that none
// is taken for the start of another encoding. RawPath does not change, and from
// now on SetPath takes such an encoding in a path for what it is.
func (r *Request) KeepReserved() {
	r.reserved = true
	if strings.IndexByte(r.RawPath, '%') < 0 {
		return
	}
	if p, ok := unescapeMost(r.RawPath); ok {
		r.Path = p
	}
}

// unescapeMost is UnescapePath that leaves encodings that keepEncoded names, in
// upper case.
func unescapeMost(raw string) (decoded string, ok bool) {
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '%' {
			b = append(b, raw[i])
			continue
		}
		c, ok := escapedByte(raw[i:])
		switch {
		case !ok:
			return "", false
		case keepEncoded(c):
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		default:
			b = append(b, c)
		}
		i += 2
	}
	return string(b), true
}

// escapeRest is EscapePath that takes the encodings of unescapeMost for what they
// are.
func escapeRest(p string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(p, '%')
		if i < 0 {
			b.WriteString(EscapePath(p))
			return b.String()
		}
		b.WriteString(EscapePath(p[:i]))
		n := 1
		if c, ok := escapedByte(p[i:]); ok && keepEncoded(c) {
			n = 3
			b.WriteString(p[i : i+n])
		} else {
			b.WriteString("%25")
		}
		p = p[i+n:]
	}
}

// keepEncoded reports whether c may mean something else in a path than its
// encoding does.
func keepEncoded(c byte) bool { return strings.IndexByte("%;/?:@&=+$,", c) >= 0 }

// escapedByte decodes the "%" and the two digits that s starts with; ok is false
// when they are not there.
func escapedByte(s string) (c byte, ok bool) {
	if len(s) < 3 || s[0] != '%' || unhex(s[1]) > 15 || unhex(s[2]) > 15 {
		return 0, false
	}
	return unhex(s[1])<<4 | unhex(s[2]), true
}
