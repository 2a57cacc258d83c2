package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// firstSilent returns two backends: of two requests the first is not answered, until
// nobody waits for that any more.
func firstSilent(t *testing.T, scheme string) (list string, cancelled *atomic.Int32) {
	cancelled = new(atomic.Int32)
	var n atomic.Int32
	h := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if n.Add(1)%2 == 1 {
			<-r.Context().Done()
			cancelled.Add(1)
			return
		}
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
	}
	a, b := startBackend(t, h), startBackend(t, h)
	if scheme == "h2c" {
		a, b = address(h2c(t, h)), address(h2c(t, h))
	}
	return fmt.Sprintf(`<"%[1]s://%[2]s", "%[1]s://%[3]s">`, scheme, a, b), cancelled
}

// TestHedge: the second endpoint answers, the first is told that nobody waits.
func TestHedge(t *testing.T) {
	for _, scheme := range []string{"http", "h2c"} {
		for name, tt := range map[string]struct{ request, want string }{
			"no body": {getH, "GET / "},
			"body":    {"PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", "PUT /p body"},
			"chunked": {"PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", "PUT /p body"},
		} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				list, cancelled := firstSilent(t, scheme)
				w := watch(t, "w")
				p := start(t, `r: * -> watchedBy("w") -> hedge("20ms", 1, "budget=100%") -> `+list)
				c := p.dial()
				for i := range 3 {
					c.send(tt.request)
					if a := c.read("GET"); a.StatusCode != 200 || a.body != tt.want {
						t.Fatalf("got %s %q", a.Status, a.body)
					}
					eventually(t, "the loser is cancelled", func() bool { return cancelled.Load() == int32(i+1) })
				}
				eventually(t, "the guard is told", func() bool { return w.allowed.Load() == 6 && w.done.Load() == 6 })
				lost := 0
				w.mu.Lock()
				defer w.mu.Unlock()
				for _, o := range w.told {
					if o == (filter.Outcome{Reason: message.ReasonClientGone}) {
						lost++
					}
				}
				if lost != 3 {
					t.Errorf("told %+v", w.told)
				}
				for _, ep := range p.endpoints.All() {
					eventually(t, "nothing is under way", func() bool { return ep.Inflight() == 0 })
				}
			})
		}
	}
}

// TestHedgeNot lists the requests that are sent once.
func TestHedgeNot(t *testing.T) {
	for name, tt := range map[string]struct{ filter, request string }{
		"not idempotent": {`hedge("1ms")`, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"},
		"a long body":    {`hedge("1ms", 1, "body=3")`, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"},
		"no budget":      {`hedge("1ms", 1, "budget=0%")`, getH},
		"fast":           {`hedge("30s")`, getH},
	} {
		t.Run(name, func(t *testing.T) {
			slow := func(int, *http.Request) int { <-time.After(30 * time.Millisecond); return 200 }
			a, b := startMoody(t, "a", slow), startMoody(t, "b", slow)
			p := start(t, `r: * -> `+tt.filter+` -> `+lb(a, b))
			if x := p.get(tt.request); x.StatusCode != 200 {
				t.Errorf("got %s", x.Status)
			}
			if n := len(a.requests()) + len(b.requests()); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// TestHedgeFailures: a failure does not win as long as something better may come.
func TestHedgeFailures(t *testing.T) {
	slowGood := func(int, *http.Request) int { <-time.After(100 * time.Millisecond); return 200 }
	for name, tt := range map[string]struct {
		filter string
		bad    func(int, *http.Request) int
		good   func(int, *http.Request) int
		status int
	}{
		"error page while the other works": {`hedge("10ms")`, always(500), slowGood, 0},
		"hung up while the other works":    {`hedge("10ms")`, always(0), slowGood, 0},
		"both fail":                        {`hedge("10ms")`, always(500), func(int, *http.Request) int { <-time.After(50 * time.Millisecond); return 503 }, 500},
		"both hang up":                     {`hedge("10ms")`, always(0), always(0), 502},
		"with retries":                     {`retry("budget=100%") -> hedge("10ms")`, always(503), always(200), 200},
		"with retries that fail":           {`retry("budget=100%,attempts=4") -> hedge("10ms")`, always(503), always(0), 500},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := startMoody(t, "a", tt.bad), startMoody(t, "b", tt.good)
			p := start(t, `r: * -> `+tt.filter+` -> `+lb(a, b))
			for range 4 {
				x := p.get(getH)
				switch {
				case tt.status == 0: // whichever was asked first
				case tt.status == 500 && x.StatusCode >= 500:
				case x.StatusCode != tt.status:
					t.Errorf("got %s %q", x.Status, x.body)
				}
			}
		})
	}
	t.Run("slow first, bad second", func(t *testing.T) {
		var n atomic.Int32
		h := func(w http.ResponseWriter, _ *http.Request) {
			if n.Add(1)%2 == 0 {
				w.WriteHeader(500)
				return
			}
			<-time.After(100 * time.Millisecond)
			fmt.Fprint(w, "good")
		}
		p := start(t, fmt.Sprintf(`r: * -> hedge("10ms", 1, "budget=100%%") -> <"http://%s", "http://%s">`, startBackend(t, h), startBackend(t, h)))
		for range 3 {
			if x := p.get(getH); x.StatusCode != 200 || x.body != "good" {
				t.Errorf("got %s %q", x.Status, x.body)
			}
		}
	})
}

// TestHedgeClientGone: nobody works for a client that went away.
func TestHedgeClientGone(t *testing.T) {
	var arrived, gone atomic.Int32
	h := func(_ http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		<-r.Context().Done()
		gone.Add(1)
	}
	p := start(t, fmt.Sprintf(`r: * -> hedge("10ms") -> <"http://%s", "http://%s">`, startBackend(t, h), startBackend(t, h)))
	c := p.dial()
	c.send(getH)
	eventually(t, "both are asked", func() bool { return arrived.Load() == 2 })
	if err := c.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()
	eventually(t, "both are told", func() bool { return gone.Load() == 2 })
	eventually(t, "the reason is logged", func() bool { return strings.Contains(p.log.String(), "reason=client-gone") })
}

// TestHedgePanic: a guard that panics while attempts are under way leaves nothing
// behind.
func TestHedgePanic(t *testing.T) {
	list, _ := firstSilent(t, "http")
	w := watch(t, "w")
	w.panic = "second"
	p := start(t, `r: * -> watchedBy("w") -> hedge("10ms", 1) -> `+list)
	if x := p.get(getH); x.StatusCode != 500 {
		t.Errorf("got %s", x.Status)
	}
	eventually(t, "the guard is told", func() bool { return w.done.Load() == 1 })
	for _, ep := range p.endpoints.All() {
		eventually(t, "nothing is under way", func() bool { return ep.Inflight() == 0 })
	}
}

// TestHedgeManyAtOnce runs races side by side, so that the race detector sees them.
func TestHedgeManyAtOnce(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		<-time.After(time.Duration(len(r.URL.Path)%5) * time.Millisecond)
		fmt.Fprint(w, string(body))
	}
	for _, scheme := range []string{"http", "h2c"} {
		t.Run(scheme, func(t *testing.T) {
			var list []string
			for range 3 {
				a := startBackend(t, h)
				if scheme == "h2c" {
					a = address(h2c(t, h))
				}
				list = append(list, fmt.Sprintf(`"%s://%s"`, scheme, a))
			}
			p := start(t, `r: * -> retry() -> hedge("2ms", 2, "budget=100%") -> <`+strings.Join(list, ", ")+`>`)
			done := make(chan struct{})
			for k := range 8 {
				go func() {
					defer func() { done <- struct{}{} }()
					c := p.dial()
					for i := range 50 {
						body := fmt.Sprintf("%d-%d", k, i)
						c.send(fmt.Sprintf("PUT /%s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", strings.Repeat("x", i), len(body), body))
						resp, err := http.ReadResponse(c.r, nil)
						if err != nil {
							t.Error(err)
							return
						}
						got, err := io.ReadAll(resp.Body)
						if err != nil || string(got) != body {
							t.Errorf("got %q %v, want %q", got, err, body)
						}
					}
				}()
			}
			for range 8 {
				<-done
			}
			for _, ep := range p.endpoints.All() {
				eventually(t, "nothing is under way", func() bool { return ep.Inflight() == 0 })
			}
		})
	}
}

// TestRetryHTTP2 retries over streams, and keeps their connection.
func TestRetryHTTP2(t *testing.T) {
	bad := h2c(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) })
	good := h2c(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", b, r.Trailer.Get("Sum"))
	})
	p := start(t, fmt.Sprintf(`r: * -> retry("budget=100%%") -> <"h2c://%s", "h2c://%s">`, address(bad), address(good)))
	c := p.dial()
	for range 6 {
		c.send("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n4\r\nbody\r\n0\r\nSum: 7\r\n\r\n")
		if a := c.read("PUT"); a.StatusCode != 200 || a.body != "body 7" {
			t.Errorf("got %s %q", a.Status, a.body)
		}
	}
}

// TestRepeatsAllocateNothing asserts that retry() costs no memory where nothing
// fails.
func TestRepeatsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	back := answering(t, "hello")
	p := start(t, `r: * -> retry("timeout=1s") -> <"http://`+back.addr+`", "http://`+back.addr+`/x">`)
	if got := p.allocations(getH, 2000); got >= 0.5 {
		t.Errorf("%v allocations a request", got)
	}
}
