package hostile

import (
	"fmt"
	"strings"
	"testing"
)

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\nX-Ignore: x"

// oneMeaning sends input and checks that the backend's strict parser finds as
// many requests as the client got answers of it, none of them smuggled.
func oneMeaning(t *testing.T, i *instance, rec *recorder, input string) (codes []int) {
	t.Helper()
	codes = i.statuses(input)
	requests, faults := rec.take()
	good := 0
	for _, c := range codes {
		if c == 200 {
			good++
		}
	}
	for _, r := range requests {
		if strings.Contains(r.line, "/smuggled") {
			t.Errorf("a request was smuggled by %q", input)
		}
	}
	if len(requests) != good || len(faults) > 0 {
		t.Errorf("the backend found %d requests in what the client got %v for; faults %q; input %q", len(requests), codes, faults, input)
	}
	return codes
}

// lengths are ways to say Content-Length, encodings ways to say
// Transfer-Encoding, that some server reads and another one does not. %d is the
// length.
func lengths() []string {
	return []string{
		"Content-Length: %d", "content-length: %d", "Content-Length: +%d", "Content-Length: -%d", "Content-Length: %d, %[1]d",
		"Content-Length: 0%d", "Content-Length: 0x%x", "Content-Length: %d ", "Content-Length: %d\x00", "Content-Length: %d.0",
		"Content-Length: %d;", "Content-Length : %d", "Content-Length\t: %d", " Content-Length: %d", "Content-Length:\r\n %d",
		"Content-Length: %d\r\nContent-Length: %[1]d", "Content-Length: 0\r\nContent-Length: %d", "Content-Length: %d\r\nContent-Length: 0",
		"Content_Length: %d", "Content-Length: %de0", "Content-Length: ,%d", "X: y\nContent-Length: %d", "X: y\rContent-Length: %d",
		"\x0bContent-Length: %d", "Content-Length\x00: %d", "Content-Length: \u00a0%d", "Content-Length: 18446744073709551616%d",
	}
}

func encodings() []string {
	return []string{
		"Transfer-Encoding: chunked", "transfer-encoding: CHUNKED", "Transfer-Encoding: xchunked", "Transfer-Encoding : chunked",
		"Transfer-Encoding:\tchunked", "Transfer-Encoding: chunked\t", "Transfer-Encoding:\x0bchunked", "Transfer-Encoding: \x0cchunked",
		"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: identity", "Transfer-Encoding: chunked, identity",
		"Transfer-Encoding: identity, chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: gzip, chunked",
		"Transfer-Encoding: \"chunked\"", "Transfer-Encoding: 'chunked'", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: [chunked]",
		"Transfer-Encoding:\r\n chunked", "Transfer-Encoding\r\n: chunked", " Transfer-Encoding: chunked", "X: y\r\n Transfer-Encoding: chunked",
		"X: y\nTransfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked", "Transfer_Encoding: chunked", "Transfer-Encoding\x00: chunked",
		"Transfer-Encoding: chunked\x00", "Transfer-Encoding: chunk", "Transfer-Encoding: chunKed\x7f", "Transfer-Encoding: \xc2\xa0chunked",
		"Transfer-Encoding: chunked,", "Transfer-Encoding: ,chunked", "Transfer-Encoding:", "Foo: bar\r\n\rTransfer-Encoding: chunked",
		"TransferEncoding: chunked", "Transfer-Encoding: chunked\r", "X-Transfer-Encoding: chunked\r\nTE: chunked", "Transfer-encod\u0131ng: chunked",
	}
}

// TestCLTE: both fields, in every spelling and order; whoever believes either
// one would find another end of the message.
func TestCLTE(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `r: * -> "http://`+rec.addr+`"`)
	body := "0\r\n\r\n" + smuggled
	for _, te := range encodings() {
		for _, format := range lengths()[:6] {
			cl := fmt.Sprintf(format, len(body))
			for _, fields := range []string{cl + "\r\n" + te, te + "\r\n" + cl} {
				neverGood(t, te, oneMeaning(t, i, rec, "POST / HTTP/1.1\r\nHost: h\r\n"+fields+"\r\n\r\n"+body))
			}
		}
	}
}

// TestTECL: the length ends inside of the chunks.
func TestTECL(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `r: * -> "http://`+rec.addr+`"`)
	body := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled)
	for _, te := range encodings() {
		for _, cl := range []string{"Content-Length: 4", "Content-Length: 0", "Content-Length: 3"} {
			for _, fields := range []string{cl + "\r\n" + te, te + "\r\n" + cl} {
				neverGood(t, te, oneMeaning(t, i, rec, "POST / HTTP/1.1\r\nHost: h\r\n"+fields+"\r\n\r\n"+body))
			}
		}
	}
}

// neverGood checks that a request with that field was refused: the server before
// us may have read it otherwise. What nobody takes for the field may pass.
func neverGood(t *testing.T, te string, codes []int) {
	t.Helper()
	if len(codes) > 0 && codes[0] < 300 && !nobodys(te) {
		t.Errorf("%q was answered %v", te, codes)
	}
}

// nobodys reports whether a field is none of framing for any server.
func nobodys(te string) bool {
	return strings.HasPrefix(te, "TransferEncoding") || strings.HasPrefix(te, "X-Transfer")
}

// TestTETE: one field that hides from one of two servers, alone; also in
// HTTP/1.0, which has no chunks.
func TestTETE(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `r: * -> "http://`+rec.addr+`"`)
	bodies := []string{"0\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled)}
	for n, te := range encodings() {
		if nobodys(te) {
			continue // what follows is honestly another request
		}
		plain := n < 2 || n == 4 || n == 5
		for _, version := range []string{"1.1", "1.0"} {
			for _, body := range bodies {
				codes := oneMeaning(t, i, rec, "POST / HTTP/"+version+"\r\nHost: h\r\n"+te+"\r\n\r\n"+body)
				if good := len(codes) == 1 && codes[0] == 200; good != (plain && version == "1.1") {
					t.Errorf("HTTP/%s: %q was answered %v", version, te, codes)
				}
			}
		}
	}
}

// TestContentLength: every other way to write a length.
func TestContentLength(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `r: * -> "http://`+rec.addr+`"`)
	for n, format := range lengths() {
		codes := oneMeaning(t, i, rec, "POST / HTTP/1.1\r\nHost: h\r\n"+fmt.Sprintf(format, len(smuggled))+"\r\n\r\n"+smuggled)
		// The first two, leading zeros and blanks behind are what RFC 9110 allows.
		if good := len(codes) == 1 && codes[0] == 200; good != (n < 2 || n == 5 || n == 7) {
			t.Errorf("%q was answered %v", format, codes)
		}
	}
}

// TestChunkSplit: a body in odd but right chunks, cut at every byte, reaches the
// backend in plain ones; extensions and forbidden trailers do not.
func TestChunkSplit(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `r: * -> "http://`+rec.addr+`"`)
	const head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	const body = "0003;a=b;c\r\nabc\r\nA\r\n0123456789\r\n00;last\r\nX-Sum: 1\r\nContent-Length: 5\r\nAuthorization: x\r\nX_Forwarded_For: y\r\n\r\n"
	for at := range len(body) {
		c := i.dial()
		c.send(head + body[:at])
		c.send(body[at:])
		if a := c.read("POST"); a.StatusCode != 200 {
			t.Errorf("cut at %d: got %s", at, a.Status)
		}
		c.Close()
		if r := rec.only(t); r.body != "abc0123456789" || fmt.Sprint(r.trailers) != "[X-Sum: 1]" {
			t.Errorf("cut at %d: got %q", at, r)
		}
	}
}

// TestChunks: chunks that are wrong for one parser and right for another.
func TestChunks(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `r: * -> "http://`+rec.addr+`"`)
	for _, line := range []string{
		"0x3\r\nabc", "+3\r\nabc", "-3\r\nabc", "3_\r\nabc", "_3\r\nabc", " 3\r\nabc", "3 \r\nabc", "3\nabc", "3\r\nabc\n", "3\r\nabcd",
		"3;\r\nabc", "3;a\nb\r\nabc", "3;a\r\r\nabc", "3;\n\r\nabc", "3;\x00\r\nabc", "3\x00\r\nabc", "10000000000000003\r\nabc",
		"ffffffffffffffff\r\nabc", "3\r\n\r\nabc", "\r\n3\r\nabc", "3\r\nab", "3;a=\"\r\nabc", "3,\r\nabc", "3\r\nabc\r\n\r\n", "3h\r\nabc",
	} {
		input := "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + line + "\r\n0\r\n\r\n" + smuggled + "\r\n\r\n"
		c := i.dial()
		c.send(input)
		_ = c.CloseWrite()
		if got := c.ended(); strings.HasPrefix(got, "HTTP/1.1 2") {
			t.Errorf("%q was answered %.100q", line, got)
		}
		requests, faults := rec.take()
		if len(requests) > 0 || len(faults) > 0 {
			t.Errorf("%q: the backend found %q, faults %q", line, requests, faults)
		}
	}
}

// TestBareLF: line ends, folding and characters that servers disagree about.
func TestBareLF(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `r: * -> "http://`+rec.addr+`"`)
	for _, lines := range []string{
		"X: y\n\n" + smuggled, "X: y\n\r\n" + smuggled, "X: y\r\n\n" + smuggled, "X: y\r\r\n" + smuggled, "X: y\r\n\r" + smuggled,
		"X: y\r\n folded: z", "X: y\r\n\tz", " X: y", "\tX: y", "X: y\x00z", "X\x00: y", "X: \x00", "X : y", "X\t: y", "X", ": y", "X: y\rZ: z", "X: y\raZ: z",
		"X: \x1b", "X: \x7f", "X\x80: y", "X(: y", "X: y\r\n\r\n\x00", "X:\ny", "X: y\x0b\r\nZ: z\x01",
	} {
		input := "GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n\r\n"
		codes := oneMeaning(t, i, rec, input)
		if strings.HasPrefix(lines, "X: y\r\n\r\n\x00") {
			continue // a good request, and then something else
		}
		if len(codes) != 1 || codes[0] != 400 {
			t.Errorf("%q was answered %v, want 400 and the end", lines, codes)
		}
	}
}

// TestHostOpinions: one host, whoever is asked, or no answer.
func TestHostOpinions(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `a: Host("^a$") -> preserveHost("true") -> "http://`+rec.addr+`"; b: Host("^b$") -> status(418) -> <shunt>`)
	for _, head := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b", "GET / HTTP/1.1\r\nHost: b\r\nHost: a", "GET http://b/ HTTP/1.1\r\nHost: a",
		"GET http://a/ HTTP/1.1\r\nHost: b", "GET http://a@b/ HTTP/1.1\r\nHost: a", "GET http://b#@a/ HTTP/1.1\r\nHost: a",
		"GET http://a\\@b/ HTTP/1.1\r\nHost: a", "GET / HTTP/1.1\r\nHost: a, b", "GET / HTTP/1.1\r\nHost: a b", "GET / HTTP/1.1\r\nHost: a/b",
		"GET / HTTP/1.1\r\nHost: a@b", "GET / HTTP/1.1\r\n Host: b\r\nHost: a", "GET / HTTP/1.1\r\nHost : b\r\nHost: a",
		"GET / HTTP/1.1\r\nX: y\n Host: a", "GET a:80 HTTP/1.1\r\nHost: a", "GET //b/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\x00b",
		"GET / HTTP/1.1\r\nHost: a:80:90", "GET / HTTP/1.1\r\nHost: a:x", "GET / HTTP/1.1\r\nHost: [::1", "GET / HTTP/1.1\r\nHost: a]",
		"GET / HTTP/1.1\r\nHost: a:99999", "GET / HTTP/1.1\r\nHost: a#b", "GET / HTTP/1.1\r\nHost: a?b", "GET / HTTP/1.1\r\nHost: a%00b",
	} {
		a := i.get(head + "\r\n\r\n")
		if a.StatusCode != 400 {
			t.Errorf("%q: got %s", head, a.Status)
		}
	}
	if requests, faults := rec.take(); len(requests) > 0 || len(faults) > 0 {
		t.Errorf("arrived: %q %q", requests, faults)
	}
	i.get("GET http://a/x HTTP/1.1\r\nhOST: a\r\n\r\n")
	if r := rec.only(t); fmt.Sprint(r.values("host")) != "[hOST: a]" || r.line != "GET /x HTTP/1.1" {
		t.Errorf("got %q", r)
	}
}
