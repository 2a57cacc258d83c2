package eskip

// Parser parses many texts one after the other and keeps its memory between
// them: for who reads a document in pieces. The zero Parser is ready; it serves
// one goroutine.
type Parser struct{ p parser }

// ParseAt is the function ParseAt. What it returns is not used again.
func (q *Parser) ParseAt(at Pos, text string) ([]*Route, error) {
	p := newParser(at, text)
	last := &q.p
	clear(last.ids)
	p.ids, p.scratch = last.ids, last.scratch
	p.predicates, p.filters, p.endpoints = last.predicates, last.filters, last.endpoints
	q.p = *p
	if q.p.tooLong() {
		return nil, q.p.faults.err()
	}
	q.p.document()
	return q.p.routes, q.p.faults.err()
}
