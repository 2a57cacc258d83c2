package cache

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a cache before a backend, in the time of the test.
type world struct {
	t      testing.TB
	env    *filter.Env
	counts *counts
	filter filter.Filter

	mu sync.Mutex
	// asked are the requests that reached the backend.
	asked []*message.Request
	// backend answers; the body is text.
	backend func(*message.Request) answer
}

// answer is one of the backend.
type answer struct {
	status int
	fields string // lines
	body   string
}

// got is what a client got.
type got struct {
	status int
	how    string // X-Cache-Status
	body   string
	header message.Header
}

func newWorld(t testing.TB, args ...any) *world { return newWorldWith(t, nil, args...) }

func newWorldWith(t testing.TB, flags []string, args ...any) *world {
	t.Helper()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, env: filter.NewEnv(set, nil), counts: &counts{n: map[string]float64{}}}
	w.env.Metrics = w.counts
	w.filter = w.another(args...)
	w.answers(200, "Cache-Control: max-age=60", "body")
	return w
}

// another makes another route's filter with the same memory.
func (w *world) another(args ...any) filter.Filter {
	return filtertest.BuildEnv(w.t, w.env, "cache", args...)
}

func (w *world) answers(status int, fields, body string) {
	w.backend = func(*message.Request) answer { return answer{status, fields, body} }
}

// close ends the renewals and looks that nothing was kept that must not be.
func (w *world) close() {
	w.t.Helper()
	s := sharedOf(w.env)
	if err := w.env.Close(); err != nil {
		w.t.Error(err)
	}
	if left := s.filling.Load(); left != s.opts.Size/4 {
		w.t.Errorf("%d bytes are still taken for filling", s.opts.Size/4-left)
	}
	if len(s.flights.on) > 0 {
		w.t.Errorf("%d flights never landed", len(s.flights.on))
	}
	bytes := int64(0)
	for i := range s.store.shards {
		bytes += s.store.shards[i].bytes
	}
	if g := w.counts.get("lru_bytes"); int64(g) != bytes {
		w.t.Errorf("lru_bytes says %v, there are %d", g, bytes)
	}
}

// request makes a request of lines: "GET /path?query", then fields.
func request(t testing.TB, text string) *filtertest.Exchange {
	lines := strings.Split(text, "\n")
	method, target, ok := strings.Cut(lines[0], " ")
	if !ok {
		method, target = "GET", lines[0]
	}
	x := filtertest.Get(t, target)
	x.Request.Method = method
	x.Request.Host = "www.example.org"
	addFields(&x.Request.Header, lines[1:])
	x.Restart()
	return x
}

func addFields(h *message.Header, lines []string) {
	for _, l := range lines {
		if name, value, ok := strings.Cut(l, ": "); ok {
			h.Add(name, value)
		}
	}
}

func (w *world) get(text string) got { return w.through(w.filter, request(w.t, text)) }

// through sends a request through f, and reads the answer to its end.
func (w *world) through(f filter.Filter, x *filtertest.Exchange) got {
	w.t.Helper()
	if x.Routes == nil {
		x.Routes = w.route
	}
	x.RunRequest(f)
	if !x.Served() {
		x.Response = w.ask(x.Request)
	}
	x.RunResponse(f)
	g := got{x.Response.Status, x.Response.Header.Get(statusField), "", x.Response.Header}
	g.body = x.ResponseBody()
	x.RunEnd(f)
	return g
}

func (w *world) ask(r *message.Request) *message.Response {
	w.mu.Lock()
	copied := r.Clone()
	w.asked = append(w.asked, &copied)
	backend := w.backend
	w.mu.Unlock()
	a := backend(r)
	resp := &message.Response{Status: a.status}
	addFields(&resp.Header, strings.Split(a.fields, "\n"))
	if !resp.Header.Has("Date") {
		resp.Header.Add("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	resp.Header.Add("Server", "Skipper")
	if a.body != "" {
		resp.SetBody(io.NopCloser(strings.NewReader(a.body)), int64(len(a.body)))
	}
	return resp
}

// route is for what the cache sends itself.
func (w *world) route(_ context.Context, r *message.Request) (*message.Response, error) {
	x := filtertest.New(w.t)
	*x.Request = *r
	x.Restart()
	x.Routes = w.route
	x.RunRequest(w.filter)
	if !x.Served() {
		x.Response = w.ask(x.Request)
	}
	x.RunResponse(w.filter)
	resp := x.Response
	if resp.Body == nil {
		x.RunEnd(w.filter)
		return resp, nil
	}
	resp.Body = &ending{resp.Body, func() { x.RunEnd(w.filter) }}
	return resp, nil
}

type ending struct {
	io.Reader
	end func()
}

func (e *ending) Close() error {
	err := e.Reader.(io.Closer).Close()
	e.end()
	return err
}

// reached returns how many requests reached the backend since it was last asked.
func (w *world) reached() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.asked)
	w.asked = nil
	return n
}

// last returns the request that reached the backend last.
func (w *world) last() *message.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[len(w.asked)-1]
}

type counts struct {
	mu sync.Mutex
	n  map[string]float64
}

func (c *counts) get(key string) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[key]
}

func (c *counts) Counter(key string) filter.Counter { return number{c, key} }
func (c *counts) Gauge(key string) filter.Gauge     { return gauge{number{c, key}} }
func (c *counts) Timer(string) filter.Timer         { return nil }

type number struct {
	c   *counts
	key string
}

func (n number) Add(by uint64) { n.add(float64(by)) }

func (n number) add(by float64) {
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	n.c.n[n.key] += by
}

type gauge struct{ number }

func (g gauge) Add(v float64) { g.add(v) }
func (g gauge) Set(v float64) { panic("nobody sets it") }
