package fastcgi_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/fastcgi"
)

// record is a record as a backend sends it.
func record(kind byte, content string) string {
	return string([]byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), 0, 0}) + content
}

// ends is END_REQUEST.
func ends(app, status byte) string { return record(3, string([]byte{0, 0, 0, app, status, 0, 0, 0})) }

// out is STDOUT with its end, and END_REQUEST.
func out(text string) string { return record(6, text) + record(6, "") + ends(0, 0) }

// TestResponses lists what backends send, good and bad.
func TestResponses(t *testing.T) {
	padded := string([]byte{1, 6, 0, 1, 0, 2, 5, 0}) + "hi" + "\x00\x00\x00\x00\x00"
	big := "X: " + strings.Repeat("a", 3000) + "\n\n" + strings.Repeat("b", 5000)
	for _, c := range []struct {
		name, sends string
		method      string
		status      int
		body        string
		fails       string // in the error of Do
		cut         string // in the error of the body
	}{
		{name: "plain", sends: out("Content-Type: text/plain\r\n\r\nhello"), status: 200, body: "hello"},
		{name: "line feeds alone", sends: out("Content-Type: text/plain\n\nhello"), status: 200, body: "hello"},
		{name: "status", sends: out("Status: 404 Not Found\r\nX: y\r\n\r\nno"), status: 404, body: "no"},
		{name: "status alone", sends: out("status: 503\r\n\r\n"), status: 503},
		{name: "location", sends: out("Location: /a\r\n\r\n"), status: 302},
		{name: "location and status", sends: out("Location: /a\r\nStatus: 307\r\n\r\n"), status: 307},
		{name: "in pieces", sends: record(6, "Content-T") + record(7, "warning") + record(6, "ype: a/b\r\n\r") + record(6, "\nhe") + padded + out("llo"), status: 200, body: "hehillo"},
		{name: "a long head", sends: out(big), status: 200, body: strings.Repeat("b", 5000)},
		{name: "a length", sends: out("Content-Length: 3\r\n\r\nabc"), status: 200, body: "abc"},
		{name: "more than the length", sends: out("Content-Length: 3\r\n\r\nabcdef"), status: 200, body: "abc"},
		{name: "less than the length", sends: out("Content-Length: 3\r\n\r\nab"), status: 200, body: "ab", cut: "before its Content-Length"},
		{name: "HEAD", method: "HEAD", sends: out("Content-Length: 3\r\n\r\n"), status: 200},
		{name: "204", sends: out("Status: 204\r\n\r\n"), status: 204},
		{name: "304 with a body", sends: out("Status: 304\r\nETag: a\r\n\r\nwhat"), status: 304},
		{name: "connection fields", sends: out("Connection: close\r\nKeep-Alive: x\r\nUpgrade: y\r\nX: y\r\n\r\nhello"), status: 200, body: "hello"},
		{name: "management records and unknown ones", sends: "\x01\x0a\x00\x00\x00\x02\x00\x00xx" + record(99, "what") + out("X: y\r\n\r\nhello"), status: 200, body: "hello"},
		{name: "without END_REQUEST", sends: record(6, "X: y\r\n\r\nhello") + record(6, ""), status: 200, body: "hello", cut: "ended within"},
		{name: "cut in a record", sends: record(6, "X: y\r\n\r\nhello")[:20], status: 200, body: "hell", cut: "ended within"},
		{name: "refused in the body", sends: record(6, "X: y\r\n\r\nhe") + ends(0, 1), status: 200, body: "he", cut: "protocol status 1"},

		{name: "nothing", sends: "", fails: "ended within"},
		{name: "no FastCGI", sends: "HTTP/1.1 400 Bad Request\r\n\r\n", fails: "no FastCGI"},
		{name: "another request", sends: "\x01\x06\x00\x02\x00\x01\x00\x00a", fails: "request 2"},
		{name: "a stream without a request", sends: "\x01\x06\x00\x00\x00\x01\x00\x00a", fails: "without a request"},
		{name: "a short END_REQUEST", sends: record(3, "abc"), fails: "END_REQUEST with 3 bytes"},
		{name: "an end and no head", sends: ends(9, 0), fails: "ended with status 9"},
		{name: "half a head", sends: out("Content-Type: a"), fails: "without a response"},
		{name: "an empty head", sends: out("\r\nhello"), fails: "without a single header field"},
		{name: "overloaded", sends: ends(0, 2), fails: "overloaded"},
		{name: "multiplexing", sends: ends(0, 1), fails: "protocol status 1"},
		{name: "no field", sends: out("hello\r\n\r\n"), fails: "expected a header field"},
		{name: "folded", sends: out("X: y\r\n z\r\n\r\n"), fails: "expected a header field"},
		{name: "a space before the colon", sends: out("X : y\r\n\r\n"), fails: "expected a header field"},
		{name: "control character", sends: out("X: a\x00b\r\n\r\n"), fails: "control character"},
		{name: "carriage return", sends: out("X: a\rSet-Cookie: b\r\n\r\n"), fails: "control character"},
		{name: "two statuses", sends: out("Status: 200\r\nStatus: 200\r\n\r\n"), fails: "more than one"},
		{name: "interim", sends: out("Status: 101\r\n\r\n"), fails: "interim"},
		{name: "a bad status", sends: out("Status: 2x0\r\n\r\n"), fails: `status "2x0"`},
		{name: "a long status", sends: out("Status: 2000\r\n\r\n"), fails: `status "2000"`},
		{name: "two lengths", sends: out("Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), fails: "not the only one"},
		{name: "a bad length", sends: out("Content-Length: -3\r\n\r\nabc"), fails: "is no number"},
		{name: "chunks", sends: out("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), fails: "Transfer-Encoding"},
		{name: "a lookalike", sends: out("Content_Length: 3\r\n\r\nabc"), fails: "looks like"},
		{name: "a head without end", sends: record(6, "X: "+strings.Repeat("a", 30000)) + record(6, strings.Repeat("a", 60000)), fails: "more than 65536 bytes"},
		{name: "too many fields", sends: out(strings.Repeat("X: y\n", 51) + "\n"), fails: "more than 50 header fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := raw(t, func(nc net.Conn) {
				if readRequest(nc) == nil {
					_, _ = io.WriteString(nc, c.sends)
				}
			})
			req := get("/")
			if c.method != "" {
				req.Method = c.method
			}
			a := do(dial(t, addr, fastcgi.Config{Limits: exchange.Limits{HeadBytes: 1 << 16, Fields: 50}}), req, nil)
			if c.fails != "" {
				if a.err == nil || a.Status != 0 && a.body != "" || !strings.Contains(a.err.Error(), c.fails) {
					t.Errorf("got %d, %v, want an error with %q", a.Status, a.err, c.fails)
				}
				return
			}
			if a.Status != c.status || a.body != c.body {
				t.Errorf("got %d %q, want %d %q", a.Status, a.body, c.status, c.body)
			}
			if (a.err == nil) != (c.cut == "") || a.err != nil && !strings.Contains(a.err.Error(), c.cut) {
				t.Errorf("the body ended with %v, want %q", a.err, c.cut)
			}
			if a.Header.Has("Connection") || a.Header.Has("Keep-Alive") || a.Header.Has("Status") {
				t.Errorf("fields that are not for clients: %v", a.Header.Fields())
			}
			if a.finish {
				t.Error("the connection is kept, and nobody asked for it")
			}
		})
	}
}

// readRequest reads records up to the end of STDIN.
func readRequest(r io.Reader) error {
	for {
		var h [8]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return err
		}
		n := int(h[4])<<8 | int(h[5])
		if _, err := io.CopyN(io.Discard, r, int64(n)+int64(h[6])); err != nil {
			return err
		}
		if h[1] == 5 && n == 0 {
			return nil
		}
	}
}
