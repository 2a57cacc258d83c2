package table

import "strings"

// ParseHostPattern reads a regular expression on the host as a list of names
// and wildcards. ok is false when the expression is not of a known shape; what
// is known accepts exactly the hosts that the expression accepts:
//
//	expr = "^" ( alt | "(" alt *( "|" alt ) ")" ) "$"
//	alt  = [ wild ] name [ dot "?" ] [ port | "(" port ")" [ "?" ] ]
//	wild = class ( "+" / "*" ) dot
//	     | "(" class ( "+" / "*" ) dot ")" [ "?" / "+" / "*" ]
//	name = 1*( ALPHA / DIGIT / "-" / "_" / ":" / dot )
//	dot  = "[.]" | "\."
//	port = ":" ( "[0-9]" / "\d" ) "+"
//
// where a group may begin with "?:" and class is "." or a class of ASCII
// characters in brackets. These are the shapes that the Kubernetes conversions
// write (spec 2.3) and people's usual ones.
func ParseHostPattern(expr string) (hosts []HostPattern, ok bool) {
	expr, anchored := strings.CutPrefix(expr, "^")
	if !anchored || !strings.HasSuffix(expr, "$") {
		return nil, false
	}
	expr = expr[:len(expr)-1]
	p := hostParser{rest: expr}
	if alt, ok := p.alternative(); ok && p.rest == "" {
		return []HostPattern{alt}, true
	}
	p.rest = expr
	if !p.open() {
		return nil, false
	}
	hosts = make([]HostPattern, 0, 1+strings.Count(expr, "|"))
	for {
		alt, ok := p.alternative()
		if !ok {
			return nil, false
		}
		hosts = append(hosts, alt)
		if p.rest == ")" {
			return hosts, true
		}
		if !p.take("|") {
			return nil, false
		}
	}
}

// hostParser reads the grammar above from the front of rest.
type hostParser struct{ rest string }

// take skips s if it comes next.
func (p *hostParser) take(s string) bool {
	rest, ok := strings.CutPrefix(p.rest, s)
	p.rest = rest
	return ok
}

// takeAny skips the first of a and b that comes next.
func (p *hostParser) takeAny(a, b string) bool { return p.take(a) || p.take(b) }

func (p *hostParser) open() bool { return p.takeAny("(?:", "(") }

func (p *hostParser) dot() bool { return p.takeAny("[.]", `\.`) }

func (p *hostParser) alternative() (HostPattern, bool) {
	h := HostPattern{below: p.wild()}
	dot := p.name(&h)
	port, ok := p.port()
	if !ok || h.Name == "" || h.below != nil && !domain(h.Name) {
		return HostPattern{}, false
	}
	h.Forms = forms(dot, port)
	return h, true
}

// name reads the literal part and whether an optional dot follows it.
func (p *hostParser) name(h *HostPattern) (dot bool) {
	var short [64]byte // most names need no memory until they are complete
	name := short[:0]
	for p.rest != "" {
		if p.dot() {
			if p.take("?") {
				dot = true
				break
			}
			name = append(name, '.')
			continue
		}
		if c := p.rest[0]; !nameByte(c) || c == ':' && p.atPort() {
			break
		}
		name = append(name, p.rest[0])
		p.rest = p.rest[1:]
	}
	h.Name = string(name)
	return dot
}

func nameByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '_' || c == ':'
}

// need says whether a part of a host must be there.
type need uint8

const (
	absent need = iota
	optional
	required
)

func (p *hostParser) atPort() bool {
	ahead := *p
	return ahead.digits()
}

func (p *hostParser) digits() bool {
	return p.take(":") && p.takeAny("[0-9]", `\d`) && p.take("+")
}

// port reads the part of an alternative that stands for a port.
func (p *hostParser) port() (need, bool) {
	if p.rest != "" && p.rest[0] == ':' {
		return required, p.digits()
	}
	if !p.open() {
		return absent, true
	}
	if !p.digits() || !p.take(")") {
		return absent, false
	}
	if p.take("?") {
		return optional, true
	}
	return required, true
}

// forms combines an optional dot with a port.
func forms(dot bool, port need) Forms {
	f := Bare
	switch port {
	case optional:
		f = Bare | Port
	case required:
		f = Port
	}
	if dot {
		f |= f << 1
	}
	return f
}

// wild reads a wildcard in front of a domain. It returns nil and reads nothing
// when there is none.
func (p *hostParser) wild() *labels {
	ahead := *p
	group := ahead.open()
	var l labels
	if !ahead.class(&l.class) {
		return nil
	}
	switch {
	case ahead.take("+"):
		l.atLeast = 1
	case ahead.take("*"):
	default:
		return nil
	}
	if !ahead.dot() || group && !ahead.take(")") {
		return nil
	}
	if group {
		switch {
		case ahead.take("?"):
			l.none = true
		case ahead.take("*"):
			l.none, l.many = true, true
		case ahead.take("+"):
			l.many = true
		}
	}
	// Where the labels end would be ambiguous.
	if l.many && l.class.has('.') {
		return nil
	}
	*p = ahead
	return &l
}

// class reads "." or a class in brackets.
func (p *hostParser) class(c *class) bool {
	if p.take(".") {
		c.add('\n', '\n')
		c.invert()
		return true
	}
	if !p.take("[") {
		return false
	}
	inverse := p.take("^")
	if p.take("]") { // "]" in the first place is a character
		return false
	}
	for !p.take("]") {
		if !p.classItem(c) {
			return false
		}
	}
	if inverse {
		c.invert()
	}
	return true
}

func (p *hostParser) classItem(c *class) bool {
	switch {
	case p.take(`\d`):
		c.add('0', '9')
		return true
	case p.take(`\w`):
		c.add('0', '9')
		c.add('A', 'Z')
		c.add('a', 'z')
		c.add('_', '_')
		return true
	}
	lo, ok := p.classByte()
	if !ok {
		return false
	}
	hi := lo
	if len(p.rest) >= 2 && p.rest[0] == '-' && p.rest[1] != ']' {
		p.rest = p.rest[1:]
		if hi, ok = p.classByte(); !ok || hi < lo {
			return false
		}
	}
	c.add(lo, hi)
	return true
}

func (p *hostParser) classByte() (byte, bool) {
	if p.take(`\.`) {
		return '.', true
	}
	if p.take(`\-`) {
		return '-', true
	}
	if p.rest == "" {
		return 0, false
	}
	c := p.rest[0]
	if c <= ' ' || c > '~' || strings.IndexByte(`[]^\`, c) >= 0 {
		return 0, false
	}
	p.rest = p.rest[1:]
	return c, true
}

// domain reports whether name can be the fixed end of a wildcard: labels
// without a port, not too many and not too long.
func domain(name string) bool {
	return len(name) <= maxName && strings.Count(name, ".") < maxLabels &&
		name[0] != '.' && name[len(name)-1] != '.' &&
		!strings.Contains(name, "..") && strings.IndexByte(name, ':') < 0
}
