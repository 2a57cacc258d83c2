package app

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestGlobalLimit checks -ratelimits: all routes count together, but for one that
// says otherwise.
func TestGlobalLimit(t *testing.T) {
	i := run(t, "-wait-first-route-load", "-ratelimits=type=client,max-hits=3,time-window=1h", "-inline-routes",
		`a: Path("/a") -> inlineContent("a") -> <shunt>; b: Path("/b") -> inlineContent("b") -> <shunt>;
		 free: Path("/free") -> disableRatelimit() -> inlineContent("free") -> <shunt>`)
	for n, want := range []int{200, 200, 200, 429, 429} {
		if code, _ := i.get(i.proxy + "/" + string("ab"[n%2])); code != want {
			t.Errorf("request %d: %d, want %d", n, code, want)
		}
		if code, _ := i.get(i.proxy + "/free"); code != 200 {
			t.Errorf("request %d to the free route: %d", n, code)
		}
	}
	if _, text := i.get(i.support + "/metrics"); !strings.Contains(text, `rate-limited`) {
		t.Error("the metrics have no reason rate-limited")
	}
}

// TestBreakers checks breakers of routes and of -breaker through real connections.
func TestBreakers(t *testing.T) {
	var asked atomic.Int64
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(500) }))
	defer bad.Close()
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	defer good.Close()
	i := run(t, "-wait-first-route-load", "-breaker=failures=4", "-inline-routes", fmt.Sprintf(
		`one: Path("/one") -> consecutiveBreaker(2) -> %[1]q; all: Path("/all") -> %[1]q; free: Path("/free") -> disableBreaker() -> %[1]q;
		 two: Path("/two") -> consecutiveBreaker(3) -> <roundRobin, %[1]q, %[2]q>`, bad.URL, good.URL))
	for path, after := range map[string]int{"/one": 2, "/all": 4, "/free": 10} {
		asked.Store(0)
		for n := range 10 {
			want := 503
			if n < after {
				want = 500
			}
			if code, _ := i.get(i.proxy + path); code != want {
				t.Errorf("%s: request %d: %d, want %d", path, n, code, want)
			}
		}
		if int(asked.Load()) != after {
			t.Errorf("%s: the backend was asked %d times, want %d", path, asked.Load(), after)
		}
	}
	failed := 0
	for range 20 {
		if code, _ := i.get(i.proxy + "/two"); code != 200 {
			failed++
		}
	}
	if failed != 3 {
		t.Errorf("%d requests failed, want 3: then the other endpoint gets all", failed)
	}
	resp, err := http.Get(i.proxy + "/one")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 503 || resp.Header.Get("X-Circuit-Open") != "true" {
		t.Errorf("got %s, %v", resp.Status, resp.Header)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestAdmission checks that failures which no backend had a part in count.
func TestAdmission(t *testing.T) {
	i := run(t, "-wait-first-route-load", "-inline-routes",
		`r: * -> admissionControl("shop", "active", "5ms", 100, 0, 1, 1, 1) -> "http://127.0.0.1:1"`)
	i.eventually("a request is refused", func() bool {
		resp, err := http.Get(i.proxy)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode == 503 && resp.Header.Get("Admission-Control") == "true"
	})
	http.DefaultClient.CloseIdleConnections()
	_, text := i.get(i.support + "/metrics")
	for _, key := range []string{"total", "reject"} {
		if !strings.Contains(text, fmt.Sprintf(`{key="shedder.admission_control.%s.shop"}`, key)) {
			t.Errorf("the metrics do not have %q", key)
		}
	}
}

// TestUsage checks the keys of apiUsageMonitoring as they are shown.
func TestUsage(t *testing.T) {
	i := run(t, "-wait-first-route-load", "-enable-api-usage-monitoring", "-inline-routes",
		`r: * -> apiUsageMonitoring("{\"application_id\": \"shop\", \"api_id\": \"orders\", \"path_templates\": [\"/orders/:id\"]}") -> status(204) -> <shunt>`)
	i.get(i.proxy + "/orders/17")
	if _, text := i.get(i.support + "/metrics"); !strings.Contains(text, `{key="apiUsageMonitoring.custom.shop.{no-tag}.orders.GET.orders/{id}.*.*.http2xx_count"} 1`) {
		t.Error("the metrics do not have the endpoint")
	}
}

// TestQueue checks through real connections that turns are given back: when the
// client goes away, when it does so while it waits, and when no backend can be had.
func TestQueue(t *testing.T) {
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-answer:
		case <-r.Context().Done():
		}
	}))
	defer back.Close()
	i := run(t, "-wait-first-route-load", "-enable-route-lifo-metrics", "-inline-routes",
		fmt.Sprintf(`r: Path("/r") -> lifo(1, 2, "1m") -> %q; dead: Path("/dead") -> lifoWithBody(1, 1, "10s") -> "http://127.0.0.1:1"`, back.URL))
	load := func(active, queued int) func() bool {
		return func() bool {
			_, text := i.get(i.support + "/metrics")
			return strings.Contains(text, fmt.Sprintf(`{key="lifo.r.active"} %d`, active)) && strings.Contains(text, fmt.Sprintf(`{key="lifo.r.queued"} %d`, queued))
		}
	}
	send := func() *net.TCPConn {
		c, err := net.Dial("tcp", strings.TrimPrefix(i.proxy, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := fmt.Fprint(c, "GET /r HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return c.(*net.TCPConn)
	}
	hangUp := func(c *net.TCPConn) {
		if err := errors.Join(c.SetLinger(0), c.Close()); err != nil {
			t.Fatal(err)
		}
	}
	first := send()
	<-asked
	second := send()
	i.eventually("the second waits", load(1, 1))
	third := send()
	i.eventually("the third waits", load(1, 2))
	hangUp(second)
	i.eventually("the second left the line", load(1, 1))
	hangUp(first)
	<-asked // the third has its turn
	close(answer)
	resp, err := http.ReadResponse(bufio.NewReader(third), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != 200 {
		t.Errorf("the third got %s", resp.Status)
	}
	i.eventually("all left", load(0, 0))
	for n := range 3 {
		if code, _ := i.get(i.proxy + "/dead"); code != 502 {
			t.Errorf("request %d to a dead backend: %d", n, code)
		}
	}
}
