package message

import "strings"

const upperHex = "0123456789ABCDEF"

// EscapePath returns the decoded path p as it is written in a request target:
// everything but RFC 3986 pchar and "/" is percent-encoded.
func EscapePath(p string) string {
	n := 0
	for i := 0; i < len(p); i++ {
		if !pathChar(p[i]) {
			n++
		}
	}
	if n == 0 {
		return p
	}
	var b strings.Builder
	b.Grow(len(p) + 2*n)
	for i := 0; i < len(p); i++ {
		c := p[i]
		if pathChar(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
	return b.String()
}

// UnescapePath decodes the percent-encoding of a path. ok is false when a "%"
// is not followed by two hexadecimal digits. It allocates only when there is
// something to decode.
func UnescapePath(p string) (decoded string, ok bool) {
	i := strings.IndexByte(p, '%')
	if i < 0 {
		return p, true
	}
	b := make([]byte, i, len(p))
	copy(b, p)
	for ; i < len(p); i++ {
		if p[i] != '%' {
			b = append(b, p[i])
			continue
		}
		if i+2 >= len(p) {
			return "", false
		}
		hi, lo := unhex(p[i+1]), unhex(p[i+2])
		if hi > 15 || lo > 15 {
			return "", false
		}
		b = append(b, hi<<4|lo)
		i += 2
	}
	return string(b), true
}

// CleanPath resolves "." and ".." segments, merges repeated slashes and makes
// the path absolute; a trailing slash stays (spec 1.6, step 1). It allocates
// only when the path is not clean already.
func CleanPath(p string) string {
	if isClean(p) {
		return p
	}
	out := make([]byte, 0, len(p)+1)
	out = append(out, '/')
	for i := 0; i < len(p); {
		if p[i] == '/' {
			i++
			continue
		}
		j := i
		for j < len(p) && p[j] != '/' {
			j++
		}
		seg := p[i:j]
		last := j == len(p)
		switch seg {
		case ".":
		case "..":
			out = parent(out)
			if last && len(out) > 1 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, seg...)
			if !last {
				out = append(out, '/')
			}
		}
		i = j
	}
	return string(out)
}

// parent cuts the last segment of out, which ends with a slash.
func parent(out []byte) []byte {
	if len(out) == 1 {
		return out
	}
	out = out[:len(out)-1]
	for out[len(out)-1] != '/' {
		out = out[:len(out)-1]
	}
	return out
}

func isClean(p string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	for i := 0; i < len(p); i++ {
		if p[i] != '/' {
			continue
		}
		rest := p[i+1:]
		if rest == "" {
			return true
		}
		if rest[0] == '/' {
			return false
		}
		if rest[0] == '.' && dotSegment(rest) {
			return false
		}
	}
	return true
}

// dotSegment reports whether s starts with the segment "." or "..".
func dotSegment(s string) bool {
	if len(s) == 1 || s[1] == '/' {
		return true
	}
	return s[1] == '.' && (len(s) == 2 || s[2] == '/')
}

func pathChar(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}
