package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

// TestHedgeInterimOfLoser: interim responses of who loses the race do not come
// between the bytes of the winner's response.
func TestHedgeInterimOfLoser(t *testing.T) {
	var n atomic.Int32
	serve := func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			if n.Add(1)%2 == 0 {
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
				continue
			}
			for range 7 { // more are an error
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"); err != nil {
					return
				}
				<-time.After(300 * time.Microsecond)
			}
			_, _ = io.Copy(io.Discard, r)
			return
		}
	}
	a, b := startRaw(t, serve), startRaw(t, serve)
	p := start(t, fmt.Sprintf(`r: * -> hedge("1ms", 1, "budget=100%%") -> <roundRobin, "http://%s", "http://%s">`, a.addr, b.addr))
	hints := 0
	for range 30 {
		c := p.dial()
		c.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		all := c.rest()
		_, final, ok := strings.Cut(all, "HTTP/1.1 200")
		if !ok || strings.Contains(final, "103") || !strings.HasSuffix(final, "\r\n\r\ngood") {
			t.Fatalf("got %q", all)
		}
		if strings.Contains(all, "103 Early Hints") {
			hints++
		}
	}
	if hints == 0 {
		t.Error("no interim response came")
	}
}

// TestHedgeSavedKeepsRetries: what the budget keeps from being sent is no attempt,
// is saved once, and does not use up what guards allow.
func TestHedgeSavedKeepsRetries(t *testing.T) {
	slow := func(n int, _ *http.Request) int {
		<-time.After(100 * time.Millisecond)
		return 503
	}
	a, b := startMoody(t, "a", slow), startMoody(t, "b", slow)
	w := watch(t, "w")
	p := start(t, `r: * -> watchedBy("w") -> retry("budget=100%,attempts=2") -> hedge("5ms", 1, "budget=0%") -> `+lb(a, b))
	if x := p.get(getH); x.StatusCode != 503 {
		t.Errorf("got %s", x.Status)
	}
	if n := len(a.requests()) + len(b.requests()); n != 2 {
		t.Errorf("sent %d times, want 2", n)
	}
	if n := w.allowed.Load(); n > 3 {
		t.Errorf("guards were asked for %d permits, for 2 attempts and 1 that was saved", n)
	}
}

// grudging is a filter whose body never forgets an error, as most do.
type grudging struct{ filter.RequestOnly }

type grudgingBody struct {
	src io.Reader
	err error
}

func (b *grudgingBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.src.Read(p)
	b.err = err
	return n, err
}

func (grudging) Request(c *filter.Context) {
	if r := c.Request; r.Body != nil {
		r.SetBody(&grudgingBody{src: r.Body}, r.ContentLength)
	}
}

var _ = filter.Define(filter.Def{
	Name: "grudging", Doc: "for tests", Example: "* -> <shunt>",
	New: func(arg.Values, *filter.Env) (filter.Filter, error) { return grudging{}, nil },
})

// TestRetryInterruptedBody: a backend refuses a request while the client still sends
// the body. Where filters read that, nobody knows if they can go on reading: the
// client gets what the backend said. Where none does, the request is sent again.
func TestRetryInterruptedBody(t *testing.T) {
	for name, tt := range map[string]struct {
		filters string
		status  int
		body    string
	}{
		"no filter": {"", 200, "firstsecond"},
		"a filter":  {"grudging() -> ", 503, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			refused := make(chan struct{})
			var once sync.Once
			early := startRaw(t, func(_ int, c net.Conn) {
				r := bufio.NewReader(c)
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				fmt.Fprint(c, "HTTP/1.1 503 X\r\nContent-Length: 1\r\n\r\na")
				once.Do(func() { close(refused) })
				_, _ = io.Copy(io.Discard, r)
			})
			good := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					w.WriteHeader(500)
				}
				_, _ = io.Copy(w, bytes.NewReader(b))
			})
			p := start(t, fmt.Sprintf(`r: * -> %sretry("budget=100%%") -> <roundRobin, "http://%s", "http://%s">`, tt.filters, early.addr, good))
			for range 2 { // one of them begins with the early one
				c := p.dial()
				c.send("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
				select {
				case <-refused:
					<-time.After(50 * time.Millisecond)
				case <-time.After(50 * time.Millisecond):
				}
				_, _ = io.WriteString(c, "6\r\nsecond\r\n0\r\n\r\n")
				x := c.read("PUT")
				if x.StatusCode == 200 && x.body == "firstsecond" {
					continue
				}
				if x.StatusCode != tt.status || x.body != tt.body {
					t.Errorf("got %s %q", x.Status, x.body)
				}
			}
		})
	}
}

// TestCacheKeepsNoFailures: that a guard keeps one request from the backend, or that
// no backend answers it, is not the answer to the next.
func TestCacheKeepsNoFailures(t *testing.T) {
	good := startMoody(t, "good", func(n int, _ *http.Request) int { return 200 * min(n-1, 1) }) // hangs up at first
	w := watch(t, "w", "all")
	p := start(t, fmt.Sprintf(`r: * -> cache("1m", "1m", "0s", "0s") -> watchedBy("w") -> "http://%s"`, good.addr))
	if x := p.get(getH); x.StatusCode != 503 || x.Header.Get("X-Circuit-Open") == "" {
		t.Fatalf("got %s", x.Status)
	}
	w.mu.Lock()
	w.refuse = nil
	w.mu.Unlock()
	for _, want := range []int{502, 200, 200} {
		if x := p.get(getH); x.StatusCode != want {
			t.Errorf("got %s, want %d", x.Status, want)
		}
	}
}

// TestHedgeClientGoneUploading: the client goes away while an attempt of a race still
// reads its body.
func TestHedgeClientGoneUploading(t *testing.T) {
	serve := func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.Copy(io.Discard, r)
		}
	}
	a, b := startRaw(t, serve), startRaw(t, serve)
	p := start(t, fmt.Sprintf(`r: * -> hedge("1ms", 1, "budget=100%%") -> <"http://%s", "http://%s">`, a.addr, b.addr))
	for i := range 60 {
		c := p.dial()
		c.send("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n")
		<-time.After(time.Duration(i%6) * time.Millisecond)
		if i%2 == 0 {
			_ = c.SetLinger(0)
		}
		_ = c.Close()
	}
	for _, ep := range p.endpoints.All() {
		eventually(t, "nothing is under way", func() bool { return ep.Inflight() == 0 })
	}
}

// TestShadowOfRace: a request that is sent to two endpoints has one shadow, whose body
// is whole.
func TestShadowOfRace(t *testing.T) {
	var seen atomic.Int32
	shadow := startBackend(t, func(_ http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err == nil && string(b) == "body" {
			seen.Add(1)
		}
	})
	list, _ := firstSilent(t, "http")
	p := start(t, fmt.Sprintf(`r: * -> tee("http://%s") -> hedge("5ms", 1, "budget=100%%") -> %s`, shadow, list))
	for i := range 5 {
		if x := p.get("PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"); x.body != "PUT /p body" {
			t.Errorf("got %s %q", x.Status, x.body)
		}
		eventually(t, "one shadow came, whole", func() bool { return seen.Load() == int32(i+1) })
	}
}
