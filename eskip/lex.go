package eskip

import (
	"strings"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	tokEOF kind = iota
	tokSymbol
	tokNumber
	tokString
	tokRegexp
	tokSpecial // <shunt>, <loopback>, <dynamic> or <forward>
	tokArrow
	tokAnd
	tokAny
	tokOpen
	tokClose
	tokComma
	tokColon
	tokSemicolon
	tokLess
	tokGreater
	tokBad // no token of the language
)

// token is the smallest piece of a document: text[from:to], at line and col.
type token struct {
	kind      kind
	line, col int32
	from, to  int
	text      string  // of a symbol, string, regexp or special backend
	number    float64 // of a number
}

// span is a piece of the text that starts at line and col.
type span struct {
	from, to  int
	line, col int32
}

// lexer cuts a text into tokens. Values are views of the text unless an escape
// must be undone.
type lexer struct {
	file      string
	text      string
	pos       int // of what is not consumed
	line      int32
	lineStart int // offset of the current line; negative when the text starts inside a line

	tok     token
	faults  faults
	routeID string // the definition that faults belong to

	// suspect is the first literal of the definition that spans lines: when
	// the definition is broken, perhaps because its closing quote is missing.
	suspect span
	scratch []byte
}

// place returns the position of a token.
func (l *lexer) place(t *token) Pos { return Pos{File: l.file, Line: t.line, Col: t.col} }

// fault reports a fault at the token t.
func (l *lexer) fault(t *token, found, expected, hint string) {
	l.faults.add(Error{Pos: l.place(t), RouteID: l.routeID, Found: found, Expected: expected, Hint: hint})
}

// next makes the next token the current one.
func (l *lexer) next() {
	l.skip()
	l.tok = token{from: l.pos, line: l.line, col: int32(l.pos-l.lineStart) + 1}
	if l.pos < len(l.text) {
		l.scan(l.text[l.pos])
	}
	l.tok.to = l.pos
}

// skip consumes white space and comments.
func (l *lexer) skip() {
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c == '\n':
			l.pos++
			l.line++
			l.lineStart = l.pos
		case isBlank(c):
			l.pos++
		case c == '/' && l.at(1) == '/':
			if end := strings.IndexByte(l.text[l.pos:], '\n'); end >= 0 {
				l.pos += end
			} else {
				l.pos = len(l.text)
			}
		default:
			return
		}
	}
}

// peek returns the first byte of the token after the current one, 0 at the end.
func (l *lexer) peek() byte {
	ahead := lexer{text: l.text, pos: l.pos}
	ahead.skip()
	return ahead.at(0)
}

// at returns the byte n places after the position, 0 behind the end.
func (l *lexer) at(n int) byte {
	if l.pos+n < len(l.text) {
		return l.text[l.pos+n]
	}
	return 0
}

// scan consumes one token that starts with c.
func (l *lexer) scan(c byte) {
	switch {
	case isLetter(c):
		l.symbol()
	case isDigit(c):
		l.number()
	case c == '"' || c == '`':
		l.quoted(c)
	case c == '/':
		l.regexp()
	case c == '<':
		l.angle()
	case c == '-' || c == '.' || c == '+':
		l.dash(c)
	default:
		l.punctuation(c)
	}
}

func (l *lexer) symbol() {
	end := l.pos + 1
	for end < len(l.text) && isSymbolByte(l.text[end]) {
		end++
	}
	l.tok.kind, l.tok.text = tokSymbol, l.text[l.pos:end]
	l.pos = end
}

// dash reads what starts with "-", "." or "+": an arrow or a number.
func (l *lexer) dash(c byte) {
	switch n := l.at(1); {
	case c == '-' && n == '>':
		l.take(tokArrow, 2)
	case isDigit(n), n == '.' && c != '.' && isDigit(l.at(2)):
		l.number()
	default:
		l.take(tokBad, 1)
	}
}

// specials are the backends that are written as one token.
var specials = [...]string{"<shunt>", "<loopback>", "<dynamic>", "<forward>"}

func (l *lexer) angle() {
	for _, s := range specials {
		if strings.HasPrefix(l.text[l.pos:], s) {
			l.tok.text = s
			l.take(tokSpecial, len(s))
			return
		}
	}
	l.take(tokLess, 1)
}

// punctuation reads punctuation, and what people write in its place: that is reported
// and taken for what was meant.
func (l *lexer) punctuation(c byte) {
	switch c {
	case '&':
		if l.at(1) == '&' {
			l.take(tokAnd, 2)
			return
		}
	case '=':
		if l.at(1) == '>' {
			l.wrongArrow("=>")
			return
		}
	case '*':
		l.take(tokAny, 1)
		return
	case '(':
		l.take(tokOpen, 1)
		return
	case ')':
		l.take(tokClose, 1)
		return
	case ',':
		l.take(tokComma, 1)
		return
	case ':':
		l.take(tokColon, 1)
		return
	case ';':
		l.take(tokSemicolon, 1)
		return
	case '>':
		l.take(tokGreater, 1)
		return
	case '\'':
		if l.foreignString("'", "'") {
			return
		}
	}
	l.foreign()
}

// foreign reads a character that the language does not know.
func (l *lexer) foreign() {
	rest := l.text[l.pos:]
	switch {
	case strings.HasPrefix(rest, "→"):
		l.wrongArrow("→")
	case l.foreignString("“", "”") || l.foreignString("‘", "’"):
	default:
		_, n := utf8.DecodeRuneInString(rest)
		l.take(tokBad, n)
	}
}

func (l *lexer) wrongArrow(s string) {
	l.fault(&l.tok, `"`+s+`"`, `"->"`, "the arrow is a dash and a greater-than sign")
	l.take(tokArrow, len(s))
}

// maxForeign bounds how far the end of a foreign string is looked for.
const maxForeign = 1 << 10

// foreignString reads a string in quotes that the language does not have,
// when it ends on the same line, soon, and hides no semicolon.
func (l *lexer) foreignString(open, shut string) bool {
	rest := l.text[l.pos:]
	if !strings.HasPrefix(rest, open) {
		return false
	}
	rest = rest[len(open):min(len(rest), len(open)+maxForeign)]
	if end := strings.IndexAny(rest, "\n;"); end >= 0 {
		rest = rest[:end]
	}
	end := strings.Index(rest, shut)
	if end < 0 {
		return false
	}
	l.fault(&l.tok, open, `'"'`, "strings are written in double quotes or in backticks")
	l.tok.text = rest[:end]
	l.take(tokString, len(open)+end+len(shut))
	return true
}

func (l *lexer) take(k kind, n int) {
	l.tok.kind = k
	l.pos += n
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isSymbolByte(c byte) bool { return isLetter(c) || isDigit(c) }

// isSymbol reports whether s can be an id or a name.
func isSymbol(s string) bool {
	if s == "" || isDigit(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isSymbolByte(s[i]) {
			return false
		}
	}
	return true
}
