package predicatetest

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/message"
)

// Request makes a request from text such as
//
//	GET http://www.example.org/path?query
//	Cookie: a=1
//	:remote 10.0.0.1:1234
//
// The first line is a method and a URL, or a path alone. Lines that start with
// a colon set what is not part of the message: ":remote" the address of the
// client, ":length" the length of the body ("unknown" for one that is not
// known), ":received" the time in RFC 3339, ":shutdown" that the process ends,
// ":tee" the label of the filter that made the request.
func Request(t testing.TB, text string) *message.Request {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	r := &message.Request{Scheme: "http", Major: 1, Minor: 1}
	setTarget(t, r, lines[0])
	for _, line := range lines[1:] {
		line = strings.TrimSpace(line)
		if pseudo, ok := strings.CutPrefix(line, ":"); ok {
			setPseudo(t, r, pseudo)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("request: line %q is no header field", line)
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	return r
}

func setTarget(t testing.TB, r *message.Request, line string) {
	t.Helper()
	method, target, ok := strings.Cut(strings.TrimSpace(line), " ")
	if !ok {
		t.Fatalf("request: line %q is no method and URL", line)
	}
	r.Method = method
	if scheme, rest, ok := strings.Cut(target, "://"); ok {
		r.Scheme = scheme
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			i = len(rest)
		}
		r.Host, target = rest[:i], rest[i:]
	}
	r.RawPath, r.Query, _ = strings.Cut(target, "?")
	if r.Path, ok = message.UnescapePath(r.RawPath); !ok {
		t.Fatalf("request: path %q cannot be decoded", r.RawPath)
	}
}

func setPseudo(t testing.TB, r *message.Request, line string) {
	t.Helper()
	name, value, _ := strings.Cut(line, " ")
	var err error
	switch name {
	case "remote":
		r.Remote, err = netip.ParseAddrPort(value)
	case "length":
		if r.ContentLength = message.Unknown; value != "unknown" {
			r.ContentLength, err = strconv.ParseInt(value, 10, 64)
		}
	case "received":
		r.Received, err = time.Parse(time.RFC3339Nano, value)
	case "tee":
		r.Tee = value
	case "shutdown":
		r.ShuttingDown = true
	default:
		t.Fatalf("request: unknown line %q", ":"+line)
	}
	if err != nil {
		t.Fatalf("request: line %q: %v", ":"+line, err)
	}
}
