package eskip

import "strings"

// resync skips to where the next definition starts: behind the next semicolon
// that is not part of a string, a regular expression or a comment, or at what
// looks like a definition in the column of the broken one.
func (p *parser) resync() {
	p.faults.quiet = true
	failed := p.tok.from
	for !p.rescue(failed) && p.tok.kind != tokEOF && p.tok.kind != tokSemicolon && !p.atDefinition() {
		p.next()
	}
	p.faults.quiet = false
}

// atDefinition reports whether a definition starts at the current token: a name
// and a colon, in the column where the broken definition or the document
// started. Nowhere else in the language is a name followed by a colon.
func (p *parser) atDefinition() bool {
	return p.tok.kind == tokSymbol && p.tok.line > p.start.line &&
		(p.tok.col == p.start.col || p.tok.col == p.column) && p.peek() == ':'
}

// rescue goes back to the definition that a string without its closing quote
// seems to have swallowed: inside a literal of the broken definition, a line
// that ends with ";" and then, in the same column as the broken definition, a
// name and a colon. Without it one forgotten quote would turn the rest of the
// document inside out.
//
// Only a definition that is broken anyway is looked at, and only a literal that
// spans lines: what the printer writes never does. failed is the offset of the
// token at which the definition broke.
func (p *parser) rescue(failed int) bool {
	s := p.suspect
	if s.to == 0 {
		return false
	}
	p.suspect = span{}
	at := p.swallowed(s)
	if at < 0 || p.budget < p.pos-at {
		return false
	}
	p.budget -= p.pos - at
	p.faults.quiet = false
	if s.from <= failed { // else the literal only came after what is reported
		p.reportSwallowing(s)
	}
	p.pos = at
	p.line = s.line + int32(strings.Count(p.text[s.from:at], "\n"))
	p.lineStart = at - int(p.start.col) + 1
	p.next()
	return true
}

// reportSwallowing replaces what the literal s led to by its cause.
func (p *parser) reportSwallowing(s span) {
	at := Pos{File: p.file, Line: s.line, Col: s.col}
	quote := p.text[s.from : s.from+1]
	p.faults.retract(p.before, at)
	p.faults.add(Error{
		Pos: at, RouteID: p.routeID,
		Found:    quote + " without an end in this route",
		Expected: "another " + quote, Hint: unclosedHint(quote),
	})
}

// swallowed returns where the first definition starts that the literal s
// contains, -1 when there is none.
func (p *parser) swallowed(s span) int {
	last := byte(0) // before the current line, not counting white space and comments
	for i := s.from + 1; i < s.to; {
		end := strings.IndexByte(p.text[i:s.to], '\n')
		if end < 0 {
			return -1
		}
		end += i
		if line := strings.TrimSpace(p.text[i:end]); line != "" && !strings.HasPrefix(line, "//") {
			last = line[len(line)-1]
		}
		i = end + 1
		if last == ';' && p.definesAt(i) {
			return i + int(p.start.col) - 1
		}
	}
	return -1
}

// definesAt reports whether the line that starts at the offset i has a
// definition in the column of the broken one.
func (p *parser) definesAt(i int) bool {
	from := i + int(p.start.col) - 1
	if from >= len(p.text) || strings.TrimLeft(p.text[i:from], " \t") != "" {
		return false
	}
	end := from
	for end < len(p.text) && isSymbolByte(p.text[end]) {
		end++
	}
	if !isSymbol(p.text[from:end]) {
		return false
	}
	for end < len(p.text) && (p.text[end] == ' ' || p.text[end] == '\t') {
		end++
	}
	return end < len(p.text) && p.text[end] == ':'
}
