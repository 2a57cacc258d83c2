package embed_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestTunnel checks that an upgraded connection passes through a middleware, which
// sees its head.
func TestTunnel(t *testing.T) {
	b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_, _ = io.Copy(c, rw)
	}))
	defer b.Close()
	s := serve(t, `* -> mwNamed("v") -> "`+b.URL+`"`, "-experimental-upgrade")
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("X-Named") != "v" {
		t.Fatalf("got %v, %v", resp, err)
	}
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadString('\n'); line != "hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// TestEvents checks that what a backend sends comes through a middleware at once,
// while the backend goes on.
func TestEvents(t *testing.T) {
	next := make(chan struct{})
	b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, text := range []string{"data: 1\n\n", "data: 2\n\n", "data: 3\n\n"} {
			_, _ = io.WriteString(w, text)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}))
	defer b.Close()
	s := serve(t, `* -> mwNamed("v") -> mwNothing() -> "`+b.URL+`"`)
	resp, err := client.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	for _, want := range []string{"1", "2", "3"} {
		line, err := r.ReadString('\n')
		if err != nil || strings.TrimSpace(line) != "data: "+want {
			t.Fatalf("got %q, %v, want %s", line, err, want)
		}
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("behind it: %q, %v", rest, err)
	}
}

// BenchmarkMiddleware measures an exchange through a middleware, and one without.
func BenchmarkMiddleware(b *testing.B) {
	for name, filters := range map[string]string{"with": `mwNamed("v") -> `, "without": ""} {
		b.Run(name, func(b *testing.B) {
			s := serve(b, `* -> `+filters+`inlineContent("hello") -> <shunt>`)
			c := &http.Client{}
			defer c.CloseIdleConnections()
			b.ReportAllocs()
			for b.Loop() {
				resp, err := c.Get(s.url)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
}
