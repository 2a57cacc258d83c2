package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// FuzzRequest compares what we make of a request with what net/http makes of
// it. Where we accept, net/http must see the same; doc.go lists and argues the
// differences.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n",
		"GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"GET /%41 HTTP/1.1\r\nHost: h\r\nA:\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 64<<10 {
			return
		}
		var r recorder
		s := scripted(string(in))
		serveScript(s, &r, exchange.Limits{})
		if len(r.seen) == 0 {
			return
		}
		compareRequest(t, in, r.seen[0])
	})
}

func compareRequest(t *testing.T, in []byte, got seen) {
	t.Helper()
	// We skip empty lines before a request line (RFC 9112 2.2), net/http does not.
	for range mostEmptyLines {
		in = bytes.TrimPrefix(in, []byte("\r\n"))
	}
	std, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in)))
	if err != nil {
		if differs(in, err) {
			return
		}
		t.Fatalf("we took %q as %+v, net/http says %v", in, got, err)
	}
	if std.Method != got.Method {
		t.Fatalf("method %q, net/http %q", got.Method, std.Method)
	}
	if std.Host != got.Host {
		t.Fatalf("host %q, net/http %q, of %q", got.Host, std.Host, in)
	}
	body, err := io.ReadAll(std.Body)
	if (err != nil) != got.Err || string(body) != got.Body && !got.Err {
		t.Fatalf("body %q (error %v), net/http %q (%v), of %q", got.Body, got.Err, body, err, in)
	}
	for _, f := range got.Fields {
		if f.Kind == message.KindOther && !contains(std.Header.Values(f.Name), f.Value) {
			t.Fatalf("field %q: %q, net/http has %q", f.Name, f.Value, std.Header)
		}
	}
}

func contains(list []string, v string) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// differs reports whether the difference is one that doc.go argues.
func differs(in []byte, err error) bool {
	// net/http takes "//a" as an authority and refuses some of them, and it
	// does not take every URL that RFC 3986 allows after http://.
	text := err.Error()
	return strings.Contains(text, "parse ") || strings.Contains(text, "invalid URI") || strings.Contains(text, "chunked encoding")
}

// FuzzResponse checks that reading a response never panics and never delivers
// more than its framing allows.
func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), false)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), false)
	f.Add([]byte("HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 204 No\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, in []byte, head bool) {
		if len(in) > 64<<10 {
			return
		}
		cl := NewClient(scripted(string(in)), exchange.Limits{})
		req := &message.Request{Method: "GET", RawPath: "/"}
		if head {
			req.Method = "HEAD"
		}
		var resp message.Response
		if cl.Do(req, &resp, &exchange.SendOptions{Host: "h"}) != nil || resp.Body == nil {
			return
		}
		body, err := io.ReadAll(resp.Body)
		std, serr := http.ReadResponse(bufio.NewReader(bytes.NewReader(in)), &http.Request{Method: req.Method})
		if serr != nil || std.StatusCode != resp.Status {
			return // interim responses: net/http returns the first
		}
		want, werr := io.ReadAll(std.Body)
		if err == nil && werr == nil && !bytes.Equal(body, want) {
			t.Fatalf("body %q, net/http %q, of %q", body, want, in)
		}
		if err == nil && werr != nil {
			t.Fatalf("complete for us, net/http says %v, of %q", werr, in)
		}
	})
}

// FuzzChunked checks that decoding does not depend on how the bytes arrive.
func FuzzChunked(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"), 2)
	f.Add([]byte("a;b=c\r\n0123456789\r\n0\r\nT: u\r\n\r\n"), 5)
	f.Fuzz(func(t *testing.T, in []byte, at int) {
		if len(in) == 0 || len(in) > 64<<10 {
			return
		}
		decode := func(parts ...[]byte) (string, error, bool) {
			var c chunked
			var out []byte
			for _, p := range parts {
				p = bytes.Clone(p)
				n, used, err := c.decode(p)
				out = append(out, p[:n]...)
				if err != nil {
					return string(out), err, false
				}
				if used < len(p) {
					break
				}
			}
			return string(out), nil, c.state == chunkDone
		}
		at = ((at % len(in)) + len(in)) % len(in)
		a, aerr, adone := decode(in)
		b, berr, bdone := decode(in[:at], in[at:])
		if a != b || (aerr == nil) != (berr == nil) || adone != bdone {
			t.Fatalf("%q whole: %q %v %v; split at %d: %q %v %v", in, a, aerr, adone, at, b, berr, bdone)
		}
	})
}
