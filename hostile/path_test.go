package hostile

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"path"
	"strings"
	"testing"
)

// decoders are how backends come from a request target to a path.
func decoders() map[string]func(string) string {
	unescape := func(s string) string {
		if u, err := url.PathUnescape(s); err == nil {
			return u
		}
		return s
	}
	slashes := strings.NewReplacer(`\`, "/")
	params := func(s string) string {
		segs := strings.Split(s, "/")
		for k := range segs {
			segs[k], _, _ = strings.Cut(segs[k], ";")
		}
		return strings.Join(segs, "/")
	}
	return map[string]func(string) string{
		"decodes, then cleans (net/http)":        func(s string) string { return path.Clean(unescape(s)) },
		"cleans, then decodes (nginx upstreams)": func(s string) string { return unescape(path.Clean(s)) },
		"decodes twice":                          func(s string) string { return path.Clean(unescape(unescape(s))) },
		`takes "\" for "/" (IIS, WHATWG URL)`:    func(s string) string { return path.Clean(slashes.Replace(unescape(s))) },
		"cuts parameters, then decodes (Tomcat)": func(s string) string { return path.Clean(unescape(params(s))) },
		"decodes, then cuts parameters (Jetty)":  func(s string) string { return path.Clean(params(unescape(s))) },
		"does not clean or decode":               func(s string) string { return s },
		"takes overlong UTF-8": func(s string) string {
			return path.Clean(strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/").Replace(unescape(s)))
		},
		"merges slashes (merge_slashes), no dots": func(s string) string { return strings.ReplaceAll(unescape(s), "//", "/") },
	}
}

// TestPathConfusion sends 10,000 paths made of what servers disagree about. What
// a route for /public lets through must be below /public for every backend.
func TestPathConfusion(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `
		public: PathSubtree("/public") -> setRequestHeader("X-Matched", "<${request.path}>") -> "http://`+rec.addr+`";
		private: PathSubtree("/private") -> status(418) -> <shunt>;
		any: * -> status(404) -> <shunt>`)
	pieces := []string{
		"/", "/", "/", "//", "/public", "/public", "/private", "..", "..", ".", "%2e", "%2E%2e", ".%2e", "%252e%252e", "%2f", "%2F", "%252f",
		"%5c", "\\", "%255c", ";", ";x=y", "..;", ".;/", "..;x/", "%3b", "...", "%00", "%c0%ae%c0%ae", "%c0%af", "%ef%bc%8f", "~", "%7e",
		"?", "#", "%3f", "%23", "a", "A", "%41", "%zz", "%", "PUBLIC", "public", "private", "%70rivate", "%20", "+", "&", ":", "@", "*", "!", "'", "\"", "|", "^",
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	c := i.dial()
	defer func() { c.Close() }()
	arrived := 0
	for n := range 10000 {
		target := "/public"
		if n%3 == 0 {
			target = "/"
		}
		for range 1 + rnd.IntN(8) {
			target += pieces[rnd.IntN(len(pieces))]
		}
		c.send("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")
		if a := c.read("GET"); a.Close {
			c.Close()
			c = i.dial()
		}
		requests, faults := rec.take()
		if len(faults) > 0 || len(requests) > 1 {
			t.Fatalf("%q: %d requests, faults %q", target, len(requests), faults)
		}
		for _, r := range requests {
			arrived++
			checkForwarded(t, target, r)
		}
	}
	if arrived < 500 {
		t.Errorf("only %d of 10,000 arrived: the test tests little", arrived)
	}
}

func checkForwarded(t *testing.T, sent string, r recorded) {
	t.Helper()
	_, line, _ := strings.Cut(r.line, " ")
	line = strings.TrimSuffix(line, " HTTP/1.1")
	forwarded, _, _ := strings.Cut(line, "?")
	for name, decode := range decoders() {
		got := decode(forwarded)
		if got != "/public" && !strings.HasPrefix(got, "/public/") && !strings.HasPrefix(strings.ToLower(got), "/public%2f") {
			t.Errorf("sent %q, forwarded %q: a backend that %s serves %q", sent, forwarded, name, got)
		}
	}
	plain, err := url.PathUnescape(forwarded)
	if err != nil || strings.ContainsFunc(plain, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return // no field can say it
	}
	if matched := r.values("x-matched"); fmt.Sprint(matched) != "[X-Matched: <"+plain+">]" {
		t.Errorf("sent %q: matched %q, forwarded %q", sent, matched, forwarded)
	}
}

// TestQuerySmuggling: servers that part queries at ";" see other parameters than
// those that do not; such queries are refused, and the others arrive as they
// were.
func TestQuerySmuggling(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `admin: QueryParam("role", "admin") -> status(418) -> <shunt>; r: * -> "http://`+rec.addr+`"`)
	for _, q := range []string{"a=1;role=admin", "role=user;role=admin", "a=%", "a=%4", "a=%zz", "%;", ";"} {
		if a := i.get("GET /?" + q + " HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode != 400 {
			t.Errorf("%q: got %s", q, a.Status)
		}
	}
	for _, q := range []string{"role=admin", "%72ole=admin", "role=%61dmin", "a=1&role=admin", "role=user&role=admin", "&&role=admin"} {
		if a := i.get("GET /?" + q + " HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode != 418 {
			t.Errorf("%q: got %s, the predicate does not see what a backend sees", q, a.Status)
		}
	}
	if requests, _ := rec.take(); len(requests) > 0 {
		t.Errorf("arrived: %q", requests)
	}
	many := strings.Repeat("a=b&", 10000) + "c=%26d%3be"
	for _, q := range []string{"", "a", "a=b&c=d", "a=%3Bb", "a=b+c&d=%20", "x[]=1", "?", many} {
		i.get("GET /?" + q + " HTTP/1.1\r\nHost: h\r\n\r\n")
		want := "GET /?" + q + " HTTP/1.1"
		if q == "" {
			want = "GET / HTTP/1.1"
		}
		if r := rec.only(t); r.line != want {
			t.Errorf("got %.200q, want %.200q", r.line, want)
		}
	}
}
