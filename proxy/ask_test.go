package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// watchman is a guard that refuses the addresses in refuse and keeps what it is
// told.
type watchman struct {
	filter.RequestOnly
	name  string
	panic string

	allowed, done atomic.Int64

	mu     sync.Mutex
	refuse []string
	told   []filter.Outcome
}

var watchmen sync.Map // name -> *watchman

func watch(t testing.TB, name string, refuse ...string) *watchman {
	w := &watchman{name: name, refuse: refuse}
	watchmen.Store(name, w)
	t.Cleanup(func() { watchmen.Delete(name) })
	return w
}

var _ = filter.Define(filter.Def{
	Name: "watchedBy", Params: []arg.Param{{Name: "name"}}, Doc: "for tests", Example: "* -> <shunt>",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		w, ok := watchmen.Load(v.Text(0))
		if !ok {
			return nil, fmt.Errorf("no watchman %q", v.Text(0))
		}
		return w.(*watchman), nil
	},
})

func (w *watchman) Request(c *filter.Context) { c.Guards = append(c.Guards, w) }

func (w *watchman) Allow(_ *filter.Context, address string) message.Reason {
	if w.panic == "allow" || w.panic == "second" && w.allowed.Load() == 1 {
		panic("in Allow")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.refuse, address) || slices.Contains(w.refuse, "all") {
		return message.ReasonCircuitOpen
	}
	w.allowed.Add(1)
	return message.ReasonNone
}

func (w *watchman) Done(_ *filter.Context, _ string, o filter.Outcome) {
	w.mu.Lock()
	if len(w.told) < 100 {
		w.told = append(w.told, o)
	}
	w.mu.Unlock()
	w.done.Add(1)
	if w.panic == "done" {
		panic("in Done")
	}
}

func (w *watchman) Refusal(_ *filter.Context, resp *message.Response) {
	resp.Header.Add("X-Circuit-Open", "true")
}

// check makes sure that each Allow had its Done, with these outcomes.
func (w *watchman) check(t *testing.T, want ...filter.Outcome) {
	t.Helper()
	eventually(t, w.name+" is told the end", func() bool { return w.allowed.Load() == w.done.Load() })
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.told, want) {
		t.Errorf("%s was told %+v, want %+v", w.name, w.told, want)
	}
}

func TestGuards(t *testing.T) {
	good := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/500" {
			w.WriteHeader(500)
		}
	})
	dead := closedPort(t)
	both := fmt.Sprintf(`<roundRobin, "http://%s", "http://%s">`, dead, good)
	ok := filter.Outcome{Status: 200}
	failed := filter.Outcome{Reason: message.ReasonDialFailed}
	refused := filter.Outcome{Reason: message.ReasonCircuitOpen, Refused: true}
	tests := []struct {
		name, path, to string
		refuse         [2][]string
		panic          string
		status         int
		outcomes       [2][]filter.Outcome
	}{
		{name: "allowed", to: `"http://` + good + `"`, status: 200, outcomes: [2][]filter.Outcome{{ok}, {ok}}},
		{name: "the backend's status", path: "500", to: `"http://` + good + `"`, status: 500, outcomes: [2][]filter.Outcome{{{Status: 500}}, {{Status: 500}}}},
		{name: "no connection", to: `"http://` + dead + `"`, status: 502, outcomes: [2][]filter.Outcome{{failed}, {failed}}},
		{name: "the first refuses", to: `"http://` + good + `"`, refuse: [2][]string{{"all"}, nil}, status: 503},
		{name: "the second refuses", to: `"http://` + good + `"`, refuse: [2][]string{nil, {"all"}}, status: 503, outcomes: [2][]filter.Outcome{{refused}, nil}},
		{name: "another endpoint", to: both, refuse: [2][]string{{dead}, nil}, status: 200, outcomes: [2][]filter.Outcome{{ok}, {ok}}},
		{name: "all endpoints", to: both, refuse: [2][]string{{good, dead}, nil}, status: 503},
		{name: "panic when asked", to: `"http://` + good + `"`, panic: "allow", status: 500, outcomes: [2][]filter.Outcome{{{Reason: message.ReasonFilterPanic}}, nil}},
		{name: "panic when told", to: `"http://` + good + `"`, panic: "done", status: 500, outcomes: [2][]filter.Outcome{{{Reason: message.ReasonFilterPanic}}, {ok}}},
		{name: "dynamic", to: `<dynamic>`, status: 200, outcomes: [2][]filter.Outcome{{ok}, {ok}}},
		{name: "shunt", to: `<shunt>`, status: 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, second := watch(t, "first", tt.refuse[0]...), watch(t, "second", tt.refuse[1]...)
			second.panic = tt.panic
			p := start(t, `r: * -> watchedBy("first") -> watchedBy("second") -> setDynamicBackendUrl("http://`+good+`") -> `+tt.to)
			a := p.get("GET /" + tt.path + " HTTP/1.1\r\nHost: h\r\n\r\n")
			if a.StatusCode != tt.status {
				t.Errorf("got %s", a.Status)
			}
			if open := a.Header.Get("X-Circuit-Open") == "true"; open != (tt.status == 503) {
				t.Errorf("fields %v", a.Header)
			}
			first.check(t, tt.outcomes[0]...)
			second.check(t, tt.outcomes[1]...)
		})
	}
}

// TestGuardsPassOver makes sure that many refusals do not use up the attempts.
func TestGuardsPassOver(t *testing.T) {
	good := startBackend(t, func(http.ResponseWriter, *http.Request) {})
	var list, refuse []string
	for i := range 12 {
		refuse = append(refuse, fmt.Sprintf("127.0.0.1:%d", i+1))
		list = append(list, `"http://`+refuse[i]+`"`)
	}
	w := watch(t, "w", refuse...)
	p := start(t, `r: * -> watchedBy("w") -> <`+strings.Join(list, ", ")+`, "http://`+good+`">`)
	for range 13 {
		if a := p.get(getH); a.StatusCode != 200 {
			t.Fatalf("got %s", a.Status)
		}
	}
	if w.allowed.Load() != 13 {
		t.Errorf("%d attempts", w.allowed.Load())
	}
}

// TestGuardsClientGone: who hangs up ends the attempt, and says nothing about the
// endpoint.
func TestGuardsClientGone(t *testing.T) {
	arrived := make(chan struct{})
	back := startRaw(t, func(_ int, c net.Conn) {
		if _, err := readHead(bufio.NewReader(c)); err == nil {
			close(arrived)
			_, _ = io.Copy(io.Discard, c)
		}
	})
	w := watch(t, "w")
	p := start(t, `r: * -> watchedBy("w") -> "http://`+back.addr+`"`)
	c := p.dial()
	c.send(getH)
	<-arrived
	if err := c.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()
	eventually(t, "the guard is told", func() bool { return w.done.Load() == 1 })
	w.check(t, filter.Outcome{Reason: message.ReasonClientGone})
	if (filter.Outcome{Reason: message.ReasonClientGone}).Failed() {
		t.Error("it counts as a failure of the endpoint")
	}
}

// TestGuardsAllocateNothing asserts that asking and telling costs no memory.
func TestGuardsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	back := answering(t, "hello")
	w := watch(t, "w")
	p := start(t, `r: * -> watchedBy("w") -> watchedBy("w") -> <"http://`+back.addr+`", "http://`+back.addr+`">`)
	if got := p.allocations(getH, 2000); got >= 0.5 {
		t.Errorf("%v allocations a request", got)
	}
	if w.allowed.Load() < 4000 {
		t.Errorf("asked %d times", w.allowed.Load())
	}
}

// answering answers whatever comes at once, without taking memory for it.
func answering(t testing.TB, body string) *rawBackend {
	response := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return startRaw(t, func(_ int, c net.Conn) {
		p := make([]byte, 4096)
		for {
			if _, err := c.Read(p); err != nil {
				return
			}
			if _, err := c.Write(response); err != nil {
				return
			}
		}
	})
}

// allocations returns how many allocations a request costs, in all of the process.
func (p *testProxy) allocations(text string, runs int) float64 {
	p.t.Helper()
	c := p.dial()
	request, answer := []byte(text), make([]byte, 4096)
	return testing.AllocsPerRun(runs, func() {
		if _, err := c.Write(request); err != nil {
			p.t.Fatal(err)
		}
		if _, err := c.TCPConn.Read(answer); err != nil {
			p.t.Fatal(err)
		}
	})
}
