package http1

import (
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

func TestRequests(t *testing.T) {
	long := strings.Repeat("a", 70<<10)
	tests := []struct {
		name  string
		input string
		want  []string // "METHOD path?query host body" of what the handler saw
		codes []int
		why   message.Reason
	}{
		{"plain", "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n", []string{"GET /a?b=c h "}, []int{200}, 0},
		{"pipelined", "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n", []string{"GET /1? h ", "GET /2? h "}, []int{200, 200}, 0},
		{"body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: h\r\n\r\n", []string{"POST /? h abc", "GET /2? h "}, []int{200, 200}, 0},
		{"chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n", []string{"POST /? h abcde", "GET /2? h "}, []int{200, 200}, 0},
		{"leading empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", []string{"GET /? h "}, []int{200}, 0},
		{"percent", "GET /a%20b HTTP/1.1\r\nHost: h\r\n\r\n", []string{"GET /a b? h "}, []int{200}, 0},
		{"absolute form", "GET http://H:81/a HTTP/1.1\r\nHost: h:81\r\n\r\n", []string{"GET /a? H:81 "}, []int{200}, 0},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", []string{"OPTIONS *? h "}, []int{200}, 0},
		{"fragment is cut", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", []string{"GET /a? h "}, []int{200}, 0},
		{"old and closing", "GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", []string{"GET /?  "}, []int{200}, 0},
		{"old and living", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", []string{"GET /?  ", "GET /2?  "}, []int{200, 200}, 0},
		{"close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n", []string{"GET /? h "}, []int{200}, 0},
		{"tls", "\x16\x03\x01\x02\x00\x01\x00\x01", nil, []int{400}, message.ReasonTLSOnPlainPort},
		{"no host", "GET / HTTP/1.1\r\n\r\n", nil, []int{400}, message.ReasonMissingHost},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", nil, []int{400}, message.ReasonDuplicateHost},
		{"two opinions", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", nil, []int{400}, message.ReasonHostMismatch},
		{"user in host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", nil, []int{400}, message.ReasonBadHost},
		{"bare line feed", "GET / HTTP/1.1\nHost: h\n\n", nil, []int{400}, message.ReasonBadRequestLine},
		{"folding", "GET / HTTP/1.1\r\nHost: h\r\n b\r\n\r\n", nil, []int{400}, message.ReasonFoldedHeader},
		{"space before colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", nil, []int{400}, message.ReasonBadHeaderName},
		{"NUL in value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\x00c\r\n\r\n", nil, []int{400}, message.ReasonBadHeaderValue},
		{"lonely CR", "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc: d\r\n\r\n", nil, []int{400}, message.ReasonBadHeaderValue},
		{"both lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", nil, []int{400}, message.ReasonConflictingLength},
		{"two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", nil, []int{400}, message.ReasonConflictingLength},
		{"signed length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", nil, []int{400}, message.ReasonBadContentLength},
		{"huge length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\nabc", nil, []int{400}, message.ReasonBadContentLength},
		{"other coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", nil, []int{400}, message.ReasonBadTransferEncoding},
		{"coding twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", nil, []int{400}, message.ReasonBadTransferEncoding},
		{"coding with an underscore", "POST / HTTP/1.1\r\nHost: h\r\nTransfer_Encoding: chunked\r\n\r\n", nil, []int{400}, message.ReasonBadHeaderName},
		{"old with coding", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", nil, []int{400}, message.ReasonBadTransferEncoding},
		{"version 2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", nil, []int{505}, message.ReasonBadVersion},
		{"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", nil, []int{message.ReasonConnectRefused.Status()}, message.ReasonConnectRefused},
		{"long target", "GET /" + long + " HTTP/1.1\r\nHost: h\r\n\r\n", nil, []int{414}, message.ReasonURITooLong},
		{"bad percent", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", nil, []int{400}, message.ReasonBadTarget},
		{"NUL in path", "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", nil, []int{400}, message.ReasonBadTarget},
		{"other expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-maybe\r\n\r\n", nil, []int{417}, message.ReasonExpectationFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r recorder
			s := scripted(tt.input)
			serveScript(s, &r, exchange.Limits{HeadBytes: 128 << 10})
			var got, methods []string
			for _, q := range r.seen {
				got = append(got, q.Method+" "+q.Path+"?"+q.Query+" "+q.Host+" "+q.Body)
				methods = append(methods, q.Method)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("handler saw %q, want %q", got, tt.want)
			}
			codes, rest, err := statuses(s.out.Bytes(), methods)
			if err != nil || !slices.Equal(codes, tt.codes) {
				t.Errorf("client got %v (rest %q, %v), want %v; output %q", codes, rest, err, tt.codes, s.out.String())
			}
			if tt.why != 0 && !slices.Equal(r.refused, []message.Reason{tt.why}) {
				t.Errorf("refused for %v, want %v", r.refused, tt.why)
			}
			if !s.closed {
				t.Error("the connection was left open")
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Run("bytes", func(t *testing.T) {
		var r recorder
		s := scripted("GET / HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("x", 20<<10) + "\r\n\r\n")
		serveScript(s, &r, exchange.Limits{HeadBytes: 8 << 10})
		if len(r.seen) != 0 || !slices.Equal(r.refused, []message.Reason{message.ReasonHeaderTooLarge}) {
			t.Errorf("saw %v, refused %v", r.seen, r.refused)
		}
	})
	t.Run("fields", func(t *testing.T) {
		var r recorder
		s := scripted("GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("a: b\r\n", 30) + "\r\n")
		serveScript(s, &r, exchange.Limits{Fields: 20})
		if len(r.seen) != 0 || !slices.Equal(r.refused, []message.Reason{message.ReasonTooManyHeaders}) {
			t.Errorf("saw %v, refused %v", r.seen, r.refused)
		}
	})
	t.Run("a head byte by byte costs one parse", func(t *testing.T) {
		head := "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("a: b\r\n", 100) + "\r\n"
		var splits []int
		for i := 1; i < len(head); i++ {
			splits = append(splits, i)
		}
		var r recorder
		serveScript(scripted(head, splits...), &r, exchange.Limits{})
		if len(r.seen) != 1 || len(r.seen[0].Fields) != 101 {
			t.Errorf("saw %+v", r.seen)
		}
	})
}

func TestExpectContinue(t *testing.T) {
	var r recorder
	const head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
	s := scripted(head+"abc", len(head))
	serveScript(s, &r, exchange.Limits{})
	if !strings.HasPrefix(s.out.String(), "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200") {
		t.Errorf("client got %q", s.out.String())
	}
	if len(r.seen) != 1 || r.seen[0].Body != "abc" {
		t.Errorf("handler saw %+v", r.seen)
	}
}

func TestTrailers(t *testing.T) {
	var r recorder
	serveScript(scripted("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nAuthorization: x\r\n\r\n"), &r, exchange.Limits{})
	if len(r.seen) != 1 || len(r.seen[0].Trailers) != 1 || r.seen[0].Trailers[0].Name != "X-Sum" {
		t.Errorf("handler saw %+v", r.seen)
	}
}

// TestSplits feeds requests at every split point: how the bytes arrive must
// not matter.
func TestSplits(t *testing.T) {
	inputs := []string{
		"GET /a?b HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\n\r\nPOST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\nGET /z HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET /z HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n",
		"\r\nGET / HTTP/1.1\r\nHost: h\r\nX: y\nZ: w\r\n\r\n",
	}
	for _, in := range inputs {
		checkSplits(t, in)
	}
}

// checkSplits compares the outcome of every split of input with that of the
// whole.
func checkSplits(t *testing.T, input string) {
	t.Helper()
	outcome := func(splits ...int) string {
		var r recorder
		s := scripted(input, splits...)
		serveScript(s, &r, exchange.Limits{})
		var b strings.Builder
		for _, q := range r.seen {
			if q.Err {
				q.Body = "cut" // how much was read before the error may differ
			}
			b.WriteString(q.Method + " " + q.Path + " " + q.Query + " " + q.Host + " " + q.Body + "|")
			for _, f := range append(q.Fields, q.Trailers...) {
				b.WriteString(f.Name + ":" + f.Value + "|")
			}
		}
		for _, x := range r.refused {
			b.WriteString(x.Code())
		}
		return b.String()
	}
	want := outcome()
	for i := 1; i < len(input); i++ {
		if got := outcome(i); got != want {
			t.Fatalf("input %q split at %d:\n got %q\nwant %q", input, i, got, want)
		}
	}
}
