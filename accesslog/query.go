package accesslog

import (
	"hash/maphash"
	"strings"
)

// appendURI writes the path and the query of the request line.
func (l *Log) appendURI(b []byte, e *Entry, field appender) []byte {
	b = field(b, e.Path)
	if e.Query == "" || l.stripQuery {
		return b
	}
	b = append(b, '?')
	return l.appendQuery(b, e.Query, e.MaskQuery, field)
}

// appendReferer writes the Referer field. It often repeats the query of the
// page before, so what is masked is masked there too.
func (l *Log) appendReferer(b []byte, e *Entry, field appender) []byte {
	path, query, found := strings.Cut(e.Referer, "?")
	if !found || query == "" || len(e.MaskQuery) == 0 {
		return field(b, e.Referer)
	}
	b = field(b, path)
	b = append(b, '?')
	return l.appendQuery(b, query, e.MaskQuery, field)
}

// appendQuery writes a query with the values of the keys in mask hidden.
func (l *Log) appendQuery(b []byte, query string, mask []string, field appender) []byte {
	if len(mask) == 0 {
		return field(b, query)
	}
	query, mark := cut(query)
	for i, first := 0, true; i <= len(query); first = false {
		pair, _, _ := strings.Cut(query[i:], "&")
		i += len(pair) + 1
		if !first {
			b = append(b, '&')
		}
		b = l.appendPair(b, pair, mask, field)
	}
	return append(b, mark...)
}

// appendPair writes one key and its value. Some servers take ";" for "&", so a
// key may also stand behind one; what follows a masked key is hidden to the end
// of the pair.
func (l *Log) appendPair(b []byte, pair string, mask []string, field appender) []byte {
	for from := 0; from <= len(pair); {
		part, _, _ := strings.Cut(pair[from:], ";")
		key, value, found := strings.Cut(part, "=")
		if found && value != "" && masked(key, mask) {
			at := from + len(key) + 1
			b = appendIfAny(b, pair[:at], field)
			return l.appendMask(b, pair[at:])
		}
		from += len(part) + 1
	}
	return appendIfAny(b, pair, field)
}

func appendIfAny(b []byte, s string, field appender) []byte {
	if s == "" {
		return b
	}
	return field(b, s)
}

// appendMask writes 16 digits instead of a value. Within one process equal
// values have equal digits; nobody can find the value by trying, because the
// hash has a secret seed.
func (l *Log) appendMask(b []byte, value string) []byte {
	h := maphash.String(l.seed, value)
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[h>>shift&15])
	}
	return b
}

func masked(key string, mask []string) bool {
	for _, m := range mask {
		if equalDecoded(key, m) {
			return true
		}
	}
	return false
}

// equalDecoded reports whether the query-encoded key means name.
func equalDecoded(key, name string) bool {
	n := 0
	for i := 0; i < len(key); n++ {
		c := key[i]
		i++
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+1 < len(key) && unhex(key[i]) < 16 && unhex(key[i+1]) < 16:
			c = unhex(key[i])<<4 | unhex(key[i+1])
			i += 2
		}
		if n >= len(name) || name[n] != c {
			return false
		}
	}
	return n == len(name)
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
