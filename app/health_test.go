package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// server is a backend that can go away and come back at the same address.
type server struct {
	t    *testing.T
	addr string
	hits atomic.Int64
	srv  *http.Server
	done chan struct{}
}

func (s *server) up() {
	s.t.Helper()
	addr := s.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr, s.done = ln.Addr().String(), make(chan struct{})
	s.srv = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.hits.Add(1)
		fmt.Fprint(w, "ok")
	})}
	go func() { defer close(s.done); _ = s.srv.Serve(ln) }()
}

func (s *server) down() {
	_ = s.srv.Close()
	<-s.done
}

// TestHealth takes a backend away under load: its endpoint leaves within a second of
// errors, no client notices, and it returns when the backend does.
func TestHealth(t *testing.T) {
	a, b := &server{t: t}, &server{t: t}
	a.up()
	b.up()
	defer b.down()
	p := run(t, "-wait-first-route-load", "-health-check=interval=200ms", fmt.Sprintf(`-inline-routes=r: * -> retry() -> <roundRobin, "http://%s", "http://%s">`, a.addr, b.addr))
	defer http.DefaultClient.CloseIdleConnections()
	get := func() {
		t.Helper()
		resp, err := http.Get(p.proxy + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || string(body) != "ok" {
			t.Fatalf("got %s %q %v\n%s", resp.Status, body, err, p.log)
		}
	}
	shows := func(value int) bool {
		resp, err := http.Get(p.support + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(body), fmt.Sprintf(`fairlead_endpoint_healthy{endpoint="http://%s"} %d`, a.addr, value))
	}
	for range 10 {
		get()
	}
	if a.hits.Load() == 0 || b.hits.Load() == 0 {
		t.Fatalf("%d and %d requests", a.hits.Load(), b.hits.Load())
	}
	a.down()
	gone := time.Now()
	for !shows(0) {
		get() // served by the other one
		if time.Since(gone) > time.Second {
			t.Fatal("its endpoint is still there after a second of errors")
		}
	}
	t.Logf("left after %v", time.Since(gone).Round(time.Millisecond))
	before := a.hits.Load()
	a.up()
	defer a.down()
	back := time.Now()
	for !shows(1) {
		if time.Since(back) > 10*time.Second {
			t.Fatal("its endpoint does not come back")
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Logf("came back after %v", time.Since(back).Round(time.Millisecond))
	for range 10 {
		get()
	}
	if a.hits.Load() == before {
		t.Error("it gets no requests")
	}
	if !strings.Contains(p.log.String(), "endpoint left out") || !strings.Contains(p.log.String(), "endpoint is back") {
		t.Error("the log does not say so")
	}
}

// TestPassiveHealth is -passive-health-check with a backend that hangs up on most
// requests.
func TestPassiveHealth(t *testing.T) {
	good := &server{t: t}
	good.up()
	defer good.down()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	defer func() { ln.Close(); <-done }()
	p := run(t, "-wait-first-route-load", "-health-check=off", "-passive-health-check=period=200ms,min-requests=4,max-drop-probability=0.95",
		fmt.Sprintf(`-inline-routes=r: * -> <roundRobin, "http://%s", "http://%s">`, good.addr, ln.Addr()))
	failed := func(n int) (bad int) {
		for range n {
			if status, _ := p.get(p.proxy + "/"); status != 200 {
				bad++
			}
		}
		return bad
	}
	if n := failed(20); n < 5 {
		t.Fatalf("%d of 20 requests failed, want about 10", n)
	}
	p.eventually("most requests avoid it", func() bool { return failed(20) <= 3 })
	p.eventually("it is counted", func() bool {
		failed(20)
		_, text := p.get(p.support + "/metrics")
		return strings.Contains(text, `custom_total{key="passive-health-check.endpoints.dropped"}`) && strings.Contains(text, `custom_total{key="passive-health-check.requests.passed"}`) &&
			!strings.Contains(text, `custom_total{key="passive-health-check.requests.passed"} 0`)
	})
}

// TestHealthCheckFilter: an endpoint that says that it is not well leaves without a
// request that fails.
func TestHealthCheckFilter(t *testing.T) {
	var well atomic.Bool
	well.Store(true)
	var hits atomic.Int64
	sick := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			hits.Add(1)
		} else if !well.Load() {
			w.WriteHeader(503)
		}
	})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = sick.Serve(ln) }()
	defer func() { _ = sick.Close(); <-done }()
	good := &server{t: t}
	good.up()
	defer good.down()
	p := run(t, "-wait-first-route-load", fmt.Sprintf(`-inline-routes=r: * -> healthCheck("path=/healthz,interval=100ms") -> <roundRobin, "http://%s", "http://%s">`, good.addr, ln.Addr()))
	shows := func(value int) func() bool {
		return func() bool {
			_, text := p.get(p.support + "/metrics")
			return strings.Contains(text, fmt.Sprintf(`fairlead_endpoint_healthy{endpoint="http://%s"} %d`, ln.Addr(), value))
		}
	}
	p.eventually("it is asked", shows(1))
	well.Store(false)
	p.eventually("it leaves", shows(0))
	before := hits.Load()
	for range 20 {
		if status, text := p.get(p.proxy + "/"); status != 200 {
			t.Errorf("got %d %s", status, text)
		}
	}
	if n := hits.Load(); n != before {
		t.Errorf("%d requests went there", n-before)
	}
	well.Store(true)
	p.eventually("it is back", shows(1))
}
