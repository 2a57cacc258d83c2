package eskip

// expression reads a route without its id: predicates, filters, backend.
func (p *parser) expression() bool {
	if !p.predicateList() {
		return false
	}
	if p.tok.kind != tokArrow {
		p.unexpected(`"&&" or "->"`, p.afterPredicateHint())
		return false
	}
	p.next()
	arrow, ok := p.filterChain()
	if ok && !arrow {
		p.unexpected(`"->"`, noBackend)
	}
	return ok && arrow && p.readBackend()
}

// predicateList reads predicates until something else than "&&" follows.
func (p *parser) predicateList() bool {
	for {
		if !p.predicate() {
			return false
		}
		if p.tok.kind == tokComma || p.tok.kind == tokBad && p.text[p.tok.from] == '&' {
			p.unexpected(`"&&"`, `predicates are joined with "&&"`)
		} else if p.tok.kind != tokAnd {
			return true
		}
		p.next()
	}
}

func (p *parser) predicate() bool {
	switch p.tok.kind {
	case tokAny:
		p.next()
		return true
	case tokSymbol:
		return p.call(&p.predicates, tokAnd)
	}
	p.unexpected("a predicate", p.predicateHint())
	return false
}

// filterChain reads filters and the arrows after them until something else
// follows. arrow is false when the last filter has no arrow after it.
func (p *parser) filterChain() (arrow, ok bool) {
	for p.tok.kind == tokSymbol {
		if !p.call(&p.filters, tokArrow) {
			return false, false
		}
		switch {
		case p.tok.kind == tokArrow:
			p.next()
		case p.tok.kind == tokEOF || p.tok.kind == tokSemicolon:
			return false, true
		default:
			p.unexpected(`"->"`, p.afterFilterHint())
			if !p.isJoin() {
				return false, false
			}
			p.skipJoin()
		}
	}
	return true, true
}

// isJoin reports whether the current token is something that people write
// between filters in place of the arrow.
func (p *parser) isJoin() bool {
	switch p.tok.kind {
	case tokAnd, tokComma:
		return true
	case tokBad:
		c := p.text[p.tok.from]
		return c == '|' || c == '&'
	}
	return false
}

func (p *parser) skipJoin() {
	c := p.text[p.tok.from]
	p.next()
	if c == '|' && p.tok.kind == tokBad && p.text[p.tok.from] == '|' {
		p.next()
	}
}

// call reads name(arguments) into c; join is what stands between two of them.
func (p *parser) call(c *calls, join kind) bool {
	name := p.tok
	p.next()
	if p.tok.kind != tokOpen {
		p.nameAlone(&name, join)
		return p.tok.kind == join || p.tok.kind == tokArrow // plain enough to read on
	}
	if !p.arguments(c) {
		return false
	}
	if join == tokAnd && name.text == "Any" { // no condition
		c.args = c.args[:c.argStart()]
		return true
	}
	c.list = append(c.list, Call{Name: name.text, Pos: p.place(&name)})
	c.ends = append(c.ends, len(c.args))
	return true
}

// argStart returns where the arguments of the next call start.
func (c *calls) argStart() int {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1]
}

// arguments reads everything between the parentheses. A comma before the first
// argument is allowed, one behind the last is not (spec 1.5).
func (p *parser) arguments(c *calls) bool {
	p.next()
	if p.tok.kind == tokClose {
		p.next()
		return true
	}
	if p.tok.kind == tokComma {
		p.next()
	}
	for {
		if !p.argument(c) {
			return false
		}
		switch p.tok.kind {
		case tokClose:
			p.next()
			return true
		case tokComma:
			comma := p.tok
			p.next()
			if p.tok.kind == tokClose {
				p.fault(&comma, `","`, `")"`, "leave the last comma away")
				p.next()
				return true
			}
		default:
			p.unexpected(`"," or ")"`, p.afterArgHint())
			if !p.startsArg() {
				return false
			}
		}
	}
}

func (p *parser) startsArg() bool {
	return p.tok.kind == tokNumber || p.tok.kind == tokString || p.tok.kind == tokRegexp
}

func (p *parser) argument(c *calls) bool {
	switch p.tok.kind {
	case tokNumber:
		c.args = append(c.args, Arg{Kind: NumberArg, Number: p.tok.number})
	case tokString, tokRegexp:
		c.args = append(c.args, Arg{Text: p.tok.text})
	default:
		p.unexpected("a string, a number or a regular expression", p.argHint())
		if p.tok.kind != tokSymbol {
			return false
		}
		// A bare word: read on when it stands where a string would.
		p.next()
		return p.tok.kind == tokComma || p.tok.kind == tokClose
	}
	p.next()
	return true
}

// readBackend reads the last part of a route.
func (p *parser) readBackend() bool {
	p.backendAt = p.place(&p.tok)
	switch p.tok.kind {
	case tokString:
		p.backend = Backend{Type: Network, Address: p.tok.text}
	case tokSpecial:
		p.backend = Backend{Type: specialType(p.tok.text)}
	case tokLess:
		return p.balanced()
	default:
		p.unexpected("a filter or a backend", p.backendHint())
		return false
	}
	p.next()
	return true
}

// specialType returns the type of a backend that is written as one token.
func specialType(text string) BackendType {
	switch text {
	case "<shunt>":
		return Shunt
	case "<loopback>":
		return Loopback
	case "<dynamic>":
		return Dynamic
	}
	return Forward
}

// balanced reads a load balanced backend from its "<" on.
func (p *parser) balanced() bool {
	open := p.tok
	p.backend = Backend{Type: LB}
	p.next()
	if p.tok.kind == tokSymbol {
		name := p.tok
		p.next()
		if p.tok.kind == tokGreater {
			p.fault(&open, excerpt(p.text[open.from:p.tok.to]), "a backend", angleHint(name.text))
			p.next()
			return true
		}
		p.backend.Algorithm = name.text
		if p.tok.kind == tokComma {
			p.next()
		} else {
			p.unexpected(`","`, p.algorithmHint(name.text))
			if p.tok.kind != tokString {
				return false
			}
		}
	}
	return p.endpointList()
}

func (p *parser) endpointList() bool {
	for {
		if p.tok.kind != tokString {
			p.unexpected("the address of an endpoint", p.endpointHint())
			return false
		}
		p.endpoints = append(p.endpoints, endpoint(p.tok.text))
		p.next()
		switch p.tok.kind {
		case tokGreater:
			p.next()
			return true
		case tokComma:
			comma := p.tok
			p.next()
			if p.tok.kind == tokGreater {
				p.fault(&comma, `","`, `">"`, "leave the last comma away")
				p.next()
				return true
			}
		case tokString:
			p.unexpected(`","`, "endpoints are separated with commas")
		default:
			p.unexpected(`"," or ">"`, "")
			return false
		}
	}
}
