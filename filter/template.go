package filter

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/kit/suggest"
	"fairlead.dev/fairlead/message"
)

// Template is a text with placeholders such as ${request.path}, compiled once
// (spec 1.3). Known placeholders:
//
//	request.method  request.host  request.path  request.rawQuery
//	request.source  request.sourceFromLast  request.clientIP
//	request.header.NAME  request.query.NAME  request.cookie.NAME
//	response.header.NAME
//
// and any other name means a value that the path predicate bound. What is not
// there, or empty, is missing. A "${" without its "}", an empty one and one
// with a brace inside are plain text.
//
// A Template is immutable and safe for concurrent use. The zero Template is the
// empty text.
type Template struct {
	text string
	// parts is empty for a text without placeholders.
	parts []part
}

// part is a piece of text or a placeholder.
type part struct {
	kind partKind
	text string // or the name of the header, parameter, cookie
}

type partKind uint8

const (
	plainText partKind = iota
	method
	host
	path
	rawQuery
	source
	sourceFromLast
	clientIP
	requestHeader
	queryValue
	cookieValue
	responseHeader
	pathParam
)

// placeholders lists the known names; one that ends in a dot needs a name behind.
var placeholders = [...]struct {
	name string
	kind partKind
}{
	{"request.method", method},
	{"request.host", host},
	{"request.path", path},
	{"request.rawQuery", rawQuery},
	{"request.source", source},
	{"request.sourceFromLast", sourceFromLast},
	{"request.clientIP", clientIP},
	{"request.header.", requestHeader},
	{"request.query.", queryValue},
	{"request.cookie.", cookieValue},
	{"response.header.", responseHeader},
}

// NewTemplate compiles text. It fails for placeholders that start with
// "request." or "response." and are none of the known ones: they could never
// have a value.
func NewTemplate(text string) (*Template, error) {
	t := &Template{text: text}
	literal := 0 // start of the plain text that no part holds yet
	for pos := 0; ; {
		start, end, ok := nextPlaceholder(text, pos)
		if !ok {
			break
		}
		p, err := placeholder(text[start+2 : end])
		if err != nil {
			return nil, err
		}
		if literal < start {
			t.parts = append(t.parts, part{text: text[literal:start]})
		}
		t.parts = append(t.parts, p)
		pos, literal = end+1, end+1
	}
	if len(t.parts) > 0 && literal < len(text) {
		t.parts = append(t.parts, part{text: text[literal:]})
	}
	return t, nil
}

// nextPlaceholder finds "${name}" from pos on: text[start:end] is "${name".
func nextPlaceholder(text string, pos int) (start, end int, ok bool) {
	for {
		i := strings.Index(text[pos:], "${")
		if i < 0 {
			return 0, 0, false
		}
		start = pos + i
		i = strings.IndexAny(text[start+2:], "{}")
		if i < 0 {
			return 0, 0, false
		}
		end = start + 2 + i
		if text[end] == '}' && end > start+2 {
			return start, end, true
		}
		pos = start + 2
	}
}

func placeholder(name string) (part, error) {
	for _, p := range placeholders {
		if name == p.name && !strings.HasSuffix(p.name, ".") {
			return part{kind: p.kind}, nil
		}
		if rest, ok := strings.CutPrefix(name, p.name); ok && rest != "" && strings.HasSuffix(p.name, ".") {
			return part{kind: p.kind, text: rest}, nil
		}
	}
	if strings.HasPrefix(name, "request.") || strings.HasPrefix(name, "response.") {
		return part{}, unknownPlaceholder(name)
	}
	return part{kind: pathParam, text: name}, nil
}

func unknownPlaceholder(name string) error {
	known := make([]string, len(placeholders))
	for i, p := range placeholders {
		known[i] = p.name
		// What follows the last dot is free: only the prefixes differ.
		if dot := strings.LastIndexByte(name, '.'); strings.HasSuffix(p.name, ".") && dot > len("response") {
			known[i] += name[dot+1:]
		}
	}
	if n := suggest.Nearest(name, known); n != "" {
		return fmt.Errorf("unknown placeholder %q, did you mean %q?", "${"+name+"}", "${"+n+"}")
	}
	return fmt.Errorf("unknown placeholder %q, expected one of %q", "${"+name+"}", known)
}

// Text returns the text as written.
func (t *Template) Text() string { return t.text }

// Static reports whether there are no placeholders: the text is the value.
func (t *Template) Static() bool { return len(t.parts) == 0 }

// Expand returns the text with the values of c in place of the placeholders.
// Missing values become nothing, and complete is then false. The result may
// hold anything that a client sent; like all strings of a request it ends with
// the exchange. A text without placeholders, and one that is nothing but one
// placeholder, mostly need no allocation.
func (t *Template) Expand(c *Context) (value string, complete bool) {
	switch len(t.parts) {
	case 0:
		return t.text, true
	case 1:
		value = t.parts[0].value(c)
		return value, value != ""
	}
	return t.join(c)
}

func (t *Template) join(c *Context) (string, bool) {
	var few [8]string
	values, size, complete := few[:0], 0, true
	for i := range t.parts {
		v := t.parts[i].value(c)
		if v == "" {
			complete = false
		}
		values = append(values, v)
		size += len(v)
	}
	var b strings.Builder
	b.Grow(size)
	for _, v := range values {
		b.WriteString(v)
	}
	return b.String(), complete
}

// value returns the value of a part; "" means that it is missing.
func (p *part) value(c *Context) string {
	r := c.Request
	switch p.kind {
	case plainText:
		return p.text
	case method:
		return r.Method
	case host:
		return r.Host
	case path:
		return r.Path
	case rawQuery:
		return r.Query
	case source:
		return addrText(r.Source())
	case sourceFromLast:
		return addrText(r.SourceFromLast())
	case clientIP:
		return addrText(r.ClientIP())
	case requestHeader:
		return requestField(r, p.text)
	case queryValue:
		v, _ := message.QueryValue(r.Query, p.text)
		return v
	case cookieValue:
		v, _ := message.Cookie(&r.Header, p.text)
		return v
	case responseHeader:
		if c.Response == nil {
			return ""
		}
		return c.Response.Header.Get(p.text)
	}
	v, _ := c.Params.Get(p.text)
	return v
}

// requestField returns a request header field; the host has one even where the
// protocol does not carry it as a field.
func requestField(r *message.Request, name string) string {
	if v := r.Header.Get(name); v != "" {
		return v
	}
	if message.KindOf(name) == message.KindHost {
		return r.Host
	}
	return ""
}
