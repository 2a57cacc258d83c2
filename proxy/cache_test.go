package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestCache has the filter before a backend, over HTTP/1 and HTTP/2.
func TestCache(t *testing.T) {
	var asked atomic.Int32
	long := strings.Repeat("0123456789", 30_000)
	back := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		h := w.Header()
		h.Set("Cache-Control", "max-age=60")
		switch r.URL.Path {
		case "/tag":
			h.Set("Cache-Control", "max-age=0")
			h.Set("ETag", `"1"`)
			if r.Header.Get("If-None-Match") == `"1"` {
				w.WriteHeader(304)
				return
			}
		case "/chunked":
			fmt.Fprint(w, long)
			w.(http.Flusher).Flush()
		case "/cut":
			h.Set("Content-Length", "10")
			fmt.Fprint(w, "cut")
			return
		case "/swr":
			h.Set("Cache-Control", "max-age=0, stale-while-revalidate=60")
		case "/sie":
			h.Set("Cache-Control", "max-age=0, stale-if-error=60")
			if n > 1 {
				panic(http.ErrAbortHandler)
			}
		case "/private":
			h.Set("Cache-Control", "private, max-age=60")
		}
		fmt.Fprintf(w, "%d", n)
	})
	routes := `
		r: * -> setResponseHeader("X-Outer", "1") -> cache() -> "http://` + back + `";
		prefix: PathSubtree("/api") -> setResponseHeader("X-Outer", "1") -> modPath("^/api", "") -> cache() -> "http://` + back + `"`
	for _, tt := range []struct {
		name, path string
		method     string
		want       []string // X-Cache-Status and body; "": any
		asked      int32
	}{
		{"kept", "/", "GET", []string{"MISS 1", "HIT 1", "HIT 1"}, 1},
		{"not kept", "/private", "GET", []string{"MISS 1", "MISS 2"}, 2},
		{"chunked", "/chunked", "GET", []string{"MISS " + long + "1", "HIT " + long + "1"}, 1},
		{"validated", "/tag", "GET", []string{"MISS 1", "HIT 1", "HIT 1"}, 3},
		{"a failure", "/sie", "GET", []string{"MISS 1", "STALE 1", "STALE 1"}, 0}, // the proxy itself may ask twice
		{"HEAD", "/", "HEAD", []string{"MISS ", "MISS "}, 2},
		{"another path for the backend", "/api/x", "GET", []string{"MISS 1", "HIT 1"}, 1},
		{"cut", "/cut", "GET", []string{"", ""}, 2},
	} {
		for _, v2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %v", tt.name, v2), func(t *testing.T) {
				asked.Store(0)
				p := start(t, routes, "-enable-h2c-server")
				c := &http.Client{Transport: &http.Transport{}}
				t.Cleanup(c.CloseIdleConnections)
				if v2 {
					c = h2cClient(t)
				}
				for i, want := range tt.want {
					req, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+p.addr+tt.path, http.NoBody)
					if err != nil {
						t.Fatal(err)
					}
					resp, err := c.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					b, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if want == "" {
						if err == nil {
							t.Errorf("%d: a cut body seems whole: %q", i, b)
						}
						continue
					}
					if got := resp.Header.Get("X-Cache-Status") + " " + string(b); err != nil || got != want || resp.Header.Get("X-Outer") != "1" {
						t.Errorf("%d: %.40q, want %.40q, %v", i, got, want, err)
					}
				}
				if n := asked.Load(); tt.asked != 0 && n != tt.asked {
					t.Errorf("the backend was asked %d times", n)
				}
				p.checkIdle(t)
			})
		}
	}

	t.Run("renewed behind the client's back", func(t *testing.T) {
		asked.Store(0)
		p := start(t, routes)
		get := func() answer { return p.get("GET /api/swr HTTP/1.1\r\nHost: h\r\n\r\n") }
		get()
		for i := range 5 {
			if a := get(); a.Header.Get("X-Cache-Status") != "STALE" || a.body != fmt.Sprint(i+1) {
				t.Errorf("%s %q", a.Header.Get("X-Cache-Status"), a.body)
			}
			eventually(t, "the backend is asked once more", func() bool { return asked.Load() == int32(i+2) })
			p.none()
		}
		p.checkIdle(t)
	})
}

func BenchmarkCacheHit(b *testing.B) {
	back := startBackend(b, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		fmt.Fprint(w, "hello")
	})
	p := start(b, `r: * -> cache() -> "http://`+back+`"`)
	c := p.dial()
	b.ReportAllocs()
	for b.Loop() {
		c.send("GET / HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n")
		if a := c.read("GET"); a.body != "hello" {
			b.Fatal(a.body)
		}
	}
}
