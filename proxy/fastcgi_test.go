package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"strings"
	"testing"
)

// startProgram runs the FastCGI server of the standard library.
func startProgram(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = fcgi.Serve(ln, h) }()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

// echo answers with what the program was told and the body.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Set("X-Program", "yes")
	fmt.Fprintf(w, "%s %s host=%s script=%s proxy=%q body=%d %v", r.Method, r.URL.RequestURI(), r.Host,
		fcgi.ProcessEnv(r)["SCRIPT_FILENAME"], r.Header.Get("Proxy"), len(body), err)
}

func TestFastCGI(t *testing.T) {
	a, b := startProgram(t, echo), startProgram(t, echo)
	for _, flag := range []string{"-fastcgi-keep-conn=false", "-fastcgi-keep-conn"} {
		p := start(t, `
			one: Path("/one") -> setFastCgiFilename("/srv/index.php") -> "fastcgi://`+a+`";
			usual: Path("/usual") -> "fastcgi://`+a+`";
			own: Path("/own") -> preserveHost("false") -> "fastcgi://`+a+`";
			several: Path("/several") -> <roundRobin, "fastcgi://`+a+`", "fastcgi://`+b+`">;
			down: Path("/down") -> "fastcgi://127.0.0.1:1"`, flag)
		for range 3 {
			for _, c := range []struct{ request, status, want string }{
				{"GET /one?x=y HTTP/1.1\r\nHost: www.example.org\r\nProxy: evil\r\n\r\n", "200 OK", `GET /one?x=y host=www.example.org script=/srv/index.php proxy="" body=0 <nil>`},
				{"GET /usual HTTP/1.1\r\nHost: www.example.org\r\n\r\n", "200 OK", `GET /usual host=www.example.org script=index.php proxy="" body=0 <nil>`},
				{"GET /own HTTP/1.1\r\nHost: www.example.org\r\n\r\n", "200 OK", `GET /own host=` + a + ` script=index.php proxy="" body=0 <nil>`},
				{"POST /several HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "200 OK", `POST /several host=a script=index.php proxy="" body=5 <nil>`},
				{"POST /several HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200 OK", `POST /several host=a script=index.php proxy="" body=5 <nil>`},
				{"POST /several HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 300000), "200 OK", `POST /several host=a script=index.php proxy="" body=300000 <nil>`},
				{"GET /down HTTP/1.1\r\nHost: a\r\n\r\n", "502 Bad Gateway", "Bad Gateway\n"},
			} {
				got := p.get(c.request)
				if got.Status != c.status || got.body != c.want {
					t.Errorf("%s %.40q: got %s %q, want %s %q", flag, c.request, got.Status, got.body, c.status, c.want)
				}
			}
		}
		p.stop()
	}
}

// TestFastCGILength checks the answer to a body that is too long to find out how
// long it is.
func TestFastCGILength(t *testing.T) {
	p := start(t, `* -> "fastcgi://`+startProgram(t, echo)+`"`)
	c := p.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n120000\r\n" + strings.Repeat("x", 0x120000) + "\r\n0\r\n\r\n")
	if got := c.read("POST"); got.StatusCode != 411 {
		t.Errorf("got %s %q", got.Status, got.body)
	}
}

// TestFastCGIExpect checks that the body of a client that waits to be asked comes.
func TestFastCGIExpect(t *testing.T) {
	p := start(t, `* -> "fastcgi://`+startProgram(t, echo)+`"`)
	c := p.dial()
	c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	if got := c.read("POST"); got.StatusCode != 100 {
		t.Fatalf("got %s", got.Status)
	}
	c.send("hello")
	if got := c.read("POST"); got.StatusCode != 200 || !strings.Contains(got.body, "body=5 <nil>") {
		t.Errorf("got %s %q", got.Status, got.body)
	}
}

// TestFastCGIStderr checks that complaints are logged, and no reason to fail.
func TestFastCGIStderr(t *testing.T) {
	said := "\x01\x07\x00\x01\x00\x07\x00\x00warning"
	raw := startRaw(t, func(_ int, c net.Conn) {
		var b [4096]byte
		_, _ = c.Read(b[:])
		_, _ = io.WriteString(c, said+"\x01\x06\x00\x01\x00\x0b\x00\x00X: y\r\n\r\nabc\x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
		_, _ = io.Copy(io.Discard, c)
	})
	p := start(t, `* -> "fastcgi://`+raw.addr+`"`)
	if got := p.get("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); got.StatusCode != 200 || got.body != "abc" {
		t.Errorf("got %s %q", got.Status, got.body)
	}
	eventually(t, "the complaint is logged", func() bool { return strings.Contains(p.log.String(), "text=warning") })
}

// TestBackendIsProxy checks what a proxy behind this one is asked for.
func TestBackendIsProxy(t *testing.T) {
	addr := startBackend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s host=%s", r.RequestURI, r.Host) })
	p := start(t, `* -> backendIsProxy() -> "http://`+addr+`"`)
	for request, want := range map[string]string{
		"GET /a%20b?c=d HTTP/1.1\r\nHost: www.example.org:81\r\n\r\n": "http://www.example.org:81/a%20b?c=d host=www.example.org:81",
		"OPTIONS * HTTP/1.1\r\nHost: www.example.org\r\n\r\n":         "http://www.example.org host=www.example.org",
	} {
		if got := p.get(request); got.body != want {
			t.Errorf("got %s %q, want %q", got.Status, got.body, want)
		}
	}
}
