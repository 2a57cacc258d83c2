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
	p := run(t, "-health-check=interval=200ms", fmt.Sprintf(`-inline-routes=r: * -> retry() -> <roundRobin, "http://%s", "http://%s">`, a.addr, b.addr))
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
			t.Fatalf("got %s %q %v", resp.Status, body, err)
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
