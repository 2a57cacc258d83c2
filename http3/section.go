package http3

import (
	"errors"
	"io"

	"github.com/quic-go/qpack"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// fieldOverhead is what a field costs beyond its name and value (RFC 9114 4.2.2).
const fieldOverhead = 32

// mostPseudo is the number of pseudo-header fields that there are (RFC 9114
// 4.3.1, RFC 9220 3).
const mostPseudo = 5

// The bounds of trailers, as HTTP/1 has them.
const (
	mostTrailerBytes  = 16 << 10
	mostTrailerFields = 100
)

// decodeSection decodes a field section and calls field for each field, in order.
// It stops at the first field that is too much: without a dynamic table nothing
// depends on the rest (CVE-2025-64702, CVE-2026-40898). The error is a
// *ConnError when the section cannot be decoded, otherwise a *ProtocolError.
func decodeSection(block []byte, lim exchange.Limits, field func(name, value string) error) error {
	next := qpack.NewDecoder().Decode(block)
	size, fields := 0, 0
	for {
		f, err := next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return connError(CodeDecompression, "field section: %v", err)
		}
		size += len(f.Name) + len(f.Value) + fieldOverhead
		if size > lim.HeadBytes {
			return message.Malformed(message.ReasonHeaderTooLarge, "the fields have more than %d bytes", lim.HeadBytes)
		}
		if fields++; fields > lim.Fields+mostPseudo {
			return message.Malformed(message.ReasonTooManyHeaders, "more than %d header fields", lim.Fields)
		}
		if err := field(f.Name, f.Value); err != nil {
			return err
		}
	}
}

// checkField checks name and value of a field that is no pseudo-header field
// (RFC 9114 4.2, 10.3). What passes can be written as a line of HTTP/1.
func checkField(name, value string) error {
	switch {
	case !message.IsToken(name):
		return message.Malformed(message.ReasonBadHeaderName, "field name %q is not a token", message.Show(name))
	case hasUpper(name):
		return message.Malformed(message.ReasonBadHeaderName, "field name %q has upper-case letters", message.Show(name))
	case !message.Plain(value, true):
		return message.Malformed(message.ReasonBadHeaderValue, "control character in field %q", message.Show(name))
	case value != "" && (blank(value[0]) || blank(value[len(value)-1])):
		return message.Malformed(message.ReasonBadHeaderValue, "white space around the value of field %q", message.Show(name))
	case message.Lookalike(name):
		return message.Malformed(message.ReasonBadHeaderName, "field name %q looks like a framing field", name)
	}
	return nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

func hasUpper(s string) bool {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return true
		}
	}
	return false
}

// decodeTrailers adds the fields of a trailer section that may stand there to h.
func decodeTrailers(block []byte, h *message.Header) error {
	lim := exchange.Limits{HeadBytes: mostTrailerBytes, Fields: mostTrailerFields}
	err := decodeSection(block, lim, func(name, value string) error {
		if err := checkField(name, value); err != nil {
			return err
		}
		if f := (message.Field{Name: name, Value: value, Kind: message.KindOf(name)}); message.TrailerAllowed(f) {
			h.AddField(f)
		}
		return nil
	})
	var pe *message.ProtocolError
	if errors.As(err, &pe) {
		return message.Malformed(message.ReasonBadTrailer, "trailers: %s", pe.Detail)
	}
	return err
}
