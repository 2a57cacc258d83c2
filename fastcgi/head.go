package fastcgi

import (
	"bytes"
	"errors"
	"strings"
	"unsafe"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// errIncomplete says that the head goes on.
var errIncomplete = errors.New("incomplete head")

// bad returns a *exchange.ProtocolError about the backend.
func bad(detail string, args ...any) error {
	return message.Malformed(message.ReasonBackendMalformed, detail, args...)
}

// parseHead reads the head of a CGI response from b (RFC 3875 6.3). It returns
// the position behind it, or errIncomplete. resp's strings view b.
func parseHead(b []byte, resp *message.Response, lim exchange.Limits) (int, error) {
	h := head{resp: resp}
	resp.ContentLength = message.Unknown
	for pos := 0; ; {
		n := bytes.IndexByte(b[pos:], '\n')
		if n < 0 {
			return 0, errIncomplete
		}
		line := bytes.TrimSuffix(b[pos:pos+n], []byte("\r"))
		pos += n + 1
		if len(line) == 0 {
			return pos, h.end()
		}
		if h.fields++; h.fields > lim.Fields {
			return 0, bad("more than %d header fields", lim.Fields)
		}
		if err := h.line(unsafe.String(&line[0], len(line))); err != nil {
			return 0, err
		}
	}
}

// head is what is known of a head while it is read.
type head struct {
	resp                      *message.Response
	fields                    int
	location, status, counted bool
}

// line reads one field.
func (h *head) line(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !message.IsToken(name) {
		return bad("expected a header field, found %q", message.Show(line))
	}
	value = strings.Trim(value, " \t")
	if !message.Plain(value, true) {
		return bad("control character in field %q", message.Show(name))
	}
	f := message.Field{Name: name, Value: value, Kind: message.KindOf(name)}
	switch {
	case message.EqualName(name, "Status"):
		return h.setStatus(value)
	case f.Kind == message.KindTransferEncoding:
		return bad("Transfer-Encoding in a CGI response")
	case f.Kind == message.KindContentLength:
		n, ok := message.ParseLength(value)
		if !ok || h.counted {
			return bad("Content-Length %q is no number, or not the only one", message.Show(value))
		}
		h.resp.ContentLength, h.counted = n, true
	case f.Kind != message.KindOther:
		return nil // about a connection that there is not
	case message.Lookalike(name):
		return bad("field name %q looks like a framing field", message.Show(name))
	case message.EqualName(name, "Location"):
		h.location = true
	}
	h.resp.Header.AddField(f)
	return nil
}

// setStatus reads the value of Status: three digits and, behind a space, words.
func (h *head) setStatus(v string) error {
	code, reason, _ := strings.Cut(v, " ")
	if h.status || len(code) != 3 {
		return bad("status %q, or more than one", message.Show(v))
	}
	n := 0
	for _, c := range []byte(code) {
		if c < '0' || c > '9' {
			return bad("status %q", message.Show(v))
		}
		n = n*10 + int(c-'0')
	}
	if n < 200 {
		return bad("status %q: CGI has no interim responses", message.Show(v))
	}
	h.resp.Status, h.resp.Reason, h.status = n, reason, true
	return nil
}

// end settles what was left open.
func (h *head) end() error {
	switch {
	case h.fields == 0:
		return bad("a response without a single header field")
	case h.status:
	case h.location:
		h.resp.Status = 302
	default:
		h.resp.Status = 200
	}
	return nil
}

// bodiless reports whether responses of this status never have a body.
func bodiless(status int) bool { return status == 204 || status == 304 }
