package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// moody is a backend that answers as it is told: by status, or by not answering.
type moody struct {
	addr string
	mu   sync.Mutex
	seen []string // method, path and body of the requests
	// answer returns the status of the n-th request; 0 hangs up, -1 says nothing.
	answer func(n int, r *http.Request) int
	conns  atomic.Int32
}

func startMoody(t testing.TB, name string, answer func(n int, r *http.Request) int) *moody {
	m := &moody{answer: answer}
	m.addr = startRaw(t, func(_ int, c net.Conn) {
		m.conns.Add(1)
		r := bufio.NewReader(c)
		for m.serve(name, r, c) {
		}
	}).addr
	return m
}

func (m *moody) serve(name string, r *bufio.Reader, c net.Conn) bool {
	req, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return false
	}
	m.mu.Lock()
	m.seen = append(m.seen, strings.TrimSpace(fmt.Sprintf("%s %s %s", req.Method, req.URL.Path, body)))
	n := len(m.seen)
	m.mu.Unlock()
	switch status := m.answer(n, req); status {
	case 0:
		return false
	case -1:
		_, _ = io.Copy(io.Discard, c)
		return false
	default:
		text := name
		fmt.Fprintf(c, "HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s", status, len(text), text)
	}
	return true
}

func (m *moody) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.seen...)
}

func always(status int) func(int, *http.Request) int {
	return func(int, *http.Request) int { return status }
}

func lb(backends ...*moody) string {
	var b strings.Builder
	for i, m := range backends {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, `"http://%s"`, m.addr)
	}
	return "<roundRobin, " + b.String() + ">"
}

func TestRetry(t *testing.T) {
	const (
		post    = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
		put     = "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
		chunked = "PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
	)
	tests := []struct {
		name, filter, request string
		bad                   func(int, *http.Request) int
		status                int
	}{
		{"status", `retry()`, getH, always(503), 200},
		{"another status", `retry()`, getH, always(500), 500},
		{"another status, named", `retry("statuses=500")`, getH, always(500), 200},
		{"hung up", `retry()`, getH, always(0), 200},
		{"silence", `retry("timeout=50ms")`, getH, always(-1), 200},
		{"not idempotent", `retry()`, post, always(503), 503},
		{"any method", `retry("methods=any")`, post, always(503), 200},
		{"named method", `retry("methods=POST")`, post, always(503), 200},
		{"another method", `retry("methods=POST")`, getH, always(503), 503},
		{"body", `retry()`, put, always(503), 200},
		{"body, chunked", `retry()`, chunked, always(503), 200},
		{"body, hung up", `retry()`, chunked, always(0), 200},
		{"body too long", `retry("body=3")`, put, always(503), 503},
		{"body too long, chunked", `retry("body=3")`, chunked, always(503), 503},
		{"no budget", `retry("budget=0")`, getH, always(503), 503},
		{"attempts", `retry("attempts=2")`, getH, always(503), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := startMoody(t, "bad", tt.bad), startMoody(t, "bad", tt.bad)
			good := startMoody(t, "good", always(200))
			p := start(t, `r: * -> `+tt.filter+` -> `+lb(a, b, good))
			failed := 0
			for range 4 { // the budget lets ten pass in any case
				x := p.get(tt.request)
				switch {
				case tt.status == 200 && (x.StatusCode != 200 || x.body != "good"):
					t.Errorf("got %s %q", x.Status, x.body)
				case x.StatusCode != 200:
					failed++
				}
			}
			if tt.status >= 500 && failed < 2 {
				t.Errorf("%d of 4 requests failed: they were sent again", failed)
			}
			for _, m := range []*moody{a, b, good} {
				for _, s := range m.requests() {
					if strings.HasSuffix(tt.request, "body") || tt.request == chunked {
						if !strings.HasSuffix(s, "/p body") {
							t.Errorf("a backend got %q", s)
						}
					}
				}
			}
		})
	}
}

// TestRetryEndpoints makes sure that no endpoint is asked twice in a row, and that a
// route with one endpoint asks again only if it is told so.
func TestRetryEndpoints(t *testing.T) {
	t.Run("two", func(t *testing.T) {
		a, b := startMoody(t, "a", always(503)), startMoody(t, "b", always(503))
		p := start(t, `r: * -> retry("attempts=5,budget=100%") -> `+lb(a, b))
		if x := p.get(getH); x.StatusCode != 503 || (x.body != "a" && x.body != "b") {
			t.Errorf("got %s %q", x.Status, x.body)
		}
		if n, m := len(a.requests()), len(b.requests()); n+m != 5 || n-m > 1 || m-n > 1 {
			t.Errorf("asked %d and %d times", n, m)
		}
		if n, m := a.conns.Load(), b.conns.Load(); n != 1 || m != 1 {
			t.Errorf("%d and %d connections: those of failed attempts are not kept", n, m)
		}
	})
	t.Run("one", func(t *testing.T) {
		a := startMoody(t, "a", always(503))
		for _, to := range []string{`"http://` + a.addr + `"`, lb(a)} {
			before := len(a.requests())
			p := start(t, `r: Path("/") -> retry() -> `+to+`; s: Path("/same") -> retry("same=true,attempts=4,backoff=1ms") -> `+to)
			if x := p.get(getH); x.StatusCode != 503 || len(a.requests()) != before+1 {
				t.Errorf("%s: got %s, asked %d times", to, x.Status, len(a.requests())-before)
			}
			if x := p.get("GET /same HTTP/1.1\r\nHost: h\r\n\r\n"); x.StatusCode != 503 || len(a.requests()) != before+5 {
				t.Errorf("%s: got %s, asked %d times", to, x.Status, len(a.requests())-before)
			}
		}
	})
	t.Run("all but one are gone", func(t *testing.T) {
		gone := &moody{addr: closedPort(t)}
		a := startMoody(t, "a", func(n int, _ *http.Request) int { return 503 })
		p := start(t, `r: * -> retry("attempts=4,budget=100%") -> `+lb(a, gone))
		for range 4 {
			// The response of a is given up only for an attempt that can be made: that
			// with the other endpoint, whose failure is then the last word, or that of a.
			if x := p.get(getH); x.StatusCode != 503 && x.StatusCode != 502 {
				t.Errorf("got %s %q", x.Status, x.body)
			}
		}
	})
}

// TestRetryBudget makes sure that retries do not double the load of backends that
// all fail.
func TestRetryBudget(t *testing.T) {
	a, b := startMoody(t, "a", always(503)), startMoody(t, "b", always(503))
	p := start(t, `r: * -> retry("attempts=2,budget=20%") -> `+lb(a, b))
	c := p.dial()
	for range 200 {
		c.send(getH)
		c.read("GET")
	}
	if n := len(a.requests()) + len(b.requests()); n < 235 || n > 250 {
		t.Errorf("200 requests became %d", n)
	}
}

// TestRetryGuards: each attempt has its guards asked and told; a response in hand is
// not given up for an endpoint that a guard refuses.
func TestRetryGuards(t *testing.T) {
	a, b := startMoody(t, "a", always(503)), startMoody(t, "b", always(200))
	w := watch(t, "w", b.addr)
	p := start(t, `r: * -> watchedBy("w") -> retry() -> `+lb(a, b))
	for range 4 {
		if x := p.get(getH); x.StatusCode != 503 || x.body != "a" {
			t.Errorf("got %s %q", x.Status, x.body)
		}
	}
	eventually(t, "the guard is told", func() bool { return w.allowed.Load() == w.done.Load() })
	w = watch(t, "w")
	p = start(t, `r: * -> watchedBy("w") -> retry() -> `+lb(a, b))
	for range 4 {
		if x := p.get(getH); x.StatusCode != 200 {
			t.Errorf("got %s %q", x.Status, x.body)
		}
	}
	if n := w.allowed.Load(); n < 5 || n > 8 {
		t.Errorf("%d attempts", n)
	}
	eventually(t, "the guard is told", func() bool { return w.allowed.Load() == w.done.Load() })
}

// TestRetryTimeout: backendTimeout bounds all attempts together.
func TestRetryTimeout(t *testing.T) {
	a, b := startMoody(t, "a", always(-1)), startMoody(t, "b", always(-1))
	p := start(t, `r: * -> backendTimeout("300ms") -> retry("attempts=10,timeout=100ms,budget=100%") -> `+lb(a, b))
	begin := time.Now()
	if x := p.get(getH); x.StatusCode != 504 {
		t.Errorf("got %s", x.Status)
	}
	if d := time.Since(begin); d < 290*time.Millisecond || d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
	if n := len(a.requests()) + len(b.requests()); n < 2 || n > 4 {
		t.Errorf("%d attempts", n)
	}
}

// TestRetryClientGone: nobody is asked for a client that went away.
func TestRetryClientGone(t *testing.T) {
	arrived := make(chan struct{}, 10)
	say := func(int, *http.Request) int { arrived <- struct{}{}; return 503 }
	a, b := startMoody(t, "a", say), startMoody(t, "b", say)
	p := start(t, `r: * -> retry("attempts=10,backoff=1m,budget=100%") -> `+lb(a, b))
	c := p.dial()
	c.send(getH)
	<-arrived
	if err := c.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()
	eventually(t, "the exchange is over", func() bool {
		for _, ep := range p.endpoints.All() {
			if ep.Inflight() != 0 {
				return false
			}
		}
		return true
	})
}

// TestRetryLargeUpload: a large body is not kept, and arrives.
func TestRetryLargeUpload(t *testing.T) {
	var got atomic.Int64
	back := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("backend: %v", err)
		}
		got.Add(n)
		w.WriteHeader(503)
	})
	p := start(t, `r: * -> retry("budget=100%") -> <"http://`+back+`", "http://`+back+`/">`)
	const size = 1 << 20
	body := strings.Repeat("x", size)
	for _, request := range []string{
		fmt.Sprintf("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", size, body),
		fmt.Sprintf("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", size, body),
	} {
		got.Store(0)
		if x := p.get(request); x.StatusCode != 503 || got.Load() != size {
			t.Errorf("got %s, the backend %d bytes", x.Status, got.Load())
		}
	}
}
