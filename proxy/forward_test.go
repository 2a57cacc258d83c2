package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestForward(t *testing.T) {
	heads := make(chan string, 1)
	back := startRaw(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			head, err := readHead(r)
			if err != nil {
				return
			}
			heads <- head
			fmt.Fprint(c, "HTTP/1.1 200 Fine\r\nx-Odd: 1\r\nConnection: x-secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\nB: 2\r\n\r\nok")
		}
	})
	tests := []struct {
		name, routes string
		flags        []string
		request      string
		want         string // head that reaches the backend; HOST is the backend's address
	}{
		{
			"order and spelling are kept", `* -> "http://HOST"`, nil,
			"GET /a?b HTTP/1.1\r\nx-ONE: 1\r\nhOst: example.org\r\nTwo:  2 \r\n\r\n",
			"GET /a?b HTTP/1.1\r\nx-ONE: 1\r\nhOst: HOST\r\nTwo: 2\r\n\r\n",
		},
		{
			"host is preserved by flag", `* -> "http://HOST"`, []string{"-proxy-preserve-host"},
			"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
		},
		{
			"filters set fields", `* -> setRequestHeader("X-A", "1") -> setRequestHeader("Host", "other.org") -> "http://HOST"`, nil,
			"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "GET / HTTP/1.1\r\nHost: other.org\r\nX-A: 1\r\n\r\n",
		},
		{
			"connection fields stay behind", `* -> "http://HOST"`, nil,
			"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Drop, X-Forwarded-For, Authorization\r\nX-Drop: 1\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: a\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: gzip\r\nUpgrade: h2c\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: HOST\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: a\r\n\r\n",
		},
		{
			"old client without host", `* -> "http://HOST"`, nil,
			"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
		},
		{
			"path is cleaned once for all", `* -> "http://HOST"`, nil,
			"GET /a//b/../c%2e%2e/./d HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a/c../d HTTP/1.1\r\nHost: HOST\r\n\r\n",
		},
		{
			"encoding is kept", `* -> "http://HOST"`, nil,
			"GET /a%20b%2Fc?d=%20 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a%20b%2Fc?d=%20 HTTP/1.1\r\nHost: HOST\r\n\r\n",
		},
		{
			"forwarded fields", `* -> "http://HOST"`, []string{"-forwarded-headers=X-Forwarded-For,X-Forwarded-Host,X-Forwarded-Method,X-Forwarded-Uri,X-Forwarded-Port=8443,X-Forwarded-Proto=https"},
			"GET /a?b HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n",
			"GET /a?b HTTP/1.1\r\nHost: HOST\r\nX-Forwarded-For: 9.9.9.9, 127.0.0.1\r\nX-Forwarded-Host: h\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /a?b\r\nX-Forwarded-Port: 8443\r\nX-Forwarded-Proto: https\r\n\r\n",
		},
		{
			"forwarded fields not for excluded networks", `* -> "http://HOST"`,
			[]string{"-forwarded-headers=X-Forwarded-For", "-forwarded-headers-exclude-cidrs=127.0.0.0/8"},
			"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, "r: "+strings.ReplaceAll(tt.routes, "HOST", back.addr), tt.flags...)
			resp := p.get(tt.request)
			if got, want := <-heads, strings.ReplaceAll(tt.want, "HOST", back.addr); got != want {
				t.Errorf("backend got\n%q, want\n%q", got, want)
			}
			if resp.StatusCode != 200 || resp.Status != "200 Fine" || resp.body != "ok" {
				t.Errorf("client got %s %q", resp.Status, resp.body)
			}
			if resp.Header.Get("X-Secret") != "" || resp.Header.Get("Keep-Alive") != "" || resp.Header.Get("X-Odd") != "1" {
				t.Errorf("client got fields %v", resp.Header)
			}
			if resp.Header.Get("Server") != "Skipper" {
				t.Errorf("Server is %q", resp.Header.Get("Server"))
			}
		})
	}
}

func TestBodies(t *testing.T) {
	back := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("backend: %v", err)
		}
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		w.Header().Set("X-Trailer", r.Trailer.Get("X-Sum"))
		switch r.URL.Path {
		case "/chunked":
			w.Header().Set("Trailer", "X-End")
			for i := range 3 {
				fmt.Fprintf(w, "part %d ", i)
				w.(http.Flusher).Flush()
			}
			w.Header().Set("X-End", "yes")
		case "/big":
			w.Header().Set("Content-Length", fmt.Sprint(8<<20))
			block := make([]byte, 64<<10)
			for range 128 {
				_, _ = w.Write(block)
			}
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = w.Write(b)
		}
	})
	p := start(t, `r: * -> "http://`+back+`"`)
	big := strings.Repeat("0123456789abcdef", 20<<10)

	t.Run("known length", func(t *testing.T) {
		a := p.get("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
		if a.body != "hello" || a.Header.Get("X-Length") != "5" {
			t.Errorf("got %q %v", a.body, a.Header)
		}
	})
	t.Run("long", func(t *testing.T) {
		a := p.get(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(big), big))
		if a.body != big || a.Header.Get("X-Length") != fmt.Sprint(len(big)) {
			t.Errorf("got %d bytes %v", len(a.body), a.Header)
		}
	})
	t.Run("chunked with trailers", func(t *testing.T) {
		a := p.get("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n")
		if a.body != "hello world" || a.Header.Get("X-Length") != "-1" {
			t.Errorf("got %q %v", a.body, a.Header)
		}
	})
	t.Run("chunked answer with trailers", func(t *testing.T) {
		a := p.get("GET /chunked HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n")
		if a.body != "part 0 part 1 part 2 " || a.Trailer.Get("X-End") != "yes" {
			t.Errorf("got %q %v", a.body, a.Trailer)
		}
	})
	t.Run("chunked answer for an old client", func(t *testing.T) {
		c := p.dial()
		c.send("GET /chunked HTTP/1.0\r\n\r\n")
		text := c.rest()
		head, body, _ := strings.Cut(text, "\r\n\r\n")
		if strings.Contains(head, "chunked") || body != "part 0 part 1 part 2 " {
			t.Errorf("got %q", text)
		}
	})
	t.Run("big answer", func(t *testing.T) {
		if a := p.get("GET /big HTTP/1.1\r\nHost: h\r\n\r\n"); len(a.body) != 8<<20 {
			t.Errorf("got %d bytes", len(a.body))
		}
	})
	t.Run("HEAD, 204 and a further request on the connection", func(t *testing.T) {
		c := p.dial()
		c.send("HEAD /big HTTP/1.1\r\nHost: h\r\n\r\n")
		if a := c.read("HEAD"); a.ContentLength != 8<<20 || a.body != "" {
			t.Errorf("HEAD: %v", a.ContentLength)
		}
		c.send("GET /none HTTP/1.1\r\nHost: h\r\n\r\n")
		if a := c.read("GET"); a.StatusCode != 204 || a.Header.Get("Content-Length") != "" {
			t.Errorf("204: %v", a.Header)
		}
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
		if a := c.read("POST"); a.body != "hi" {
			t.Errorf("POST: %q", a.body)
		}
	})
	t.Run("100 Continue comes from the backend", func(t *testing.T) {
		c := p.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		line, err := c.r.ReadString('\n')
		if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("got %q %v", line, err)
		}
		if _, err := c.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		c.send("hello")
		if a := c.read("POST"); a.body != "hello" {
			t.Errorf("got %q", a.body)
		}
	})
	t.Run("pipelined requests are answered in order", func(t *testing.T) {
		c := p.dial()
		var b strings.Builder
		for i := range 20 {
			fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n%02d", i)
		}
		c.send(b.String())
		for i := range 20 {
			if a := c.read("POST"); a.body != fmt.Sprintf("%02d", i) {
				t.Fatalf("answer %d is %q", i, a.body)
			}
		}
	})
	t.Run("a client that stopped sending is answered", func(t *testing.T) {
		c := p.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if a := c.read("POST"); a.body != "hi" {
			t.Errorf("got %q", a.body)
		}
	})
}

func TestEarlyAnswer(t *testing.T) {
	back := startRaw(t, func(_ int, c net.Conn) {
		if _, err := readHead(bufio.NewReader(c)); err != nil {
			return
		}
		fmt.Fprint(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!")
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<20))
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`)
	c := p.dial()
	c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n" + strings.Repeat("x", 100_000))
	a := c.read("POST")
	if a.StatusCode != 413 || a.body != "no!" || !a.Close {
		t.Errorf("got %s %q close %v", a.Status, a.body, a.Close)
	}
}

func TestUpgrade(t *testing.T) {
	back := startRaw(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		head, err := readHead(r)
		if err != nil {
			return
		}
		if !strings.Contains(head, "Upgrade: echo") {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
			return
		}
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ")
		_, _ = io.Copy(c, r)
	})
	request := "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
	t.Run("on", func(t *testing.T) {
		p := start(t, `r: * -> "http://`+back.addr+`"`, "-experimental-upgrade")
		c := p.dial()
		c.send(request + "early ")
		head, err := readHead(c.r)
		if err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "Upgrade: echo\r\n") {
			t.Fatalf("got %q %v", head, err)
		}
		c.send("late")
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got := c.rest(); got != "hello early late" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("off", func(t *testing.T) {
		p := start(t, `r: * -> "http://`+back.addr+`"`)
		if a := p.get(request); a.StatusCode != 200 || a.body != "no" {
			t.Errorf("got %s %q", a.Status, a.body)
		}
	})
}

// TestExpectTimeout checks that a body is sent in the end to a backend that
// does not know about 100 Continue.
func TestExpectTimeout(t *testing.T) {
	back := startRaw(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		if _, err := readHead(r); err != nil {
			return
		}
		body := make([]byte, 5)
		if _, err := io.ReadFull(r, body); err == nil {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%s", body)
		}
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`, "-expect-continue-timeout-backend=50ms")
	c := p.dial()
	c.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	if head, err := readHead(c.r); err != nil || head != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("got %q %v", head, err)
	}
	c.send("hello")
	if a := c.read("POST"); a.body != "hello" {
		t.Errorf("got %q", a.body)
	}
}

// TestRefusedExpectation checks that a final answer instead of 100 Continue
// reaches the client, and that the body is not waited for.
func TestRefusedExpectation(t *testing.T) {
	back := startRaw(t, func(_ int, c net.Conn) {
		if _, err := readHead(bufio.NewReader(c)); err == nil {
			fmt.Fprint(c, "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno")
		}
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`)
	a := p.get("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	if a.StatusCode != 401 || a.body != "no" || !a.Close {
		t.Errorf("got %s %q close %v", a.Status, a.body, a.Close)
	}
}

// TestBackendTLS checks that backends are verified unless that is turned off.
func TestBackendTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Proto, b)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer srv.Close()
	const request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
	p := start(t, `r: * -> "`+srv.URL+`"`)
	if a := p.get(request); a.StatusCode != 502 {
		t.Errorf("a backend that nobody vouches for: %s", a.Status)
	}
	eventually(t, "the reason is logged", func() bool { return strings.Contains(p.log.String(), "reason=tls-failed") })
	p = start(t, `r: * -> "`+srv.URL+`"`, "-insecure")
	c := p.dial()
	for range 3 {
		c.send(request)
		if a := c.read("POST"); a.StatusCode != 200 || a.body != "HTTP/1.1 hi" {
			t.Errorf("got %s %q", a.Status, a.body)
		}
	}
}
