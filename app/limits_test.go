package app

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
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
		fmt.Sprintf(`r: Path("/r") -> lifo(1, 2, "1m") -> %q; dead: Path("/dead") -> lifoWithBody(1, 0, "1s") -> "http://127.0.0.1:1"`, back.URL))
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
