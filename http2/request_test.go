package http2

import (
	"io"
	"slices"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// Requests that are refused: with an answer for who can read it and, if they are
// malformed, with RST_STREAM PROTOCOL_ERROR (RFC 9113 8.1.1).
func TestRefusedRequests(t *testing.T) {
	long := strings.Repeat("a", 70<<10)
	tests := []struct {
		name   string
		fields []string
		why    message.Reason
	}{
		{"upper-case name", plain("GET", "X-A", "b"), message.ReasonBadHeaderName},
		{"empty name", plain("GET", "", "b"), message.ReasonBadHeaderName},
		{"space in name", plain("GET", "a b", "c"), message.ReasonBadHeaderName},
		{"colon in name", plain("GET", "a:b", "c"), message.ReasonBadHeaderName},
		{"line end in name", plain("GET", "a\r\nb", "c"), message.ReasonBadHeaderName},
		{"NUL in name", plain("GET", "a\x00", "c"), message.ReasonBadHeaderName},
		{"letters outside ASCII in name", plain("GET", "ä", "c"), message.ReasonBadHeaderName},
		{"looks like a length", plain("GET", "content_length", "3"), message.ReasonBadHeaderName},
		{"looks like a coding", plain("GET", "transfer_encoding", "chunked"), message.ReasonBadHeaderName},
		{"line end in value", plain("GET", "a", "b\r\nc: d"), message.ReasonBadHeaderValue},
		{"line feed in value", plain("GET", "a", "b\nc: d"), message.ReasonBadHeaderValue},
		{"return in value", plain("GET", "a", "b\rc"), message.ReasonBadHeaderValue},
		{"NUL in value", plain("GET", "a", "b\x00"), message.ReasonBadHeaderValue},
		{"control in value", plain("GET", "a", "b\x1f"), message.ReasonBadHeaderValue},
		{"space before value", plain("GET", "a", " b"), message.ReasonBadHeaderValue},
		{"tab behind value", plain("GET", "a", "b\t"), message.ReasonBadHeaderValue},
		{"connection", plain("GET", "connection", "close"), message.ReasonConnectionField},
		{"connection naming a field", plain("GET", "connection", "x-forwarded-for"), message.ReasonConnectionField},
		{"keep-alive", plain("GET", "keep-alive", "1"), message.ReasonConnectionField},
		{"proxy-connection", plain("GET", "proxy-connection", "close"), message.ReasonConnectionField},
		{"upgrade", plain("GET", "upgrade", "websocket"), message.ReasonConnectionField},
		{"transfer-encoding", plain("POST", "transfer-encoding", "chunked"), message.ReasonConnectionField},
		{"TE other than trailers", plain("GET", "te", "gzip"), message.ReasonConnectionField},
		{"TE with trailers", plain("GET", "te", "trailers, gzip"), message.ReasonConnectionField},
		{"unknown pseudo field", plain("GET", ":a", "b"), message.ReasonBadPseudoField},
		{"status in a request", append([]string{":status", "200"}, plain("GET")...), message.ReasonBadPseudoField},
		{"pseudo field behind others", append([]string{"a", "b"}, plain("GET")...), message.ReasonBadPseudoField},
		{"two methods", append([]string{":method", "GET"}, plain("GET")...), message.ReasonBadPseudoField},
		{"two paths", append([]string{":path", "/"}, plain("GET")...), message.ReasonBadPseudoField},
		{"two authorities", append([]string{":authority", "h"}, plain("GET")...), message.ReasonBadPseudoField},
		{"no method", []string{":scheme", "http", ":path", "/", ":authority", "h"}, message.ReasonBadPseudoField},
		{"no scheme", []string{":method", "GET", ":path", "/", ":authority", "h"}, message.ReasonBadPseudoField},
		{"no path", []string{":method", "GET", ":scheme", "http", ":authority", "h"}, message.ReasonBadPseudoField},
		{"strange scheme", []string{":method", "GET", ":scheme", "file", ":path", "/", ":authority", "h"}, message.ReasonBadPseudoField},
		{"scheme with a line end", []string{":method", "GET", ":scheme", "http\r\n", ":path", "/", ":authority", "h"}, message.ReasonBadPseudoField},
		{"protocol without CONNECT", plain("GET", ":protocol", "websocket"), message.ReasonBadPseudoField},
		{"method with a space", plain("GET /x HTTP/1.1"), message.ReasonBadMethod},
		{"empty method", plain(""), message.ReasonBadMethod},
		{"method with a line end", plain("GET\r\n"), message.ReasonBadMethod},
		{"CONNECT", []string{":method", "CONNECT", ":authority", "a:1"}, message.ReasonConnectRefused},
		{"other tunnel", plain("CONNECT", ":protocol", "connect-udp"), message.ReasonUpgradeRefused},
		{"empty path", path(""), message.ReasonBadTarget},
		{"path without a slash", path("a"), message.ReasonBadTarget},
		{"absolute path", path("http://h/"), message.ReasonBadTarget},
		{"asterisk", path("*"), message.ReasonBadTarget},
		{"path with a space", path("/a b"), message.ReasonBadTarget},
		{"path with a version", path("/ HTTP/1.1\r\nx: y"), message.ReasonBadTarget},
		{"path with a tab", path("/a\tb"), message.ReasonBadTarget},
		{"path outside ASCII", path("/ä"), message.ReasonBadTarget},
		{"path with DEL", path("/\x7f"), message.ReasonBadTarget},
		{"wrong percent", path("/%zz"), message.ReasonBadTarget},
		{"NUL in path", path("/%00"), message.ReasonBadTarget},
		{"long path", path("/" + long), message.ReasonURITooLong},
		{"no authority", []string{":method", "GET", ":scheme", "http", ":path", "/"}, message.ReasonMissingHost},
		{"empty authority", []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", ""}, message.ReasonMissingHost},
		{"two hosts", plain("GET", "host", "h", "host", "h"), message.ReasonDuplicateHost},
		{"host differs", plain("GET", "host", "i"), message.ReasonHostMismatch},
		{"user in authority", []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "u@h"}, message.ReasonBadHost},
		{"slash in authority", []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "h/x"}, message.ReasonBadHost},
		{"line end in authority", []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "h\r\nx: y"}, message.ReasonBadHost},
		{"length without a body", plain("POST", "content-length", "1"), message.ReasonConflictingLength},
		{"two lengths", plain("POST", "content-length", "0", "content-length", "0"), message.ReasonConflictingLength},
		{"signed length", plain("POST", "content-length", "+0"), message.ReasonBadContentLength},
		{"list of lengths", plain("POST", "content-length", "0, 0"), message.ReasonBadContentLength},
		{"other expectation", plain("POST", "expect", "200-maybe"), message.ReasonExpectationFailed},
		{"large field", plain("GET", "a", strings.Repeat("b", 100<<10)), message.ReasonHeaderTooLarge},
		{"many fields", plain("GET", slices.Repeat([]string{"a", "b"}, 70)...), message.ReasonTooManyHeaders},
		{"many cookies", plain("GET", slices.Repeat([]string{"cookie", "b"}, 70)...), message.ReasonTooManyHeaders},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &handler{}
			s := listen(t, h, ServerConfig{ServerConfig: exchange.ServerConfig{Limits: exchange.Limits{HeadBytes: 90 << 10, Fields: 60}}}, nil)
			r := dial(t, s)
			id := r.next
			r.next += 2
			block := r.block(tt.fields...)
			first := block[:min(len(block), maxFrame)]
			rest := block[len(first):]
			r.try(r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: true, EndHeaders: len(rest) == 0}))
			for len(rest) > 0 {
				n := min(len(rest), maxFrame)
				r.try(r.fr.WriteContinuation(id, n == len(rest), rest[:n]))
				rest = rest[n:]
			}
			f, _ := r.response(id)
			if want := statusText(tt.why.Status()); f[":status"] != want {
				t.Errorf("answered with %v, want %s", f, want)
			}
			if tt.why.Status() == 400 {
				if code := r.reset(id); code != CodeProtocol {
					t.Errorf("reset with %v", code)
				}
			}
			// The connection, and its header compression, live on.
			if f, _ := r.response(r.open(true, plain("GET")...)); f[":status"] != "200" {
				t.Errorf("the next request is answered with %v", f)
			}
			if got := h.reasons(); !slices.Equal(got, []message.Reason{tt.why}) {
				t.Errorf("refused for %v, want %v", got, tt.why)
			}
			if got := h.requests(); len(got) != 1 {
				t.Errorf("the handler saw %q", got)
			}
		})
	}
}

func path(p string) []string {
	return []string{":method", "GET", ":scheme", "http", ":path", p, ":authority", "h"}
}

func statusText(status int) string {
	return string([]byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)})
}

// Requests that are served, and what the handler sees of them.
func TestRequests(t *testing.T) {
	tests := []struct {
		name   string
		fields []string
		body   string
		want   string
	}{
		{"plain", plain("GET"), "", "GET /? h 0 |"},
		{"query", path("/a?b=c"), "", "GET /a?b=c h 0 |"},
		{"fragment is cut", path("/a#b"), "", "GET /a? h 0 |"},
		{"asterisk", []string{":method", "OPTIONS", ":scheme", "http", ":path", "*", ":authority", "h"}, "", "OPTIONS *? h 0 |"},
		{"Host instead of authority", []string{":method", "GET", ":scheme", "http", ":path", "/", "host", "h"}, "", "GET /? h 0 |host=h "},
		{"Host and authority", plain("GET", "host", "H"), "", "GET /? h 0 |host=H "},
		{"cookies are joined", plain("GET", "cookie", "a=b", "x", "y", "cookie", "c=d", "cookie", "e=f"), "", "GET /? h 0 |cookie=a=b; c=d; e=f x=y "},
		{"trailers accepted", plain("GET", "te", "trailers"), "", "GET /? h 0 |te=trailers "},
		{"body", plain("POST"), "abc", "POST /? h -1 abc|"},
		{"body with length", plain("POST", "content-length", "3"), "abc", "POST /? h 3 abc|content-length=3 "},
		{"bytes above ASCII in a value", plain("GET", "a", "ä"), "", "GET /? h 0 |a=ä "},
		{"empty value", plain("GET", "a", ""), "", "GET /? h 0 |a= "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan string, 1)
			h := &handler{fn: func(d exchange.Downstream) {
				r := &d.Record().Request
				var body []byte
				if r.Body != nil {
					body, _ = io.ReadAll(r.Body)
				}
				seen := r.Method + " " + r.Path + "?" + r.Query + " " + r.Host + " " + decimal(r.ContentLength) + " " + string(body) + "|"
				for _, f := range r.Header.Fields() {
					seen += f.Name + "=" + f.Value + " "
				}
				got <- seen
				_ = d.Reply(&message.Response{Status: 200})
			}}
			r := dial(t, listen(t, h, ServerConfig{}, nil))
			id := r.open(tt.body == "", tt.fields...)
			if tt.body != "" {
				r.try(r.fr.WriteDataPadded(id, false, []byte(tt.body[:1]), make([]byte, 5)))
				r.try(r.fr.WriteData(id, true, []byte(tt.body[1:])))
			}
			if seen := <-got; seen != tt.want {
				t.Errorf("the handler saw %q, want %q", seen, tt.want)
			}
			if f, ended := r.response(id); f[":status"] != "200" || !ended {
				t.Errorf("answered with %v", f)
			}
		})
	}
}

func decimal(n int64) string {
	if n < 0 {
		return "-" + decimal(-n)
	}
	if n < 10 {
		return string(rune('0' + n))
	}
	return decimal(n/10) + decimal(n%10)
}

// Bodies that are not as long as their Content-Length, and trailers that are
// wrong, reset the stream, and the handler is told why.
func TestMalformedBodies(t *testing.T) {
	tests := []struct {
		name string
		send func(r *raw, id uint32) error
		code Code
		why  message.Reason
	}{
		{"too much DATA", func(r *raw, id uint32) error { return r.fr.WriteData(id, false, []byte("abcd")) }, CodeProtocol, message.ReasonConflictingLength},
		{"too little DATA", func(r *raw, id uint32) error { return r.fr.WriteData(id, true, []byte("ab")) }, CodeProtocol, message.ReasonConflictingLength},
		{"an end without DATA", func(r *raw, id uint32) error { return r.fr.WriteData(id, true, nil) }, CodeProtocol, message.ReasonConflictingLength},
		{"trailers too early", func(r *raw, id uint32) error { return r.trailers(id, true, "a", "b") }, CodeProtocol, message.ReasonConflictingLength},
		{"trailers without an end", func(r *raw, id uint32) error { return r.trailers(id, false, "a", "b") }, CodeProtocol, message.ReasonBodyMalformed},
		{"pseudo field in trailers", func(r *raw, id uint32) error { return r.trailers(id, true, ":path", "/") }, CodeProtocol, message.ReasonBadTrailer},
		{"upper case in trailers", func(r *raw, id uint32) error { return r.trailers(id, true, "A", "b") }, CodeProtocol, message.ReasonBadTrailer},
		{"line end in trailers", func(r *raw, id uint32) error { return r.trailers(id, true, "a", "b\r\n") }, CodeProtocol, message.ReasonBadTrailer},
		{"window of 2^31", func(r *raw, id uint32) error { return r.fr.WriteWindowUpdate(id, 1<<31-1) }, CodeFlowControl, message.ReasonBodyMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan error, 1)
			h := &handler{fn: func(d exchange.Downstream) {
				if b := d.Record().Request.Body; b != nil {
					_, _ = io.Copy(io.Discard, b)
					got <- d.BodyError()
				}
				_ = d.Reply(&message.Response{Status: 200})
			}}
			r := dial(t, listen(t, h, ServerConfig{}, nil))
			id := r.open(false, plain("POST", "content-length", "3")...)
			r.try(tt.send(r, id))
			if code := r.reset(id); code != tt.code {
				t.Errorf("reset with %v, want %v", code, tt.code)
			}
			pe, ok := (<-got).(*exchange.ProtocolError)
			if !ok || pe.Reason != tt.why {
				t.Errorf("the body's error is %v, want %v", pe, tt.why)
			}
			if f, _ := r.response(r.open(true, plain("GET")...)); f[":status"] != "200" {
				t.Errorf("the next request is answered with %v", f)
			}
		})
	}
}

func (r *raw) trailers(id uint32, end bool, fields ...string) error {
	return r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: r.block(fields...), EndStream: end, EndHeaders: true})
}
