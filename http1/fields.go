package http1

import (
	"bytes"

	"fairlead.dev/fairlead/message"
)

// framing is what the fields of a head say about the message's length and the
// connection's future (RFC 9112 6 and 9).
type framing struct {
	length     int64 // of Content-Length; -1: none
	chunked    bool
	close      bool // Connection: close
	keepAlive  bool // Connection: keep-alive
	upgrade    bool // Connection: upgrade
	upgradeTo  string
	nominated  bool // Connection names other fields
	expect     bool // Expect: 100-continue
	host       string
	hosts      int
	trailersOK bool // TE: trailers
}

// parseFields reads field lines from b[pos:] up to and including the empty
// line. It returns the position behind it, or errIncomplete.
func parseFields(b []byte, pos int, h *message.Header, f *framing, most int) (int, error) {
	for {
		if pos >= len(b) {
			return 0, errIncomplete
		}
		if b[pos] == '\r' {
			return endOfFields(b, pos)
		}
		start := pos
		for pos < len(b) && token[b[pos]] {
			pos++
		}
		if pos == len(b) {
			return 0, errIncomplete
		}
		if b[pos] != ':' || pos == start {
			return 0, badName(b, start, pos)
		}
		name := view(b[start:pos])
		value, next, err := parseValue(b, pos+1, name)
		if err != nil {
			return 0, err
		}
		pos = next
		if h.Len() >= most {
			return 0, bad(message.ReasonTooManyHeaders, "more than %d header fields", most)
		}
		field := message.Field{Name: name, Value: value, Kind: message.KindOf(name)}
		if field.Kind != message.KindOther {
			if err := f.note(field); err != nil {
				return 0, err
			}
		} else if message.Lookalike(name) {
			return 0, bad(message.ReasonBadHeaderName, "field name %q looks like a framing field", name)
		}
		h.AddField(field)
	}
}

func endOfFields(b []byte, pos int) (int, error) {
	if pos+1 >= len(b) {
		return 0, errIncomplete
	}
	if b[pos+1] != '\n' {
		return 0, bad(message.ReasonBadLineEnding, "carriage return without line feed")
	}
	return pos + 2, nil
}

// badName says why a field line does not start with "name:".
func badName(b []byte, start, pos int) error {
	switch c := b[pos]; {
	case pos == start && (c == ' ' || c == '\t'):
		return bad(message.ReasonFoldedHeader, "a line starts with white space (obsolete folding, RFC 9112 5.2)")
	case pos == start && c == ':':
		return bad(message.ReasonBadHeaderName, "empty field name")
	case pos == start && c == '\n':
		return bad(message.ReasonBadLineEnding, "line feed without carriage return")
	case c == ' ' || c == '\t':
		return bad(message.ReasonBadHeaderName, "white space between field name %q and colon (RFC 9112 5.1)", show(b[start:pos]))
	default:
		return bad(message.ReasonBadHeaderName, "byte 0x%02x in field name %q", c, show(b[start:pos]))
	}
}

// parseValue reads a field value and its line end.
func parseValue(b []byte, pos int, name string) (value string, next int, err error) {
	for pos < len(b) && (b[pos] == ' ' || b[pos] == '\t') {
		pos++
	}
	n := bytes.IndexByte(b[pos:], '\r')
	if n < 0 {
		if !plain(b[pos:], true) {
			return "", 0, bad(message.ReasonBadHeaderValue, "control character in field %q", name)
		}
		return "", 0, errIncomplete
	}
	v := b[pos : pos+n]
	if !plain(v, true) {
		return "", 0, bad(message.ReasonBadHeaderValue, "control character in field %q", name)
	}
	end := pos + n
	if end+1 >= len(b) {
		return "", 0, errIncomplete
	}
	if b[end+1] != '\n' {
		return "", 0, bad(message.ReasonBadHeaderValue, "carriage return without line feed in field %q", name)
	}
	return view(trim(v)), end + 2, nil
}

// note takes one field into account.
func (f *framing) note(field message.Field) error {
	v := field.Value
	switch field.Kind {
	case message.KindHost:
		f.hosts++
		f.host = v
	case message.KindContentLength:
		if f.length >= 0 {
			return bad(message.ReasonConflictingLength, "more than one Content-Length")
		}
		n, ok := message.ParseLength(v)
		if !ok {
			return bad(message.ReasonBadContentLength, "Content-Length %q is not a number", show([]byte(v)))
		}
		f.length = n
	case message.KindTransferEncoding:
		if f.chunked || !message.EqualName(v, "chunked") {
			return bad(message.ReasonBadTransferEncoding, "Transfer-Encoding %q, only a single \"chunked\" is understood", show([]byte(v)))
		}
		f.chunked = true
	case message.KindConnection:
		f.connection(v)
	case message.KindUpgrade:
		f.upgradeTo = v
	case message.KindExpect:
		if !message.EqualName(v, "100-continue") {
			return bad(message.ReasonExpectationFailed, "Expect %q", show([]byte(v)))
		}
		f.expect = true
	case message.KindHopByHop:
		if message.EqualName(field.Name, "TE") {
			f.trailersOK = message.HasToken(v, "trailers")
		}
	}
	return nil
}

func (f *framing) connection(v string) {
	for t := range message.Tokens(v) {
		switch {
		case message.EqualName(t, "close"):
			f.close = true
		case message.EqualName(t, "keep-alive"):
			f.keepAlive = true
		case message.EqualName(t, "upgrade"):
			f.upgrade = true
		default:
			f.nominated = true
		}
	}
}
