package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// noted is a backend that tells what it was asked.
func noted(t *testing.T) (addr string, got chan string) {
	got = make(chan string, 100)
	return startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			b = []byte("cut")
		}
		got <- fmt.Sprintf("%s %s %s|%s", r.Method, r.RequestURI, r.Header.Get("Cookie"), b)
		fmt.Fprint(w, "from "+r.Host)
	}), got
}

func TestShadows(t *testing.T) {
	main, mainGot := noted(t)
	shadow, shadowGot := noted(t)
	inner, innerGot := noted(t)
	p := start(t, `
		tee: Path("/tee") -> tee("http://`+shadow+`", "^/tee", "/t") -> "http://`+main+`";
		loopback: Path("/loopback") -> teeLoopback("blue") -> setPath("/main") -> "http://`+main+`";
		blue: Path("/loopback") && Tee("blue") -> setPath("/blue") -> "http://`+inner+`";
		uncaught: Path("/uncaught") -> teeLoopback("red") -> "http://`+main+`";
		response: Path("/response") -> teeResponse("http://`+shadow+`/r") -> "http://`+main+`"`,
		"-enable-h2c-server")
	h2 := h2cClient(t)
	send := func(path, body string, v2 bool) string {
		t.Helper()
		if !v2 {
			framing := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
			return p.get("POST " + path + " HTTP/1.1\r\nHost: h\r\nCookie: c=1\r\n" + framing).body
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+p.addr+path, io.MultiReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", "c=1")
		resp, err := h2.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	expect := func(got chan string, want string) {
		t.Helper()
		if s := <-got; s != want {
			t.Errorf("got %.100q, want %.100q", s, want)
		}
	}
	for _, v2 := range []bool{false, true} {
		for _, body := range []string{"", "body", strings.Repeat("x", 300_000)} {
			for path, check := range map[string]func(){
				"/tee": func() {
					expect(mainGot, "POST /tee c=1|"+body)
					expect(shadowGot, "POST /t |"+body)
				},
				"/loopback": func() {
					expect(mainGot, "POST /main c=1|"+body)
					expect(innerGot, "POST /blue c=1|"+body)
				},
				"/uncaught": func() {
					expect(mainGot, "POST /uncaught c=1|"+body)
					expect(mainGot, "POST /uncaught c=1|"+body)
				},
				"/response": func() {
					expect(mainGot, "POST /response c=1|"+body)
					expect(shadowGot, "POST /r |from "+main)
				},
			} {
				if got := send(path, body, v2); got != "from "+main {
					t.Errorf("%s: the client got %q", path, got)
				}
				check()
			}
		}
	}
	a := p.get("GET /tee HTTP/1.1\r\nHost: h\r\nX-Skipper-Shadow-Traffic: yes\r\n\r\n")
	if a.StatusCode != 465 {
		t.Errorf("a loop: %s", a.Status)
	}
	p.none()
	p.checkIdle(t)
	for name, got := range map[string]chan string{"main": mainGot, "shadow": shadowGot, "inner": innerGot} {
		if len(got) > 0 {
			t.Errorf("%s was asked once more: %q", name, <-got)
		}
	}
}

// A shadow whose backend is gone changes nothing.
func TestShadowGone(t *testing.T) {
	main, got := noted(t)
	p := start(t, `
		tee: Path("/tee") -> tee("http://127.0.0.1:1") -> "http://`+main+`";
		loopback: Path("/loopback") -> teeLoopback("blue") -> "http://`+main+`";
		blue: Path("/loopback") && Tee("blue") -> "http://127.0.0.1:1"`)
	for _, path := range []string{"/tee", "/loopback"} {
		for range 5 {
			c := p.dial()
			c.send("POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo")
			c.send("dy")
			if a := c.read("POST"); a.body != "from "+main {
				t.Errorf("%s: %s %q", path, a.Status, a.body)
			}
			if s := <-got; s != "POST "+path+" |body" {
				t.Errorf("got %q", s)
			}
		}
	}
	p.none()
}

func TestLoopbackIfStatus(t *testing.T) {
	main := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		if r.URL.Path == "/sorry" {
			fmt.Fprintf(w, "sorry: %s %s", r.Method, r.URL.RawQuery)
			return
		}
		w.WriteHeader(404)
		fmt.Fprint(w, "backend")
	})
	p := start(t, `
		page: Path("/page") -> setResponseHeader("X-Page", "1") -> loopbackIfStatus(404, "/sorry") -> "http://`+main+`";
		down: Path("/down") -> setResponseHeader("X-Page", "1") -> loopbackIfStatus(502, "/sorry") -> "http://127.0.0.1:1";
		loop: Path("/loop") -> loopbackIfStatus(404, "/loop") -> "http://`+main+`";
		gone: Path("/gone") -> loopbackIfStatus(404, "/nowhere") -> "http://`+main+`";
		sorry: Path("/sorry") -> "http://`+main+`"`, "-max-loopbacks=3")
	for _, tt := range []struct {
		request string
		status  int
		body    string
	}{
		{"GET /page?q=1 HTTP/1.1\r\nHost: h\r\n\r\n", 200, "sorry: GET q=1"},
		{"HEAD /page?q=1 HTTP/1.1\r\nHost: h\r\n\r\n", 200, ""},
		{"POST /page HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", 200, "sorry: GET "},
		{"GET /down HTTP/1.1\r\nHost: h\r\n\r\n", 200, "sorry: GET "},
		{"GET /loop HTTP/1.1\r\nHost: h\r\n\r\n", 500, "Internal Server Error\n"},
		{"GET /gone HTTP/1.1\r\nHost: h\r\n\r\n", 404, "Not Found\n"},
	} {
		a := p.get(tt.request)
		if a.StatusCode != tt.status || a.body != tt.body {
			t.Errorf("%.20q: %s %q", tt.request, a.Status, a.body)
		}
		if (strings.Contains(tt.request, "/page") || strings.Contains(tt.request, "/down")) != (a.Header.Get("X-Page") == "1") {
			t.Errorf("%.20q: the filters before did not see the answer: %v", tt.request, a.Header)
		}
	}
	p.none()
	p.checkIdle(t)
}
