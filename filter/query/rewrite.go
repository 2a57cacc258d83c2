package query

import (
	"cmp"
	"slices"
	"unsafe"

	"fairlead.dev/fairlead/message"
)

// pair is a parameter as it stands in a query, or as it is meant when plain.
type pair struct {
	name, value string
	plain       bool
}

// rewrite returns the query with its parameters sorted by name and written in the
// one form that leaves no doubt, without those called key, and with set in their
// place unless it is nil. What cannot be decoded is lost: kept, it could be
// another spelling of key to a backend that is less strict. The result is the
// only memory it takes, short queries provided.
func rewrite(query, key string, set *pair) string {
	var few [24]pair
	pairs, size := few[:0], 0
	add := func(p pair) {
		pairs = append(pairs, p)
		size += escapedLen(p.name, p.plain) + escapedLen(p.value, p.plain) + len("=&")
	}
	for name, value := range message.RawQuery(query) {
		if valid(name) && valid(value) && !means(name, key) {
			add(pair{name: name, value: value})
		}
	}
	if set != nil {
		add(*set)
	}
	if len(pairs) == 0 {
		return ""
	}
	slices.SortStableFunc(pairs, byName)
	b := make([]byte, 0, size)
	for i := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = appendEscaped(b, pairs[i].name, pairs[i].plain)
		b = append(b, '=')
		b = appendEscaped(b, pairs[i].value, pairs[i].plain)
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// next returns the first byte of s as it is meant, and how many bytes of s say so.
func next(s string, plain bool) (c byte, n int) {
	if plain {
		return s[0], 1
	}
	return message.QueryByte(s)
}

func valid(s string) bool {
	for s != "" {
		_, n := next(s, false)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return true
}

// means reports whether the encoded s means plain.
func means(s, plain string) bool {
	return byName(pair{name: s}, pair{name: plain, plain: true}) == 0
}

// byName orders by the bytes of the decoded names.
func byName(p, q pair) int {
	a, b := p.name, q.name
	for a != "" && b != "" {
		c, n := next(a, p.plain)
		d, m := next(b, q.plain)
		if c != d {
			return cmp.Compare(c, d)
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(min(len(a), 1), min(len(b), 1))
}

func escapedLen(s string, plain bool) int {
	size := 0
	for s != "" {
		c, n := next(s, plain)
		s = s[n:]
		if size++; !unreserved(c) && c != ' ' {
			size += 2
		}
	}
	return size
}

// appendEscaped writes s as the value of a form: a space is "+".
func appendEscaped(b []byte, s string, plain bool) []byte {
	const hex = "0123456789ABCDEF"
	for s != "" {
		c, n := next(s, plain)
		s = s[n:]
		switch {
		case unreserved(c):
			b = append(b, c)
		case c == ' ':
			b = append(b, '+')
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// unreserved reports whether c means itself in every part of a URL (RFC 3986 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
}
