package accesslog

import (
	"unicode"
	"unicode/utf8"
)

// maxField bounds how many bytes of a field are logged.
const maxField = 8 << 10

// cutMark follows a field that was cut.
const cutMark = "..."

const hexDigits = "0123456789abcdef"

// plain holds the bytes that need no escape in any format: printable ASCII
// without space, quote and backslash.
var plain = func() (set [256]bool) {
	for c := byte('!'); c <= '~'; c++ {
		set[c] = c != '"' && c != '\\'
	}
	return set
}()

// allPlain reports whether s is plain but for spaces.
func allPlain(s string) (noSpace, plainOrSpace bool) {
	noSpace = true
	for i := 0; i < len(s); i++ {
		if !plain[s[i]] {
			if s[i] != ' ' {
				return false, false
			}
			noSpace = false
		}
	}
	return noSpace, true
}

// appendQuoted writes a field that stands between quotes; "" becomes "-".
func appendQuoted(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	s, mark := cut(s)
	if _, ok := allPlain(s); ok {
		return append(append(b, s...), mark...)
	}
	for i := 0; i < len(s); i++ {
		b = appendByte(b, s[i], true)
	}
	return append(b, mark...)
}

// appendWord writes a field that ends at a space; "" becomes "-".
func appendWord(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	s, mark := cut(s)
	if ok, _ := allPlain(s); ok {
		return append(append(b, s...), mark...)
	}
	for i := 0; i < len(s); i++ {
		b = appendByte(b, s[i], false)
	}
	return append(b, mark...)
}

// appendChain writes a list of addresses: like a word, but with the space that
// follows a comma as it is.
func appendChain(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	s, mark := cut(s)
	for i := 0; i < len(s); i++ {
		b = appendByte(b, s[i], i > 0 && s[i-1] == ',' && i+1 < len(s))
	}
	return append(b, mark...)
}

func appendByte(b []byte, c byte, space bool) []byte {
	switch {
	case plain[c], c == ' ' && space:
		return append(b, c)
	case c == '"', c == '\\':
		return append(b, '\\', c)
	}
	return append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

// appendJSON writes the inside of a JSON string. Bytes that are not UTF-8
// become U+FFFD, and what cannot be printed is escaped.
func appendJSON(b []byte, s string) []byte {
	s, mark := cut(s)
	if _, ok := allPlain(s); ok {
		return append(append(b, s...), mark...)
	}
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			i++
			switch {
			case plain[c], c == ' ':
				b = append(b, c)
			case c == '"', c == '\\':
				b = append(b, '\\', c)
			default:
				b = appendUnit(b, rune(c))
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		b = appendRune(b, r, size)
	}
	return append(b, mark...)
}

func appendRune(b []byte, r rune, size int) []byte {
	switch {
	case r == utf8.RuneError && size == 1:
		return append(b, `\ufffd`...)
	case unicode.IsPrint(r):
		return utf8.AppendRune(b, r)
	case r > 0xffff:
		r -= 0x10000
		return appendUnit(appendUnit(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return appendUnit(b, r)
}

// appendUnit writes one UTF-16 code unit as an escape.
func appendUnit(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

func cut(s string) (short, mark string) {
	if len(s) <= maxField {
		return s, ""
	}
	return s[:maxField], cutMark
}
