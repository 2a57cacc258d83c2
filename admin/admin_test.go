package admin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
)

// world is what a test shows.
type world struct {
	routes   []*eskip.Route
	since    time.Time
	problems []source.Problem
	reason   atomic.Uint32
}

func (w *world) Valid() ([]*eskip.Route, time.Time) { return w.routes, w.since }
func (w *world) Invalid() []source.Problem          { return w.problems }
func (w *world) Ready() message.Reason              { return message.Reason(w.reason.Load()) }

func (w *world) sources() Sources {
	return Sources{Routes: w, Ready: w, Metrics: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "metrics of "+r.URL.Path)
	})}
}

func options(t testing.TB, flags ...string) *option.Set {
	t.Helper()
	set := option.NewSet()
	if rest, _, err := set.ApplyFlags(append([]string{"-support-listener=127.0.0.1:0"}, flags...)); err != nil || len(rest) > 0 {
		t.Fatalf("flags %q: %v, left over %q", flags, err, rest)
	}
	return set
}

// open runs a support listener until the test ends and returns its URL.
func open(t *testing.T, sources Sources, flags ...string) string {
	t.Helper()
	a := New(options(t, flags...), sources, nil)
	if err := a.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return "http://" + a.Addr().String()
}

// answer is a response whose body was read.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request; head are "Name: value" lines.
func ask(t *testing.T, method, url string, head ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range head {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func TestPages(t *testing.T) {
	w := &world{}
	url := open(t, w.sources())
	for _, tc := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/metrics", 200, "metrics of /metrics"},
		{"GET", "/metrics/skipper", 200, "metrics of /metrics/skipper"},
		{"GET", "/healthz", 200, "ok\n"},
		{"HEAD", "/healthz", 200, ""},
		{"GET", "/readyz", 200, "ready\n"},
		{"POST", "/metrics", 405, "Method Not Allowed\n"},
		{"DELETE", "/routes", 405, "Method Not Allowed\n"},
		{"GET", "/other", 404, "404 page not found\n"},
		{"GET", "/debug/pprof/", 404, "404 page not found\n"},
		{"GET", "/debug/pprof/heap", 404, "404 page not found\n"},
	} {
		got := ask(t, tc.method, url+tc.path)
		if got.status != tc.status || got.body != tc.body {
			t.Errorf("%s %s: %d %q, want %d %q", tc.method, tc.path, got.status, got.body, tc.status, tc.body)
		}
		if got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: no nosniff", tc.method, tc.path)
		}
	}
}

func TestReady(t *testing.T) {
	w := &world{}
	url := open(t, w.sources())
	for _, reason := range []message.Reason{message.ReasonNotReady, message.ReasonNone, message.ReasonShuttingDown} {
		w.reason.Store(uint32(reason))
		got := ask(t, "GET", url+"/readyz")
		if reason == message.ReasonNone {
			if got.status != 200 {
				t.Errorf("ready: %d", got.status)
			}
			continue
		}
		if got.status != 503 || got.header.Get("Retry-After") == "" || !strings.HasPrefix(got.body, reason.Code()+": ") {
			t.Errorf("%s: %d %q, Retry-After %q", reason, got.status, got.body, got.header.Get("Retry-After"))
		}
		if got := ask(t, "GET", url+"/healthz"); got.status != 200 {
			t.Errorf("%s: health is %d", reason, got.status)
		}
	}
}

// Every page that the index names is there, and those that are not are not
// named.
func TestIndex(t *testing.T) {
	for flag, profiles := range map[string]bool{"-enable-profile": true, "-enable-profile=false": false} {
		url := open(t, (&world{}).sources(), flag)
		index := ask(t, "GET", url+"/")
		if got := strings.Contains(index.body, "pprof"); got != profiles {
			t.Errorf("%s: profiles are named: %v", flag, got)
		}
		links := 0
		for _, part := range strings.Split(index.body, `href="`)[1:] {
			path, _, _ := strings.Cut(part, `"`)
			if got := ask(t, "GET", url+path); got.status != 200 {
				t.Errorf("%s: %s is %d", flag, path, got.status)
			}
			links++
		}
		if links < 5 {
			t.Errorf("%s: %d links in %s", flag, links, index.body)
		}
	}
}

func TestNothingToShow(t *testing.T) {
	url := open(t, Sources{})
	for path, want := range map[string]int{"/metrics": 404, "/routes": 404, "/readyz": 200, "/": 200} {
		if got := ask(t, "GET", url+path); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
}

func TestProfiles(t *testing.T) {
	url := open(t, Sources{}, "-enable-profile", "-block-profile-rate=1", "-mutex-profile-fraction=1", "-memory-profile-rate=4096")
	for path, want := range map[string]string{
		"/debug/pprof/":                   "Types of profiles available",
		"/debug/pprof/goroutine?debug=1":  "goroutine profile: total",
		"/debug/pprof/heap?debug=1":       "heap profile: ",
		"/debug/pprof/mutex?debug=1":      "sampling period=1\n",
		"/debug/pprof/cmdline":            "admin.test",
		"/debug/pprof/symbol":             "num_symbols: 1",
		"/debug/pprof/trace?seconds=0.01": "go 1.",
	} {
		got := ask(t, "GET", url+path)
		if got.status != 200 || !strings.Contains(got.body, want) || strings.Contains(got.body, "-test.") {
			t.Errorf("%s: %d %.200q, want %q", path, got.status, got.body, want)
		}
	}
	for _, path := range []string{"profile", "trace", "heap"} {
		for _, seconds := range []string{"301", "-1", "0", "x", "NaN", "1e300"} {
			if got := ask(t, "GET", url+"/debug/pprof/"+path+"?seconds="+seconds); got.status != 400 {
				t.Errorf("%s for %s seconds: %d", path, seconds, got.status)
			}
		}
	}
}

func TestOtherSites(t *testing.T) {
	url := open(t, (&world{}).sources())
	for want, head := range map[int][]string{
		403: {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"},
		200: {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"},
	} {
		if got := ask(t, "GET", url+"/metrics", head...); got.status != want {
			t.Errorf("%v: %d, want %d", head, got.status, want)
		}
	}
	if got := ask(t, "GET", url+"/metrics", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"); got.status != 200 {
		t.Errorf("own page: %d", got.status)
	}
}

// TestRebinding: a page whose name was moved to our address is refused, and so
// are its requests with an Origin; probes and Prometheus use any name.
func TestRebinding(t *testing.T) {
	const browser = "User-Agent: Mozilla/5.0"
	url := open(t, (&world{}).sources())
	for _, tt := range []struct {
		path, head string
		want       int
	}{
		{"/metrics", "Host: evil.example|" + browser, 403},
		{"/routes", "Host: evil.example:9911|" + browser, 403},
		{"/routes", "Host: evil.example|Accept-Language: en", 403},
		{"/routes", "Host: evil.example|Sec-Fetch-Site: same-origin", 403},
		{"/routes", "Origin: http://evil.example", 403},
		{"/routes", "Origin: null", 403},
		{"/routes", "Host: evil.example|Origin: http://evil.example", 403},
		{"/", "Host: 127.0.0.1.evil.example|" + browser, 403},
		{"/healthz", "Host: evil.example|" + browser, 200},
		{"/readyz", "Origin: http://evil.example", 200},
		{"/metrics", "Host: ingress.kube-system.svc.cluster.example:9911|User-Agent: Prometheus/3.0", 200},
		{"/metrics", "Host: 10.1.2.3:9911|" + browser, 200},
		{"/metrics", "Host: [fd00::1]:9911|" + browser, 200},
		{"/metrics", "Host: localhost:9911|" + browser, 200},
		{"/metrics", "Host: ingress.kube-system.svc:9911|" + browser, 200},
		{"/metrics", "Host: 10.1.2.3:9911|Origin: http://10.1.2.3:9911|" + browser, 200},
	} {
		if got := ask(t, "GET", url+tt.path, strings.Split(tt.head, "|")...); got.status != tt.want {
			t.Errorf("%s %q: %d, want %d", tt.path, tt.head, got.status, tt.want)
		}
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = New(options(t, "-support-listener="+l.Addr().String()), Sources{}, nil).Run(t.Context())
	want := fmt.Sprintf("option -support-listener: %q is in use by another process: stop that or choose another port", l.Addr())
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestBadAddress(t *testing.T) {
	err := New(options(t, "-support-listener=nonsense"), Sources{}, nil).Run(t.Context())
	if want := `option -support-listener: cannot listen on "nonsense"`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestOldNameAndNoListener(t *testing.T) {
	a := New(options(t, "-metrics-listener="), Sources{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Run(ctx); err != nil || a.Addr() != nil || a.Name() != "admin" {
		t.Errorf("Run: %v, address %v, name %q", err, a.Addr(), a.Name())
	}
}

// A client that sends half a request, one that reads nothing and a profile on
// its way do not keep the listener from ending.
func TestEnds(t *testing.T) {
	started := make(chan struct{})
	sources := Sources{Metrics: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	})}
	a := New(options(t, "-enable-profile"), sources, nil)
	if err := a.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	for _, request := range []string{"GET / HT", "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET /debug/pprof/profile?seconds=60 HTTP/1.1\r\nHost: a\r\n\r\n"} {
		c, err := net.Dial("tcp", a.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
	}
	<-started
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// Further connections wait until one is closed.
func TestConnectionsAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(inner, 1)
	accepted := make(chan net.Conn)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	var clients []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
		if _, err := fmt.Fprintf(c, "%d\n", len(clients)); err != nil {
			t.Fatal(err)
		}
	}
	first := <-accepted
	select {
	case <-accepted:
		t.Fatal("a second connection was accepted")
	case l.(*limited).free <- struct{}{}:
		t.Fatal("there is room")
	default:
	}
	first.Close()
	first.Close() // gives one place back, not two
	second := <-accepted
	if line, err := bufio.NewReader(second).ReadString('\n'); err != nil || line != "2\n" {
		t.Errorf("the second connection says %q, %v", line, err)
	}
	l.Close() // while Accept waits for room
	<-ended
	second.Close()
	for _, c := range clients {
		c.Close()
	}
}
