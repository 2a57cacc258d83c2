package http1

import (
	"bytes"
	"strings"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// mostEmptyLines before a request line are skipped (RFC 9112 2.2).
const mostEmptyLines = 2

// parseRequest reads a request head from b. It returns the position behind the
// head, or errIncomplete. req's strings view b.
func parseRequest(b []byte, req *message.Request, f *framing, lim exchange.Limits) (int, error) {
	pos, err := skipEmptyLines(b)
	if err != nil {
		return 0, err
	}
	pos, target, err := parseRequestLine(b, pos, req, lim)
	if err != nil {
		return 0, err
	}
	*f = framing{length: -1}
	pos, err = parseFields(b, pos, &req.Header, f, lim.Fields)
	if err != nil {
		return 0, err
	}
	if err := parseTarget(target, req, f); err != nil {
		return 0, err
	}
	return pos, frameRequest(req, f)
}

func skipEmptyLines(b []byte) (int, error) {
	for pos := 0; ; pos += 2 {
		switch {
		case pos >= len(b):
			return 0, errIncomplete
		case b[pos] != '\r':
			return pos, nil
		case pos+1 >= len(b):
			return 0, errIncomplete
		case b[pos+1] != '\n' || pos >= 2*mostEmptyLines:
			return 0, bad(message.ReasonBadRequestLine, "expected a request line")
		}
	}
}

// parseRequestLine reads `method SP target SP HTTP/1.x CRLF` (RFC 9112 3).
func parseRequestLine(b []byte, pos int, req *message.Request, lim exchange.Limits) (int, []byte, error) {
	start := pos
	for pos < len(b) && token[b[pos]] && pos-start < message.LongestMethod {
		pos++
	}
	if pos == len(b) {
		return 0, nil, errIncomplete
	}
	if b[start] == 0x16 {
		return 0, nil, bad(message.ReasonTLSOnPlainPort, "a TLS handshake on a plain port")
	}
	if b[pos] != ' ' || pos == start {
		return 0, nil, bad(message.ReasonBadMethod, "the request line starts with %q", show(b[start:min(len(b), pos+1)]))
	}
	req.Method = view(b[start:pos])
	pos++
	start = pos
	end := bytes.IndexByte(b[pos:], ' ')
	line := b[pos:]
	if end >= 0 {
		line = b[pos : pos+end]
	}
	if err := message.CheckTarget(view(line), lim.LineBytes); err != nil {
		return 0, nil, err
	}
	if end < 0 {
		return 0, nil, errIncomplete
	}
	if end == 0 {
		return 0, nil, bad(message.ReasonBadTarget, "empty request target")
	}
	pos += end + 1
	pos, err := parseVersion(b, pos, req)
	return pos, b[start : start+end], err
}

const versionLine = len("HTTP/1.1\r\n")

func parseVersion(b []byte, pos int, req *message.Request) (int, error) {
	v := b[pos:min(len(b), pos+versionLine)]
	const want = "HTTP/"
	if n := min(len(v), len(want)); string(v[:n]) != want[:n] {
		return 0, bad(message.ReasonBadRequestLine, "expected the version HTTP/1.1, found %q", show(v))
	}
	if len(v) >= 8 {
		digit := func(c byte) bool { return c >= '0' && c <= '9' }
		if !digit(v[5]) || v[6] != '.' || !digit(v[7]) {
			return 0, bad(message.ReasonBadRequestLine, "malformed version %q", show(v[:8]))
		}
		if v[5] != '1' || v[7] > '1' {
			return 0, bad(message.ReasonBadVersion, "version %q, only HTTP/1.0 and HTTP/1.1 are spoken here", show(v[:8]))
		}
	}
	if len(v) > 8 && v[8] != '\r' || len(v) > 9 && v[9] != '\n' {
		return 0, bad(message.ReasonBadRequestLine, "expected the end of the line behind the version")
	}
	if len(v) < versionLine {
		return 0, errIncomplete
	}
	req.Major, req.Minor = 1, v[7]-'0'
	return pos + versionLine, nil
}

// parseTarget splits the target (RFC 9112 3.2) and settles the host.
func parseTarget(target []byte, req *message.Request, f *framing) error {
	if req.Method == "CONNECT" {
		return bad(message.ReasonConnectRefused, "CONNECT: this is not a forward proxy")
	}
	t := view(target)
	authority, absolute := "", false
	switch {
	case t[0] == '/':
	case t == "*" && req.Method == "OPTIONS":
		req.Path, req.RawPath = "*", "*"
		return settleHost(req, f, "", false)
	default:
		var err error
		if authority, t, err = cutAbsolute(t); err != nil {
			return err
		}
		absolute = true
	}
	if err := req.SetTarget(t); err != nil {
		return err
	}
	return settleHost(req, f, authority, absolute)
}

// cutAbsolute splits "http://host/path" into host and "/path".
func cutAbsolute(t string) (authority, rest string, err error) {
	i := strings.Index(t, "://")
	if i < 0 || !(message.EqualName(t[:i], "http") || message.EqualName(t[:i], "https")) {
		return "", "", bad(message.ReasonBadTarget, "request target %q is neither a path nor an http URL", show([]byte(t)))
	}
	rest = t[i+3:]
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, rest = rest[:end], rest[end:]
	if authority == "" || strings.IndexByte(authority, '@') >= 0 {
		return "", "", bad(message.ReasonBadTarget, "request target with an unusable authority %q", show([]byte(authority)))
	}
	return authority, rest, nil
}

// settleHost makes sure that there is one host, and only one opinion about it
// (RFC 9112 3.2).
func settleHost(req *message.Request, f *framing, authority string, absolute bool) error {
	if f.hosts == 0 && req.Minor > 0 {
		return bad(message.ReasonMissingHost, "an HTTP/1.1 request needs a Host field")
	}
	h := message.Hosts{Authority: authority, HasAuthority: absolute, Field: f.host, Fields: f.hosts}
	host, err := h.Settle()
	req.Host = host
	return err
}

// frameRequest decides how long the body is (RFC 9112 6.3).
func frameRequest(req *message.Request, f *framing) error {
	switch {
	case f.chunked && f.length >= 0:
		return bad(message.ReasonConflictingLength, "both Transfer-Encoding and Content-Length")
	case f.chunked && req.Minor == 0:
		return bad(message.ReasonBadTransferEncoding, "Transfer-Encoding in an HTTP/1.0 request")
	case f.chunked:
		req.ContentLength = message.Unknown
	default:
		req.ContentLength = max(f.length, 0)
	}
	return nil
}

// persistent reports whether the client wants the connection to live on.
func (f *framing) persistent(minor uint8) bool {
	if minor == 0 {
		return f.keepAlive && !f.close
	}
	return !f.close
}
