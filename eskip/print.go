package eskip

import (
	"io"
	"strconv"
)

// Printer writes routes as text. The zero Printer writes one line per route.
type Printer struct {
	// Pretty starts a new line before every "->" and leaves an empty line
	// between routes.
	Pretty bool
	// Indent stands before those arrows; "" means two spaces.
	Indent string
}

// Print writes routes as a document that Parse reads back exactly: a lone route
// without an id as an expression, all others as definitions. In a list every
// route needs an id. There is no newline at the end.
func Print(routes ...*Route) string { return string(Printer{}.Append(nil, routes...)) }

// Append appends to b what Print returns.
func (o Printer) Append(b []byte, routes ...*Route) []byte {
	joint := o.joint()
	if len(routes) == 1 && routes[0].ID == "" {
		return routes[0].append(b, joint)
	}
	for i, r := range routes {
		b = o.definition(b, i, r, joint)
	}
	return b
}

// printBuffer is how much Print gathers before it writes.
const printBuffer = 64 << 10

// Print writes routes to w as the function Print does, in pieces. It returns
// the error of w.
func (o Printer) Print(w io.Writer, routes ...*Route) error {
	if len(routes) == 1 {
		_, err := w.Write(o.Append(nil, routes[0]))
		return err
	}
	joint := o.joint()
	b := make([]byte, 0, printBuffer+printBuffer/4)
	for i, r := range routes {
		b = o.definition(b, i, r, joint)
		if len(b) < printBuffer && i < len(routes)-1 {
			continue
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	return nil
}

// joint is what stands between the parts of a route.
func (o Printer) joint() string {
	switch {
	case !o.Pretty:
		return " -> "
	case o.Indent == "":
		return "\n  -> "
	}
	return "\n" + o.Indent + "-> "
}

func (o Printer) definition(b []byte, i int, r *Route, joint string) []byte {
	if i > 0 {
		b = append(b, '\n')
		if o.Pretty {
			b = append(b, '\n')
		}
	}
	b = append(b, r.ID...)
	b = append(b, ": "...)
	return append(r.append(b, joint), ';')
}

// String writes the route without its id, on one line.
func (r *Route) String() string { return string(r.append(nil, " -> ")) }

func (r *Route) append(b []byte, joint string) []byte {
	start := len(b)
	for i := range r.Predicates {
		if isAny(&r.Predicates[i]) {
			continue
		}
		if len(b) > start {
			b = append(b, " && "...)
		}
		b = r.Predicates[i].append(b)
	}
	if len(b) == start {
		b = append(b, '*')
	}
	b = append(b, joint...)
	for i := range r.Filters {
		b = append(r.Filters[i].append(b), joint...)
	}
	return r.Backend.append(b)
}

// String writes the call as it stands in a document.
func (c Call) String() string { return string(c.append(nil)) }

// Append appends what String returns to b.
func (c Call) Append(b []byte) []byte { return c.append(b) }

func (c *Call) append(b []byte) []byte {
	b = append(b, c.Name...)
	b = append(b, '(')
	for i, a := range c.Args {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = a.append(b)
	}
	return append(b, ')')
}

// String writes the argument as it stands in a document.
func (a Arg) String() string { return string(a.append(nil)) }

// append writes numbers in full, without an exponent: the peer's grammar has
// none (spec 1.5).
func (a Arg) append(b []byte) []byte {
	if a.Kind == NumberArg {
		return strconv.AppendFloat(b, a.Number, 'f', -1, 64)
	}
	return appendQuoted(b, a.Text)
}

// String writes the backend as it stands in a document.
func (b Backend) String() string { return string(b.append(nil)) }

func (b *Backend) append(out []byte) []byte {
	switch b.Type {
	case Shunt:
		return append(out, "<shunt>"...)
	case Loopback:
		return append(out, "<loopback>"...)
	case Dynamic:
		return append(out, "<dynamic>"...)
	case Forward:
		return append(out, "<forward>"...)
	case LB:
		return b.appendEndpoints(out)
	}
	return appendQuoted(out, b.Address)
}

func (b *Backend) appendEndpoints(out []byte) []byte {
	out = append(out, '<')
	if b.Algorithm != "" {
		out = append(out, b.Algorithm...)
		out = append(out, ", "...)
	}
	for i, e := range b.Endpoints {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = appendQuoted(out, e.String())
	}
	return append(out, '>')
}

// appendQuoted writes s in double quotes. Every backslash is escaped: one that
// is not would be read as part of an escape, or stay by luck.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	done := 0
	for i := range len(s) {
		e := escape(s[i])
		if e == 0 {
			continue
		}
		b = append(b, s[done:i]...)
		b = append(b, '\\', e)
		done = i + 1
	}
	b = append(b, s[done:]...)
	return append(b, '"')
}

// escape returns what stands for c behind a backslash, 0 when c stands for
// itself.
func escape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\a', '\b', '\t', '\n', '\v', '\f', '\r':
		return "abtnvfr"[c-'\a']
	}
	return 0
}
