package message

import "strings"

// QueryValue returns the decoded value of the first parameter called key of a
// raw query; ok is false when there is none. A parameter without "=" has the
// value "". Parameters that hold a ";" or a broken percent-encoding do not
// count: servers disagree on what they mean. It allocates only when the value
// must be decoded.
func QueryValue(rawQuery, key string) (value string, ok bool) {
	for v := range QueryValues(rawQuery, key) {
		return v, true
	}
	return "", false
}

// QueryHas reports whether rawQuery has a parameter called key. It does not
// allocate.
func QueryHas(rawQuery, key string) bool {
	for k, v := range RawQuery(rawQuery) {
		if equalDecoded(k, key) && validQuery(v) {
			return true
		}
	}
	return false
}

// QueryValues calls yield with the decoded value of each parameter called key,
// in order, until yield returns false. It is a range function.
func QueryValues(rawQuery, key string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k, v := range RawQuery(rawQuery) {
			if !equalDecoded(k, key) {
				continue
			}
			if d, ok := UnescapeQuery(v); ok && !yield(d) {
				return
			}
		}
	}
}

// RawQuery calls yield with the name and the value of each parameter as they
// are written, in order, until yield returns false; empty parameters and those
// that hold a ";" are left out. It is a range function.
func RawQuery(rawQuery string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		eachQuery(rawQuery, yield)
	}
}

func eachQuery(rest string, yield func(name, value string) bool) {
	for rest != "" {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair == "" || strings.IndexByte(pair, ';') >= 0 {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if !yield(name, value) {
			return
		}
	}
}

// UnescapeQuery decodes a name or a value of a query: "+" is a space. ok is
// false when a "%" is not followed by two hexadecimal digits. It allocates only
// when there is something to decode.
func UnescapeQuery(s string) (decoded string, ok bool) {
	i := strings.IndexAny(s, "%+")
	if i < 0 {
		return s, true
	}
	b := make([]byte, i, len(s))
	copy(b, s)
	for i < len(s) {
		c, n := QueryByte(s[i:])
		if n == 0 {
			return "", false
		}
		b = append(b, c)
		i += n
	}
	return string(b), true
}

// QueryByte decodes the first byte of s, a name or a value of a query that is not
// empty; n is the number of bytes that it takes, 0 when the encoding is broken.
func QueryByte(s string) (c byte, n int) {
	switch s[0] {
	case '+':
		return ' ', 1
	case '%':
		if len(s) < 3 {
			return 0, 0
		}
		hi, lo := unhex(s[1]), unhex(s[2])
		if hi > 15 || lo > 15 {
			return 0, 0
		}
		return hi<<4 | lo, 3
	}
	return s[0], 1
}

// equalDecoded reports whether the encoded s means plain.
func equalDecoded(s, plain string) bool {
	for s != "" {
		c, n := QueryByte(s)
		if n == 0 || plain == "" || plain[0] != c {
			return false
		}
		s, plain = s[n:], plain[1:]
	}
	return plain == ""
}

func validQuery(s string) bool {
	for s != "" {
		_, n := QueryByte(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return true
}
