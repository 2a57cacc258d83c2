package eskip

import (
	"fmt"
	"strings"
)

// MaxDocument bounds the length of a document in bytes. Parse refuses longer
// ones; positions inside fit their types.
const MaxDocument = 256 << 20

// Parse reads a document: a list of definitions, or a lone route expression,
// which gives one Route without an id (spec 1.5). file names the document in
// positions and may be empty.
//
// It returns every route that is fine and, when some are not, an ErrorList with
// every fault of the document: a broken definition does not harm the others.
// Whoever wants all or nothing looks at the error first.
//
// Strings of the routes are views of text where no escape had to be undone, so
// a route keeps the document in memory.
func Parse(file, text string) ([]*Route, error) {
	return ParseAt(Pos{File: file, Line: 1, Col: 1}, text)
}

// ParseAt is Parse for a text that starts at the given position of a document.
func ParseAt(at Pos, text string) ([]*Route, error) {
	p := newParser(at, text)
	if p.tooLong() {
		return nil, p.faults.err()
	}
	p.document()
	return p.routes, p.faults.err()
}

// ParseFilters reads filters joined with "->". A text with nothing but white
// space and comments gives none. The error is an ErrorList.
func ParseFilters(text string) ([]Call, error) {
	p := newParser(Pos{Line: 1, Col: 1}, text)
	if p.tooLong() {
		return nil, p.faults.err()
	}
	p.next()
	p.begin()
	if p.tok.kind != tokEOF {
		p.onlyFilters()
	}
	if err := p.faults.err(); err != nil {
		return nil, err
	}
	return p.filters.build(), nil
}

// ParsePredicates reads predicates joined with "&&". "*" and Any() are no
// condition and left away; a text with nothing but white space and comments
// gives none. Single predicates are checked, how they go together is not: that
// is Check's part once they belong to a route. The error is an ErrorList.
func ParsePredicates(text string) ([]Call, error) {
	p := newParser(Pos{Line: 1, Col: 1}, text)
	if p.tooLong() {
		return nil, p.faults.err()
	}
	p.next()
	p.begin()
	if p.tok.kind != tokEOF && p.predicateList() && p.tok.kind != tokEOF {
		p.unexpected(`"&&" or the end`, p.afterPredicateHint())
	}
	preds := p.predicates.build()
	c := checker{to: &p.faults}
	for i := range preds {
		c.arguments(&preds[i])
	}
	if err := p.faults.err(); err != nil {
		return nil, err
	}
	return preds, nil
}

// onlyFilters reads filters up to the end of the text.
func (p *parser) onlyFilters() {
	switch arrow, ok := p.filterChain(); {
	case !ok:
	case arrow:
		p.unexpected("a filter", p.onlyFiltersHint())
	case p.tok.kind != tokEOF:
		p.unexpected(`"->" or the end`, p.onlyFiltersHint())
	}
}

// byteOrderMark is what some editors put before a text. It is no column.
const byteOrderMark = "\ufeff"

// parser reads a document by recursive descent; the grammar does not nest.
type parser struct {
	lexer
	routes []*Route
	// ids says where each id of the document was defined first.
	ids map[string]spot

	// What is known of the current definition.
	start      token // its first token
	column     int32 // of the first definition of the document
	before     int   // how many faults there were before it
	predicates calls
	filters    calls
	backend    Backend
	endpoints  []Endpoint
	backendAt  Pos

	// budget bounds how much text is read again by rescue.
	budget int
}

// spot is a Pos without the file.
type spot struct{ line, col int32 }

func newParser(at Pos, text string) *parser {
	return &parser{
		lexer: lexer{
			file: at.File, text: strings.TrimPrefix(text, byteOrderMark),
			line: max(at.Line, 1), lineStart: 1 - int(max(at.Col, 1)),
		},
		budget: 4 * len(text),
	}
}

func (p *parser) tooLong() bool {
	if len(p.text) <= MaxDocument {
		return false
	}
	p.fault(&token{line: p.line, col: 1}, fmt.Sprintf("a document of %d bytes", len(p.text)),
		fmt.Sprintf("at most %d", MaxDocument), "split it into several files")
	return true
}

// document reads everything.
func (p *parser) document() {
	p.next()
	p.column = p.tok.col
	if p.tok.kind == tokAny || p.tok.kind == tokSymbol && p.peek() == '(' {
		p.lone()
	}
	for {
		for p.tok.kind == tokSemicolon {
			p.next()
		}
		if p.tok.kind == tokEOF {
			return
		}
		p.definition()
	}
}

// lone reads a route expression without an id. When a semicolon follows, the
// rest of the document is read as a list.
func (p *parser) lone() {
	p.begin()
	if !p.expression() {
		p.resync()
	} else if p.tok.kind != tokEOF {
		p.unexpected("the end of the route", p.afterLoneHint())
		p.resync()
	}
	p.end()
}

// definition reads one definition of a list, up to the semicolon or the end.
func (p *parser) definition() {
	p.begin()
	if !p.id() || !p.expression() || !p.terminated() {
		p.resync()
	}
	p.end()
}

// begin starts a definition at the current token.
func (p *parser) begin() {
	p.start, p.before = p.tok, p.faults.all
	p.routeID, p.backend = "", Backend{}
	p.predicates.reset()
	p.filters.reset()
	p.endpoints = p.endpoints[:0]
	if p.suspect.from < p.tok.from {
		p.suspect = span{}
	}
}

// end keeps the definition when it is fine.
func (p *parser) end() {
	id := p.routeID
	p.routeID = "" // what comes next belongs to another one
	if p.faults.all > p.before {
		return
	}
	r := p.build(id)
	c := checker{routeID: id, to: &p.faults}
	c.predicates(r.Predicates)
	c.backend(&r.Backend, p.backendAt)
	if p.faults.all == p.before {
		p.routes = append(p.routes, r)
	}
}

// build copies the definition out of the parser's buffers. Predicates and
// filters share one array, and so do all their arguments.
func (p *parser) build(id string) *Route {
	r := &Route{ID: id, Backend: p.backend, Pos: p.place(&p.start)}
	preds, filters := len(p.predicates.list), len(p.filters.list)
	all := make([]Call, preds+filters)
	args := make([]Arg, len(p.predicates.args)+len(p.filters.args))
	if preds > 0 {
		args = p.predicates.copyTo(all[:preds], args)
		r.Predicates = all[:preds:preds]
	}
	if filters > 0 {
		p.filters.copyTo(all[preds:], args)
		r.Filters = all[preds:]
	}
	if len(p.endpoints) > 0 {
		r.Backend.Endpoints = append([]Endpoint(nil), p.endpoints...)
	}
	return r
}

// id reads the name of a definition and the colon.
func (p *parser) id() bool {
	if p.tok.kind != tokSymbol {
		p.unexpected("the id of a route", p.idHint())
		return false
	}
	name := p.tok
	p.next()
	if p.tok.kind == tokOpen {
		p.tok = name
		p.unexpected("the id of a route", needsID)
		return false
	}
	p.routeID = name.text
	if p.tok.kind != tokColon {
		word := p.foreignID(name.from)
		hint := p.colonHint(word)
		p.routeID = word
		p.unexpected(`":"`, hint)
		return false
	}
	p.next()
	if first, taken := p.ids[name.text]; taken {
		at := Pos{File: p.file, Line: first.line, Col: first.col}
		p.fault(&name, "the id for the second time", "an id of its own", "the first is at "+at.String())
		return true
	}
	if p.ids == nil {
		p.ids = map[string]spot{}
	}
	p.ids[name.text] = spot{name.line, name.col}
	return true
}

// terminated checks what follows a complete definition. A new definition
// without a semicolon before it is a fault, but not a reason to skip anything.
func (p *parser) terminated() bool {
	switch {
	case p.tok.kind == tokSemicolon || p.tok.kind == tokEOF:
		return true
	case p.tok.kind == tokSymbol && p.peek() == ':':
		p.unexpected(`";"`, `routes are separated with ";"`)
		return true
	}
	p.unexpected(`";"`, p.afterBackendHint())
	return false
}

// unexpected reports that the current token is not what the language wants.
func (p *parser) unexpected(expected, hint string) {
	if p.tok.kind == tokBad && p.tok.text != "" {
		p.fault(&p.tok, p.tok.text+" without an end", "another "+p.tok.text, unclosedHint(p.tok.text))
		return
	}
	p.fault(&p.tok, p.describe(&p.tok), expected, hint)
}

// calls are predicates or filters that are being read.
type calls struct {
	list []Call
	ends []int // of each call's arguments in args
	args []Arg
}

func (c *calls) reset() { c.list, c.ends, c.args = c.list[:0], c.ends[:0], c.args[:0] }

// build returns the calls, nil when there are none.
func (c *calls) build() []Call {
	if len(c.list) == 0 {
		return nil
	}
	out := make([]Call, len(c.list))
	c.copyTo(out, make([]Arg, len(c.args)))
	return out
}

// copyTo copies the calls to out and their arguments to args, and returns what
// is left of args.
func (c *calls) copyTo(out []Call, args []Arg) []Arg {
	copy(out, c.list)
	copy(args, c.args)
	from := 0
	for i, end := range c.ends {
		if end > from {
			out[i].Args = args[from:end:end]
		}
		from = end
	}
	return args[from:]
}
