package eskip

import (
	"strconv"
	"strings"
)

// number reads a number: digits with at most one point and, beyond spec 1.5, an
// exponent. A sign and the first digit have been seen.
func (l *lexer) number() {
	start := l.pos
	if l.text[l.pos] == '+' {
		l.fault(&l.tok, `"+"`, "a number", `leave the "+" away`)
		l.pos++
		start++
	}
	if l.text[l.pos] == '-' {
		l.pos++
	}
	l.digits()
	if l.at(0) == '.' {
		l.pos++
		if !isDigit(l.at(0)) {
			whole := l.text[start:l.pos]
			l.fault(&l.tok, strconv.Quote(whole), "a number", "an incomplete number: write "+whole[:len(whole)-1]+" or "+whole+"0")
		}
		l.digits()
	}
	l.exponent()
	n, err := parseNumber(l.text[start:l.pos])
	if err != nil {
		l.fault(&l.tok, excerpt(l.text[start:l.pos]), "a number", "it is too big, the greatest is about 1.8e308")
	}
	l.tok.kind, l.tok.number = tokNumber, n
}

func (l *lexer) digits() {
	for isDigit(l.at(0)) {
		l.pos++
	}
}

// exponent reads e-06 and the like; other letters are left alone.
func (l *lexer) exponent() {
	if l.at(0)|0x20 != 'e' {
		return
	}
	sign := 0
	if c := l.at(1); c == '-' || c == '+' {
		sign = 1
	}
	if isDigit(l.at(1 + sign)) {
		l.pos += 1 + sign
		l.digits()
	}
}

// parseNumber is strconv.ParseFloat with a short way for small whole numbers,
// which most are.
func parseNumber(s string) (float64, error) {
	if len(s) > 9 {
		return strconv.ParseFloat(s, 64)
	}
	n := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return strconv.ParseFloat(strings.TrimSuffix(s, "."), 64)
		}
		n = n*10 + int(s[i]-'0')
	}
	return float64(n), nil
}

// quoted reads a string.
func (l *lexer) quoted(quote byte) {
	body := l.text[l.pos+1:]
	end := strings.IndexByte(body, quote)
	if end < 0 {
		l.unclosed(string(quote))
		return
	}
	if strings.IndexByte(body[:end], '\\') >= 0 {
		end = l.escaped(quote)
		if end < 0 {
			l.unclosed(string(quote))
			return
		}
		l.tok.text = string(l.scratch)
	} else {
		l.tok.text = body[:end]
	}
	l.literal(tokString, end)
}

// escaped undoes the escapes of the string at the position into the scratch
// buffer and returns the length of its body, -1 when it does not end. An escape
// that the language does not know keeps its backslash (spec 1.5).
func (l *lexer) escaped(quote byte) int {
	body, b := l.text[l.pos+1:], l.scratch[:0]
	defer func() { l.scratch = b }()
	for i := 0; i < len(body); i++ {
		c := body[i]
		if c == quote {
			return i
		}
		if c != '\\' {
			b = append(b, c)
			continue
		}
		if i++; i == len(body) {
			return -1
		}
		if c = body[i]; c == quote {
			b = append(b, c)
		} else if v := control(c); v != 0 {
			b = append(b, v)
		} else {
			b = append(b, '\\', c)
		}
	}
	return -1
}

// control returns the byte that a backslash and c stand for, 0 when none.
func control(c byte) byte {
	switch c {
	case 'a':
		return '\a'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	case '\\':
		return '\\'
	}
	return 0
}

// regexp reads a regular expression: a slash in brackets does not end it, only
// "\/" and "\\" are escapes (spec 1.5).
func (l *lexer) regexp() {
	body, b := l.text[l.pos+1:], l.scratch[:0]
	defer func() { l.scratch = b }()
	class, kept := false, 0 // body[kept:i] is not in b yet
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '\\':
			if i+1 < len(body) && (body[i+1] == '/' || body[i+1] == '\\') {
				b = append(b, body[kept:i]...)
				kept = i + 1
			}
			i++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			if l.tok.text = body[:i]; kept > 0 {
				b = append(b, body[kept:i]...)
				l.tok.text = string(b)
			}
			l.literal(tokRegexp, i)
			return
		}
	}
	l.unclosed("/")
}

// literal ends a string or regular expression whose body is n bytes long.
func (l *lexer) literal(k kind, n int) {
	l.tok.kind = k
	l.cross(l.pos + n + 2)
}

// unclosed takes the rest of the text as a literal without an end.
func (l *lexer) unclosed(quote string) {
	l.tok.kind, l.tok.text = tokBad, quote
	l.cross(len(l.text))
}

// cross moves to an offset and counts the lines passed.
func (l *lexer) cross(to int) {
	from := l.pos
	l.pos = to
	passed := l.text[from:to]
	last := strings.LastIndexByte(passed, '\n')
	if last < 0 {
		return
	}
	if l.suspect.to == 0 {
		l.suspect = span{from: from, to: to, line: l.tok.line, col: l.tok.col}
	}
	l.line += int32(strings.Count(passed, "\n"))
	l.lineStart = from + last + 1
}
