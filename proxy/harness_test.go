package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	_ "fairlead.dev/fairlead/filter/cache"
	_ "fairlead.dev/fairlead/filter/egress"
	_ "fairlead.dev/fairlead/filter/forward"
	_ "fairlead.dev/fairlead/filter/header"
	_ "fairlead.dev/fairlead/filter/path"
	_ "fairlead.dev/fairlead/filter/respond"
	_ "fairlead.dev/fairlead/filter/shadow"
	"fairlead.dev/fairlead/kit/logtest"
	"fairlead.dev/fairlead/listen"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/predicate"
	_ "fairlead.dev/fairlead/predicate/fixed"
	_ "fairlead.dev/fairlead/predicate/header"
	_ "fairlead.dev/fairlead/predicate/path"
	"fairlead.dev/fairlead/proxy"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testProxy is a running proxy.
type testProxy struct {
	*proxy.Proxy
	t    testing.TB
	addr string
	log  *logtest.Buffer
	stop func()
	// endpoints are those of its routes.
	endpoints *backend.Set
	set       *option.Set
}

// start runs a proxy with the routes of an eskip document. Empty routes mean
// that none are loaded yet.
func start(t testing.TB, routes string, flags ...string) *testProxy {
	t.Helper()
	return startWithTLS(t, nil, routes, flags...)
}

// startWithTLS is start with a listener that speaks TLS, if conf is set.
func startWithTLS(t testing.TB, conf *tls.Config, routes string, flags ...string) *testProxy {
	t.Helper()
	set := option.NewSet()
	flags = append([]string{"-address=127.0.0.1:0", "-shutdown-timeout=5s"}, flags...)
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	logs := new(logtest.Buffer)
	log := slog.New(slog.NewTextHandler(logs, nil))
	m, err := metrics.New(set, log)
	if err != nil {
		t.Fatal(err)
	}
	endpoints := new(backend.Set)
	p, err := proxy.New(proxy.Config{Options: set, Log: log, Metrics: m, Endpoints: endpoints})
	if err != nil {
		t.Fatal(err)
	}
	if routes != "" {
		p.SetTable(compile(t, p, endpoints, set, routes))
	}
	ctx, cancel := context.WithCancel(context.Background())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := listen.NewGate(set, listen.GateConfig{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- p.Run(ctx, proxy.Door{Socket: ln, Listener: listen.New(listen.Config{Gate: gate, Sweeper: p.Sweeper(), TLS: conf, Log: log})})
	}()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("proxy ended with %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return &testProxy{Proxy: p, t: t, addr: ln.Addr().String(), log: logs, stop: stop, endpoints: endpoints, set: set}
}

// compile makes a table for p.
func (p *testProxy) compile(text string) *table.Table {
	p.t.Helper()
	return compile(p.t, p.Proxy, p.endpoints, p.set, text)
}

func compile(t testing.TB, p *proxy.Proxy, endpoints *backend.Set, set *option.Set, text string) *table.Table {
	t.Helper()
	defs, err := eskip.Parse("test", text)
	if err != nil {
		t.Fatal(err)
	}
	env := filter.NewEnv(set, nil)
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &route.Compiler{
		FilterEnv: env, PredicateEnv: &predicate.Env{Options: set},
		Endpoints: endpoints, Attach: p.Attach, AttachStep: p.AttachStep,
	}
	var put []*table.Route
	for _, def := range defs {
		r, problem := c.Compile(def)
		if problem != nil {
			t.Fatal(problem.Err)
		}
		put = append(put, &table.Route{ID: r.ID, Predicates: r.Predicates, Value: r})
	}
	tbl, problems := table.New(table.Options{}).Update(put, nil)
	if len(problems) > 0 {
		t.Fatal(problems[0].Err)
	}
	return tbl
}

// dial opens a raw connection to the proxy.
func (p *testProxy) dial() *client {
	p.t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	return &client{t: p.t, TCPConn: c.(*net.TCPConn), r: bufio.NewReader(c)}
}

// client is a raw client connection.
type client struct {
	*net.TCPConn
	t testing.TB
	r *bufio.Reader
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.TCPConn, text); err != nil {
		c.t.Fatal(err)
	}
}

// answer is a response with its body.
type answer struct {
	*http.Response
	body string
}

// read reads a response; method is that of the request.
func (c *client) read(method string) answer {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("read response: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("read body of %s: %v", resp.Status, err)
	}
	return answer{resp, string(body)}
}

// rest reads until the connection ends.
func (c *client) rest() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if err != nil && !errors.Is(err, io.EOF) {
		return string(b) + "!" + err.Error()
	}
	return string(b)
}

// get sends one request on a connection of its own.
func (p *testProxy) get(request string) answer {
	p.t.Helper()
	c := p.dial()
	c.send(request)
	method, _, _ := strings.Cut(request, " ")
	return c.read(method)
}

// rawBackend is a backend that is driven by hand: serve is called with each
// connection and its number.
type rawBackend struct {
	addr  string
	count func() int
}

func startRaw(t testing.TB, serve func(n int, c net.Conn)) *rawBackend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	n := 0
	open := map[net.Conn]bool{}
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			n++
			k := n
			open[c] = true
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				serve(k, c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return &rawBackend{addr: ln.Addr().String(), count: func() int { mu.Lock(); defer mu.Unlock(); return n }}
}

// startBackend runs an ordinary HTTP backend.
func startBackend(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return ln.Addr().String()
}

// readHead reads one request head from a backend's connection.
func readHead(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return b.String(), err
		}
		if line == "\r\n" {
			return b.String(), nil
		}
	}
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen in time: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}
