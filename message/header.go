package message

import (
	"slices"
	"strings"
)

// Kind classifies the fields that the engine itself has to understand, so that
// no hot path compares names twice.
type Kind uint8

// The field kinds. Anything else is KindOther.
const (
	KindOther            Kind = iota
	KindHost                  // RFC 9110 7.2
	KindContentLength         // RFC 9110 8.6
	KindTransferEncoding      // RFC 9112 6.1
	KindConnection            // RFC 9110 7.6.1
	KindHopByHop              // other connection fields: Keep-Alive, Proxy-Connection, TE, Trailer, ...
	KindUpgrade               // RFC 9110 7.8
	KindExpect                // RFC 9110 10.1.1
)

// Field is one header field, spelled as it was received or set.
type Field struct {
	Name  string
	Value string
	Kind  Kind
}

// Header is an ordered list of fields. Order and spelling are kept; names
// compare without regard to ASCII case (RFC 9110 5.1). The zero Header is
// empty and ready to use.
//
// Strings that were read from a connection are views into its buffer and are
// valid only until the exchange ends: clone (strings.Clone) what must live
// longer.
type Header struct {
	fields []Field
}

// Grow makes room for n more fields at once.
func (h *Header) Grow(n int) { h.fields = slices.Grow(h.fields, n) }

// Len returns the number of fields.
func (h *Header) Len() int { return len(h.fields) }

// At returns the field at index i.
func (h *Header) At(i int) Field { return h.fields[i] }

// Fields returns the fields in order. The slice belongs to h.
func (h *Header) Fields() []Field { return h.fields }

// Get returns the value of the first field called name, or "".
func (h *Header) Get(name string) string {
	for i := range h.fields {
		if EqualName(h.fields[i].Name, name) {
			return h.fields[i].Value
		}
	}
	return ""
}

// Has reports whether a field called name exists.
func (h *Header) Has(name string) bool {
	for i := range h.fields {
		if EqualName(h.fields[i].Name, name) {
			return true
		}
	}
	return false
}

// Values calls yield with the value of each field called name, in order, until
// yield returns false. It is a range function.
func (h *Header) Values(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range h.fields {
			if EqualName(h.fields[i].Name, name) && !yield(h.fields[i].Value) {
				return
			}
		}
	}
}

// Add appends a field. No name or value can end the field and begin another
// one, whoever made it up: control characters in value become spaces, and a
// field whose name is no token is left out.
func (h *Header) Add(name, value string) {
	if !IsToken(name) {
		return
	}
	value = oneLine(value)
	h.fields = append(h.fields, Field{Name: name, Value: value, Kind: KindOf(name)})
}

// AddField appends a field that was checked, with its kind.
func (h *Header) AddField(f Field) { h.fields = append(h.fields, f) }

// Set replaces all fields called name by one. It keeps the place of the first,
// or appends. What Add says about names and values holds here.
func (h *Header) Set(name, value string) {
	if !IsToken(name) {
		return
	}
	value = oneLine(value)
	for i := range h.fields {
		if EqualName(h.fields[i].Name, name) {
			h.fields[i].Name, h.fields[i].Value = name, value
			h.delFrom(i+1, name)
			return
		}
	}
	h.Add(name, value)
}

// Del removes all fields called name.
func (h *Header) Del(name string) { h.delFrom(0, name) }

// DelVariants removes all fields called name, and those that some servers take for
// them: CGI makes one variable of X-User and X_User (RFC 3875 4.1.18), others take
// any byte that is no letter and no digit. What a filter says about who sends a
// request nobody else may say.
func (h *Header) DelVariants(name string) {
	h.DelFunc(func(f Field) bool { return sameVariable(f.Name, name) })
}

func sameVariable(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if foldSeparator(a[i]) != foldSeparator(b[i]) {
			return false
		}
	}
	return true
}

func foldSeparator(c byte) byte {
	if letterOrDigit(c) {
		return c | 0x20 // digits have that bit
	}
	return '-'
}

// DelFunc removes the fields for which drop returns true.
func (h *Header) DelFunc(drop func(Field) bool) {
	kept := h.fields[:0]
	for _, f := range h.fields {
		if !drop(f) {
			kept = append(kept, f)
		}
	}
	clear(h.fields[len(kept):])
	h.fields = kept
}

func (h *Header) delFrom(from int, name string) {
	for i := from; i < len(h.fields); i++ {
		if EqualName(h.fields[i].Name, name) {
			h.compact(i, name)
			return
		}
	}
}

func (h *Header) compact(i int, name string) {
	kept := h.fields[:i]
	for _, f := range h.fields[i:] {
		if !EqualName(f.Name, name) {
			kept = append(kept, f)
		}
	}
	clear(h.fields[len(kept):])
	h.fields = kept
}

// Reset empties h and keeps its memory.
func (h *Header) Reset() {
	clear(h.fields)
	h.fields = h.fields[:0]
}

// Clone returns a copy that shares nothing with h: its strings outlive the
// exchange.
func (h *Header) Clone() Header {
	c := Header{fields: make([]Field, len(h.fields))}
	for i, f := range h.fields {
		c.fields[i] = Field{Name: strings.Clone(f.Name), Value: strings.Clone(f.Value), Kind: f.Kind}
	}
	return c
}

// oneLine returns value with spaces in place of the control characters that no
// field value has (RFC 9110 5.5).
func oneLine(value string) string {
	for i := range len(value) {
		if control(value[i]) {
			return spaced(value)
		}
	}
	return value
}

func spaced(value string) string {
	b := []byte(value)
	for i, c := range b {
		if control(c) {
			b[i] = ' '
		}
	}
	return string(b)
}

func control(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// EqualName reports whether two field names are equal without regard to ASCII
// case.
func EqualName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}

// KindOf classifies a field name.
func KindOf(name string) Kind {
	switch len(name) {
	case 2:
		if EqualName(name, "TE") {
			return KindHopByHop
		}
	case 4:
		if EqualName(name, "Host") {
			return KindHost
		}
	case 6:
		if EqualName(name, "Expect") {
			return KindExpect
		}
	case 7:
		switch name[0] | 0x20 {
		case 'u':
			if EqualName(name, "Upgrade") {
				return KindUpgrade
			}
		case 't':
			if EqualName(name, "Trailer") {
				return KindHopByHop
			}
		}
	case 10:
		switch name[0] | 0x20 {
		case 'c':
			if EqualName(name, "Connection") {
				return KindConnection
			}
		case 'k':
			if EqualName(name, "Keep-Alive") {
				return KindHopByHop
			}
		}
	case 14:
		if EqualName(name, "Content-Length") {
			return KindContentLength
		}
	case 16:
		if EqualName(name, "Proxy-Connection") {
			return KindHopByHop
		}
	case 17:
		if EqualName(name, "Transfer-Encoding") {
			return KindTransferEncoding
		}
	}
	return KindOther
}
