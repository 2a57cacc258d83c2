package http3

import (
	"strconv"
	"strings"

	"github.com/quic-go/qpack"

	"fairlead.dev/fairlead/message"
)

// encoder makes HEADERS frames. It uses the static table only.
type encoder struct {
	enc   *qpack.Encoder
	block []byte
}

// mostKept bounds the memory that an encoder keeps.
const mostKept = 8 << 10

// Write implements io.Writer for the encoder of qpack.
func (e *encoder) Write(p []byte) (int, error) {
	e.block = append(e.block, p...)
	return len(p), nil
}

func (e *encoder) begin() {
	if e.enc == nil || cap(e.block) > mostKept {
		*e = encoder{}
		e.enc = qpack.NewEncoder(e)
	}
	e.block = e.block[:0]
	_ = e.enc.Close() // never fails; begins a new section
}

// field adds a field. Names are in lower case in HTTP/3.
func (e *encoder) field(name, value string) {
	_ = e.enc.WriteField(qpack.HeaderField{Name: strings.ToLower(name), Value: value}) // as Write: never fails
}

func (e *encoder) status(code int) { e.field(":status", strconv.Itoa(code)) }

// frame appends the HEADERS frame to b.
func (e *encoder) frame(b []byte) []byte {
	return append(appendFrame(b, frameHeaders, uint64(len(e.block))), e.block...)
}

// shape says how a response goes out.
type shape struct {
	length   int64 // of the body, or message.Unknown
	bodiless bool
}

// appendResponse appends the head of resp (RFC 9114 4.3.2): fields in their
// order, connection fields left out.
func (e *encoder) appendResponse(b []byte, resp *message.Response, s shape) []byte {
	e.begin()
	e.status(resp.Status)
	framed := false
	for _, f := range resp.Header.Fields() {
		switch f.Kind {
		case message.KindOther, message.KindHost, message.KindExpect:
			e.field(f.Name, f.Value)
		case message.KindContentLength, message.KindTransferEncoding:
			if !framed {
				framed = true
				e.length(resp, s, f.Kind == message.KindContentLength)
			}
		case message.KindHopByHop:
			if s.length < 0 && message.EqualName(f.Name, "Trailer") {
				e.field(f.Name, f.Value)
			}
		}
	}
	if !framed {
		e.length(resp, s, false)
	}
	return e.frame(b)
}

// length adds the Content-Length field, if there is to be one. said is whether
// the response has one.
func (e *encoder) length(resp *message.Response, s shape, said bool) {
	n := s.length
	switch {
	case s.bodiless && (resp.Status < 200 || resp.Status == 204):
		return
	case s.bodiless:
		// HEAD and 304 say what a GET would have got, when that is known.
		if n = resp.ContentLength; !said {
			return
		}
	}
	if n >= 0 {
		e.field("content-length", strconv.FormatInt(n, 10))
	}
}

// appendInterim appends the head of an interim response.
func (e *encoder) appendInterim(b []byte, status int, h *message.Header) []byte {
	e.begin()
	e.status(status)
	if h != nil {
		for _, f := range h.Fields() {
			if f.Kind == message.KindOther {
				e.field(f.Name, f.Value)
			}
		}
	}
	return e.frame(b)
}

// appendSwitch appends the head that accepts a tunnel (RFC 9220, RFC 8441 5).
func (e *encoder) appendSwitch(b []byte, resp *message.Response) []byte {
	e.begin()
	e.status(200)
	for _, f := range resp.Header.Fields() {
		if f.Kind == message.KindOther && !message.EqualName(f.Name, "Sec-WebSocket-Accept") {
			e.field(f.Name, f.Value)
		}
	}
	return e.frame(b)
}

// appendTrailers appends the trailer section, nothing if there is none.
func (e *encoder) appendTrailers(b []byte, h *message.Header) []byte {
	begun := false
	for _, f := range h.Fields() {
		if !message.TrailerAllowed(f) {
			continue
		}
		if !begun {
			begun = true
			e.begin()
		}
		e.field(f.Name, f.Value)
	}
	if !begun {
		return b
	}
	return e.frame(b)
}
