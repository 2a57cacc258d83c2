package claims

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unsafe"
)

// Longest is how many bytes an encoded payload may have.
const Longest = 64 << 10

// Payload is a JSON object: the claims of a token.
type Payload []byte

// Bearer returns the token of an Authorization field (RFC 6750 2.1); the name of
// the scheme may be in any case (RFC 9110 11.1).
func Bearer(authorization string) (token string, ok bool) {
	const scheme = "Bearer "
	if len(authorization) <= len(scheme) || !strings.EqualFold(authorization[:len(scheme)], scheme) {
		return "", false
	}
	return strings.Trim(authorization[len(scheme):], " "), true
}

// Decode returns the payload of a signed token, which has three parts
// (RFC 7515 3.1). It is written to buf as far as that suffices.
func Decode(token string, buf []byte) (Payload, bool) {
	_, rest, ok1 := strings.Cut(token, ".")
	encoded, signature, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || encoded == "" || len(encoded) > Longest || strings.IndexByte(signature, '.') >= 0 {
		return nil, false
	}
	if n := base64.RawURLEncoding.DecodedLen(len(encoded)); n > len(buf) {
		buf = make([]byte, n)
	}
	n, err := base64.RawURLEncoding.Decode(buf, unsafe.Slice(unsafe.StringData(encoded), len(encoded)))
	if err != nil {
		return nil, false
	}
	p := Payload(buf[:n])
	if i := p.blank(0); i == n || p[i] != '{' || !json.Valid(p) {
		return nil, false
	}
	return p, true
}

// Text returns the claim called name; ok is false when there is none or when it
// is no string. The value may share the memory of p.
func (p Payload) Text(name string) (value string, ok bool) {
	i := p.blank(p.blank(0) + 1) // behind the brace
	for p[i] != '}' {
		key := p[i:p.behind(i)]
		i = p.blank(p.blank(i+len(key)) + 1) // behind the colon
		end := p.behind(i)
		if text(key) == name {
			if ok = p[i] == '"'; ok {
				value = text(p[i:end])
			}
		}
		if i = p.blank(end); p[i] == ',' {
			i = p.blank(i + 1)
		}
	}
	if !ok {
		return "", false
	}
	return value, true
}

// blank returns the first position from i on that is no white space.
func (p Payload) blank(i int) int {
	for i < len(p) && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' || p[i] == '\r') {
		i++
	}
	return i
}

// behind returns the position behind the value that begins at i. The whole is
// known to be valid.
func (p Payload) behind(i int) int {
	depth := 0
	for ; ; i++ {
		switch p[i] {
		case '"':
			i = p.quote(i)
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			if depth == 0 {
				return p.scalar(i)
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
}

// quote returns the position of the quote that ends the string which begins at i.
func (p Payload) quote(i int) int {
	for i++; p[i] != '"'; i++ {
		if p[i] == '\\' {
			i++
		}
	}
	return i
}

// scalar returns the position behind the number or word at i.
func (p Payload) scalar(i int) int {
	for strings.IndexByte(",}] \t\n\r", p[i]) < 0 {
		i++
	}
	return i
}

// text returns what a string of JSON, with its quotes, means.
func text(quoted []byte) string {
	raw := quoted[1 : len(quoted)-1]
	for _, c := range raw {
		if c == '\\' {
			var s string
			// With a copy the buffer of the caller may stay on its stack.
			if json.Unmarshal(bytes.Clone(quoted), &s) != nil {
				return "" // it is known to be valid
			}
			return s
		}
	}
	return unsafe.String(unsafe.SliceData(raw), len(raw))
}
