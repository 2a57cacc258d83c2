package http1

import (
	"bytes"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// untilClose as a body length means that the end of the connection ends the
// body (RFC 9112 6.3, rule 8).
const untilClose int64 = -2

// parseResponse reads a response head from b; head says that the request was a
// HEAD. It returns the position behind the head and the body's length (or
// message.Unknown for chunked, or untilClose), or errIncomplete. resp's strings
// view b.
func parseResponse(b []byte, resp *message.Response, f *framing, head bool, lim exchange.Limits) (pos int, length int64, err error) {
	pos, minor, err := parseStatusLine(b, resp)
	if err != nil {
		return 0, 0, err
	}
	*f = framing{length: -1}
	pos, err = parseFields(b, pos, &resp.Header, f, lim.Fields)
	if err != nil {
		return 0, 0, err
	}
	if f.chunked && f.length >= 0 {
		return 0, 0, bad(message.ReasonConflictingLength, "both Transfer-Encoding and Content-Length")
	}
	if f.chunked && minor == 0 {
		return 0, 0, bad(message.ReasonBadTransferEncoding, "Transfer-Encoding in an HTTP/1.0 response")
	}
	f.close = !f.persistent(minor)
	resp.ContentLength = f.length // -1 is message.Unknown
	switch {
	case bodiless(resp.Status) || head:
		length = 0
		if resp.Status != 304 && !head {
			resp.ContentLength = 0
		}
	case f.chunked:
		length = message.Unknown
	case f.length >= 0:
		length = f.length
	default:
		length = untilClose
		f.close = true
	}
	return pos, length, nil
}

// bodiless reports whether responses of this status never have a body.
func bodiless(status int) bool { return status < 200 || status == 204 || status == 304 }

// parseStatusLine reads `HTTP/1.x SP 3DIGIT SP reason CRLF` (RFC 9112 4).
func parseStatusLine(b []byte, resp *message.Response) (pos int, minor uint8, err error) {
	const shortest = len("HTTP/1.1 200")
	const want = "HTTP/1."
	if n := min(len(b), len(want)); string(b[:n]) != want[:n] {
		return 0, 0, bad(message.ReasonBackendMalformed, "expected a status line, found %q", show(b))
	}
	if len(b) < shortest {
		return 0, 0, errIncomplete
	}
	if b[7] != '0' && b[7] != '1' || b[8] != ' ' {
		return 0, 0, bad(message.ReasonBackendMalformed, "malformed status line %q", show(b[:shortest]))
	}
	status := 0
	for _, c := range b[9:shortest] {
		if c < '0' || c > '9' {
			return 0, 0, bad(message.ReasonBackendMalformed, "malformed status in %q", show(b[:shortest]))
		}
		status = status*10 + int(c-'0')
	}
	if status < 100 {
		return 0, 0, bad(message.ReasonBackendMalformed, "status %d", status)
	}
	rest := b[shortest:]
	n := bytes.IndexByte(rest, '\r')
	if n < 0 {
		if !plain(rest, true) {
			return 0, 0, bad(message.ReasonBackendMalformed, "control character in the status line")
		}
		return 0, 0, errIncomplete
	}
	if !plain(rest[:n], true) || (n > 0 && rest[0] != ' ') {
		return 0, 0, bad(message.ReasonBackendMalformed, "malformed reason phrase")
	}
	if n+1 >= len(rest) {
		return 0, 0, errIncomplete
	}
	if rest[n+1] != '\n' {
		return 0, 0, bad(message.ReasonBackendMalformed, "carriage return without line feed in the status line")
	}
	resp.Status = status
	if n > 1 {
		resp.Reason = view(rest[1:n])
	}
	return shortest + n + 2, b[7] - '0', nil
}
