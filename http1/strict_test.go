package http1

import (
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/exchange"
)

// TestNoSecondMeaning feeds input that some server somewhere reads in another
// way. Nothing of it may be answered 2xx, at whatever place the packets are cut.
func TestNoSecondMeaning(t *testing.T) {
	const post = "POST / HTTP/1.1\r\nHost: h\r\n"
	const chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
	for _, in := range []string{
		// Chunks.
		chunked + "2;\r\naa\r\n0\r\n\r\n",
		chunked + "2;;a\r\naa\r\n0\r\n\r\n",
		chunked + "2;a=\r\naa\r\n0\r\n\r\n",
		chunked + "2;=a\r\naa\r\n0\r\n\r\n",
		chunked + "2;a=b=c\r\naa\r\n0\r\n\r\n",
		chunked + "2;a \r\naa\r\n0\r\n\r\n",
		chunked + "2;a=\"b\"\r\naa\r\n0\r\n\r\n",
		chunked + "2 ;a\r\naa\r\n0\r\n\r\n",
		chunked + "2;a\n\r\naa\r\n0\r\n\r\n",
		chunked + "2;a\naa\r\n0\r\n\r\n",
		chunked + "2 a\r\naa\r\n0 b\r\n\r\n",
		chunked + "2 \r\naa\r\n0\r\n\r\n",
		chunked + "2\naa\r\n0\r\n\r\n",
		chunked + "2\r\naa\n0\r\n\r\n",
		chunked + "2\r\naa0\r\n\r\n",
		chunked + "2\r\naaa\r\n0\r\n\r\n",
		chunked + "2\r\raa\r\n0\r\n\r\n",
		chunked + "\r\n2\r\naa\r\n0\r\n\r\n",
		chunked + "+2\r\naa\r\n0\r\n\r\n",
		chunked + "-2\r\naa\r\n0\r\n\r\n",
		chunked + "0x2\r\naa\r\n0\r\n\r\n",
		chunked + "2_\r\naa\r\n0\r\n\r\n",
		chunked + "ffffffffffffffff2\r\naa\r\n0\r\n\r\n",
		chunked + "0000000000000000000002\r\naa\r\n0\r\n\r\n",
		chunked + "2\r\naa\r\n\r\n",
		chunked + "0\r\nA: b\n\r\n",
		chunked + "0\r\nA b\r\n\r\n",
		chunked + "0\r\n A: b\r\n\r\n",
		chunked + "0\r\nA: b\r\n c\r\n\r\n",
		chunked + "0\r\nContent-Length: 3, 4\r\n\r\n",
		// Lengths.
		post + "Content-Length: 2, 2\r\n\r\naa",
		post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\naa",
		post + "Content-Length:\r\n\r\naa",
		post + "Content-Length: 0x2\r\n\r\naa",
		post + "Content-Length: 2\xa0\r\n\r\naa",
		post + "Content-Length: -2\r\n\r\naa",
		post + "Content-Length: 2_\r\n\r\naa",
		post + "Content-Length\t: 2\r\n\r\naa",
		post + "content_length: 2\r\n\r\naa",
		post + "Transfer-Encoding:\r\nContent-Length: 2\r\n\r\naa",
		post + "Transfer-Encoding: identity\r\n\r\n",
		post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding\x00: chunked\r\n\r\n0\r\n\r\n",
		post + "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		post + "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		// Names and values.
		post + "\r\r\n",
		post + "\rX: y\r\n\r\n",
		post + "A\xc3\xa4: b\r\n\r\n",
		post + "A@b: c\r\n\r\n",
		post + "A(b): c\r\n\r\n",
		post + "A: b\x7f\r\n\r\n",
		post + "A\r\n\r\n",
		post + "A\r\n : b\r\n\r\n",
		// Request lines.
		"GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /?\xff HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /  HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
		"GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n",
		" GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\n Host: h\r\n\r\n",
		"GET / http/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.10\r\nHost: h\r\n\r\n",
		"GET / HTTP/01.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/0.9\r\nHost: h\r\n\r\n",
		"GET /\r\n\r\n",
		"GET a HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET * HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET ?a HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n",
		"GET http:///a HTTP/1.1\r\nHost: \r\n\r\n",
		"GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET http://h:81/ HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET http://h%00/ HTTP/1.1\r\nHost: g\r\n\r\n",
		"GET file://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nhOST: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h/a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h g\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\\g\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\tg\r\n\r\n",
		strings.Repeat("A", 33) + " / HTTP/1.1\r\nHost: h\r\n\r\n",
		"\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		t.Run(in, func(t *testing.T) {
			for at := range len(in) {
				var r recorder
				s := scripted(in, at)
				serveScript(s, &r, exchange.Limits{})
				codes, _, _ := statuses(s.out.Bytes(), nil)
				if slices.ContainsFunc(codes, func(c int) bool { return c < 300 }) {
					t.Fatalf("cut at %d: answered %v, the handler saw %+v", at, codes, r.seen)
				}
			}
		})
	}
}

// TestOneMeaning feeds input that looks odd and is right.
func TestOneMeaning(t *testing.T) {
	const chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct{ in, host, path, body string }{
		{chunked + "2;a;b=c; d\r\naa\r\n000\r\n\r\n", "h", "/", "aa"},
		{chunked + "A\r\n0123456789\r\n0;a=b\r\nT: u\r\n\r\n", "h", "/", "0123456789"},
		{"POST / HTTP/1.1\r\nHost: h\r\nTRANSFER-ENCODING:\t ChunKed \r\n\r\n0\r\n\r\n", "h", "/", ""},
		{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \t003\t\r\n\r\nabc", "h", "/", "abc"},
		{"GET / HTTP/1.1\r\nhOsT:\t[::1]:80 \r\n\r\n", "[::1]:80", "/", ""},
		{"GET / HTTP/1.1\r\nHost:\r\n\r\n", "", "/", ""},
		{"GET / HTTP/1.1\r\nHost: h.:80\r\n\r\n", "h.:80", "/", ""},
		{"GET //a//b HTTP/1.1\r\nHost: h\r\n\r\n", "h", "//a//b", ""},
		{"GET /\"<>\\^`{|} HTTP/1.1\r\nHost: h\r\n\r\n", "h", "/\"<>\\^`{|}", ""},
		{"GET /%0d%0A HTTP/1.1\r\nHost: h\r\n\r\n", "h", "/\r\n", ""},
		{"GET HTTP://h?a#b HTTP/1.1\r\nHost: H\r\n\r\n", "h", "/", ""},
		{"GET https://[::1]:1/a/../b HTTP/1.1\r\nHost: [::1]:1\r\n\r\n", "[::1]:1", "/a/../b", ""},
		{"get / HTTP/1.1\r\nHost: h\r\n!#$%&'*+-.^_`|~9: \x80\xff\r\n\r\n", "h", "/", ""},
		{"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "h", "*", ""},
	} {
		t.Run(c.in, func(t *testing.T) {
			for at := range len(c.in) {
				var r recorder
				serveScript(scripted(c.in, at), &r, exchange.Limits{})
				if len(r.seen) != 1 || r.seen[0].Host != c.host || r.seen[0].Path != c.path || r.seen[0].Body != c.body || r.seen[0].Err {
					t.Fatalf("cut at %d: the handler saw %+v, refused %v", at, r.seen, r.refused)
				}
			}
		})
	}
}
