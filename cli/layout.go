package cli

import (
	"slices"
	"strings"
)

// layout writes a document that parses without an error with uniform white
// space. Everything else stays as it is: comments, the order of routes, how
// strings, regular expressions and numbers are written.
//
// Where there is a choice the author's line breaks stay: a route whose arrows
// stand in one line stays in one line, otherwise every arrow starts a line;
// breaks around "&&" and after ",", and a blank line between routes, stay.
func layout(text string) string {
	tokens := scan(strings.TrimPrefix(text, "\ufeff"))
	var b strings.Builder
	for len(tokens) > 0 {
		tokens = writeItem(&b, tokens)
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// writeItem writes the next definition with the comment behind it, or the next
// comment, and returns the tokens that are left.
func writeItem(b *strings.Builder, tokens []token) []token {
	lines := 0 // breaks before the item; semicolons do not count
	for len(tokens) > 0 && tokens[0].kind == semicolon {
		lines = max(lines, tokens[0].lines)
		tokens = tokens[1:]
	}
	if len(tokens) == 0 {
		return nil
	}
	lines = max(lines, tokens[0].lines)
	if b.Len() > 0 {
		b.WriteByte('\n')
		if lines > 1 {
			b.WriteByte('\n')
		}
	}
	if tokens[0].kind == comment {
		b.WriteString(tokens[0].text)
		return tokens[1:]
	}
	def, rest := cutDefinition(tokens)
	writeDefinition(b, def)
	if len(def) > 1 && def[1].kind == colon { // a lone route has no semicolon
		b.WriteByte(';')
	}
	// What stands between the definition and its semicolon goes behind it.
	if i := slices.IndexFunc(rest, func(t token) bool { return t.kind != semicolon }); i >= 0 && i <= 1 {
		if c := rest[i]; c.kind == comment && c.lines == 0 {
			b.WriteString(" " + c.text)
			rest = slices.Delete(slices.Clone(rest), i, i+1)
		}
	}
	return rest
}

// cutDefinition splits tokens behind the first definition. Comments at its end
// are not part of it.
func cutDefinition(tokens []token) (def, rest []token) {
	end := slices.IndexFunc(tokens, func(t token) bool { return t.kind == semicolon })
	if end < 0 {
		end = len(tokens)
	}
	for tokens[end-1].kind == comment {
		end--
	}
	return tokens[:end], tokens[end:]
}

func writeDefinition(b *strings.Builder, def []token) {
	broken := slices.ContainsFunc(def, func(t token) bool { return t.kind == comment })
	for i, t := range def {
		if t.kind == arrow && breaksAround(def, i) {
			broken = true
		}
	}
	for i, t := range def {
		if i > 0 {
			b.WriteString(space(def, i, broken))
		}
		b.WriteString(t.text)
	}
}

// breaksAround reports whether there is a line break on either side of token i.
func breaksAround(def []token, i int) bool {
	return def[i].lines > 0 || i+1 < len(def) && def[i+1].lines > 0
}

const (
	lineStart = "\n  "   // of an arrow, of "&&", of a comment
	inside    = "\n    " // of anything else
)

// space returns what stands before token i, which is not the first.
func space(def []token, i int, broken bool) string {
	before, t := def[i-1], def[i]
	switch {
	case t.kind == arrow && broken, t.kind == and && (breaksAround(def, i) || before.kind == comment):
		return lineStart
	case t.kind == comment && (t.lines > 0 || before.kind == comment):
		return lineStart
	case before.kind == comment:
		return inside
	case before.kind == comma && t.lines > 0 && t.kind != comment:
		return inside
	case t.kind == comment:
		return " "
	case t.kind == colon, t.kind == comma, t.kind == opening && before.kind == word, t.kind == closing, before.kind == opening:
		return ""
	}
	return " "
}

// tokenKind is what layout needs to know of a token.
type tokenKind uint8

const (
	word tokenKind = iota // names, numbers, strings, regular expressions, "*"
	comment
	arrow
	and
	colon
	semicolon
	comma
	opening // ( <
	closing // ) >
)

// token is a piece of a document as it is written.
type token struct {
	kind  tokenKind
	text  string
	lines int // line breaks before it
}

// scan cuts a document that parses into tokens.
func scan(text string) []token {
	var tokens []token
	lines := 0
	for len(text) > 0 {
		if n := blank(text[0]); n {
			if text[0] == '\n' {
				lines++
			}
			text = text[1:]
			continue
		}
		kind, n := measure(text)
		t := token{kind, text[:n], lines}
		if kind == comment {
			t.text = strings.TrimRight(t.text, " \t\r")
		}
		tokens = append(tokens, t)
		text, lines = text[n:], 0
	}
	return tokens
}

// blank reports whether c is white space; the bytes 0x85 and 0xA0 are (spec
// 1.5).
func blank(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r' || c == 0x85 || c == 0xA0
}

// measure returns the kind and the length of the token that text starts with.
func measure(text string) (tokenKind, int) {
	switch two := text[:min(2, len(text))]; two {
	case "//":
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			return comment, end
		}
		return comment, len(text)
	case "->":
		return arrow, 2
	case "&&":
		return and, 2
	}
	switch c := text[0]; c {
	case '"', '`', '/':
		return word, literal(text)
	case ':':
		return colon, 1
	case ';':
		return semicolon, 1
	case ',':
		return comma, 1
	case '(', '<':
		return opening, 1
	case ')', '>':
		return closing, 1
	}
	n := 1
	for n < len(text) && !blank(text[n]) && !strings.ContainsRune("\"`/:;,()<>&", rune(text[n])) && !strings.HasPrefix(text[n:], "->") {
		n++
	}
	return word, n
}

// literal returns the length of the string or regular expression that text
// starts with. A slash in brackets does not end a regular expression.
func literal(text string) int {
	quote, class := text[0], false
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case quote == '/' && (c == '[' || c == ']'):
			class = c == '['
		case c == quote && !class:
			return i + 1
		}
	}
	return len(text)
}
