package eskip

import (
	"fmt"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/kit/suggest"
)

// Hints that are said in several places.
const (
	needsID      = `in a list every route has an id: name: ...;`
	noBackend    = `a route ends with "->" and its backend`
	unclosedCall = `the closing ")" is missing`
	quoteURL     = `the address of a backend is a string: "http://host:port"`
)

// maxExcerpt bounds how much of a text is repeated in an error.
const maxExcerpt = 40

// excerpt quotes the beginning of s.
func excerpt(s string) string {
	if len(s) > maxExcerpt {
		return strconv.Quote(s[:maxExcerpt]) + "..."
	}
	return strconv.Quote(s)
}

// describe says what a token is.
func (l *lexer) describe(t *token) string {
	switch t.kind {
	case tokEOF:
		return "the end of the text"
	case tokNumber:
		return "the number " + l.text[t.from:t.to]
	case tokString:
		return "the string " + excerpt(t.text)
	case tokRegexp:
		return "the regular expression " + excerpt(t.text)
	}
	return excerpt(l.text[t.from:t.to])
}

func unclosedHint(quote string) string {
	if quote == "/" {
		return "a regular expression ends with a slash that is not in brackets"
	}
	return "the closing quote is missing"
}

// is reports whether the current token is the bad character c.
func (p *parser) is(c byte) bool { return p.tok.kind == tokBad && p.text[p.tok.from] == c }

// arrowHint helps where an arrow was expected.
func (p *parser) arrowHint() string {
	if p.is('-') || p.is('=') || p.tok.kind == tokGreater || p.tok.kind == tokLess {
		return `the arrow is "->"`
	}
	return p.characterHint()
}

// characterHint helps with characters that no token starts with.
func (p *parser) characterHint() string {
	rest := p.text[p.tok.from:]
	switch {
	case p.tok.kind != tokBad:
	case strings.HasPrefix(rest, "\u00a0"):
		return "it is a no-break space, use a plain one"
	case strings.HasPrefix(rest, "'"), strings.HasPrefix(rest, "“"), strings.HasPrefix(rest, "”"):
		return "strings are written in double quotes or in backticks"
	case strings.HasPrefix(rest, "#"):
		return "a comment starts with //"
	}
	return ""
}

// idHint helps where a definition should start.
func (p *parser) idHint() string {
	switch p.tok.kind {
	case tokAny:
		return needsID
	case tokNumber:
		return "an id starts with a letter or _"
	case tokString:
		return "an id is written without quotes"
	}
	return p.characterHint()
}

// colonHint helps where a colon should follow the id; word is the id with the
// characters that an id cannot have.
func (p *parser) colonHint(word string) string {
	if word != p.routeID {
		good := strings.NewReplacer("-", "_", ".", "_", "/", "_", "@", "_").Replace(word)
		return fmt.Sprintf("an id has only letters, digits and _, did you mean %q?", good)
	}
	if p.tok.kind == tokArrow {
		return `an id and ":" come before the predicates`
	}
	return p.characterHint()
}

// foreignID returns the id that starts at the given offset with the characters
// that people like to use in one.
func (p *parser) foreignID(from int) string {
	end := from
	for end < len(p.text) && (isSymbolByte(p.text[end]) || strings.IndexByte("-./@", p.text[end]) >= 0) {
		end++
	}
	word := strings.TrimRight(p.text[from:end], "-./@")
	return clip(word)
}

// predicateHint helps where a predicate should stand.
func (p *parser) predicateHint() string {
	switch p.tok.kind {
	case tokArrow:
		return `a route without conditions starts with "*"`
	case tokString, tokRegexp:
		return `a path is written Path("/x")`
	}
	if p.is('!') {
		return "there is no negation: a route with more weight can take what must not match"
	}
	return p.characterHint()
}

func (p *parser) afterPredicateHint() string {
	switch p.tok.kind {
	case tokSemicolon, tokEOF:
		return noBackend
	case tokSymbol:
		return `predicates are joined with "&&", filters with "->"`
	}
	if p.is('|') {
		return `there is no "or" between predicates: write one route for each`
	}
	return p.arrowHint()
}

func (p *parser) afterFilterHint() string {
	switch p.tok.kind {
	case tokAnd, tokComma, tokSymbol, tokString, tokSpecial:
		return `filters are joined with "->"`
	}
	if p.is('|') || p.is('&') {
		return `filters are joined with "->", not "` + p.text[p.tok.from:p.tok.to] + `"`
	}
	return p.arrowHint()
}

func (p *parser) onlyFiltersHint() string {
	switch p.tok.kind {
	case tokEOF:
		return `leave the last "->" away`
	case tokAny, tokString, tokSpecial, tokLess:
		return "only filters stand here, neither predicates nor a backend"
	case tokSemicolon:
		return `filters have no ";" at their end`
	}
	return p.afterFilterHint()
}

// nameAlone reports the name of a predicate or filter without parentheses.
func (p *parser) nameAlone(name *token, join kind) {
	if p.tok.kind == tokBad && p.tok.text != "" {
		p.unexpected(`"("`, "")
		return
	}
	hint := "arguments stand in parentheses: " + clip(name.text) + "()"
	if join == tokAnd {
		p.fault(name, excerpt(name.text), "a predicate", hint)
		return
	}
	switch p.tok.kind {
	case tokColon:
		hint = quoteURL
	case tokSemicolon, tokEOF: // where the backend should be
		if s := suggest.Nearest("<"+clip(name.text)+">", specials[:]); s != "" {
			hint = "did you mean " + s + "?"
		}
	}
	p.fault(name, excerpt(name.text), "a filter or a backend", hint)
}

// clip cuts a name so that it can be repeated in an error.
func clip(name string) string { return name[:min(len(name), maxExcerpt)] }

// argHint helps where an argument should stand.
func (p *parser) argHint() string {
	switch p.tok.kind {
	case tokSymbol:
		return "strings have quotes: " + strconv.Quote(clip(p.tok.text))
	case tokClose:
		return "leave the comma away"
	case tokEOF, tokSemicolon, tokArrow, tokAnd:
		return unclosedCall
	case tokAny:
		return `strings have quotes: "*"`
	}
	if p.is('-') || p.is('.') || p.is('+') {
		return "an incomplete number"
	}
	return p.characterHint()
}

// afterArgHint helps behind an argument.
func (p *parser) afterArgHint() string {
	switch p.tok.kind {
	case tokSymbol:
		if p.atDefinition() {
			return unclosedCall
		}
		if p.tok.from > 0 && isDigit(p.text[p.tok.from-1]) {
			return "a number has no unit: write it as a string"
		}
		return "is a quote missing, or must it be escaped?"
	case tokNumber, tokString, tokRegexp:
		return "arguments are separated with commas"
	case tokEOF, tokSemicolon, tokArrow, tokAnd:
		return unclosedCall
	}
	return p.characterHint()
}

// backendHint helps where a backend should stand.
func (p *parser) backendHint() string {
	switch p.tok.kind {
	case tokSemicolon, tokEOF:
		return noBackend
	case tokRegexp:
		return "the address of a backend stands in quotes"
	case tokArrow:
		return `one "->" is too many`
	case tokAny:
		return `"*" is a predicate, and predicates come first`
	case tokNumber:
		return quoteURL
	}
	return p.characterHint()
}

// angleHint helps with <name>, which is no backend.
func angleHint(name string) string {
	for _, s := range specials {
		if s == "<"+name+">" {
			return s + " is written without spaces"
		}
	}
	if s := suggest.Nearest("<"+clip(name)+">", specials[:]); s != "" {
		return "did you mean " + s + "?"
	}
	return `a load balanced backend has endpoints: <` + clip(name) + `, "http://host:port">`
}

// algorithmHint helps where a comma should follow the name of an algorithm.
func (p *parser) algorithmHint(name string) string {
	if p.tok.kind == tokString {
		return "a comma follows the algorithm"
	}
	if s := suggest.Nearest("<"+clip(name)+">", specials[:]); s != "" {
		return "did you mean " + s + "?"
	}
	return ""
}

func (p *parser) endpointHint() string {
	switch p.tok.kind {
	case tokSymbol, tokRegexp:
		return quoteURL
	case tokGreater:
		return "a load balanced backend has at least one endpoint"
	}
	return p.characterHint()
}

// afterBackendHint helps behind a complete route.
func (p *parser) afterBackendHint() string {
	switch p.tok.kind {
	case tokArrow:
		return "nothing follows the backend, filters come before it"
	case tokAnd:
		return "predicates come first, before the filters and the backend"
	case tokComma, tokString:
		return `several endpoints stand in angle brackets: <"http://a", "http://b">`
	case tokAny, tokSymbol:
		return `routes are separated with ";"`
	}
	return p.characterHint()
}

func (p *parser) afterLoneHint() string {
	if p.tok.kind != tokSemicolon {
		return p.afterBackendHint()
	}
	if p.peek() != 0 {
		return needsID
	}
	return `a route without an id has no ";" at its end`
}
