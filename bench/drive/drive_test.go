package drive

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve starts a server and returns its URL.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// body answers n bytes.
func body(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", fmt.Sprint(n))
		io.WriteString(w, strings.Repeat("x", n))
	}
}

func TestModes(t *testing.T) {
	url := serve(t, body(100))
	large := serve(t, body(3_000_000))
	cases := []Settings{
		{Mode: Get, URL: url},
		{Mode: Post, URL: url, Body: 200_000},
		{Mode: Conn, URL: url},
		{Mode: Rate, URL: url, Rate: 500},
		{Mode: Stream, URL: large, Expect: 3_000_000},
		{Mode: Get, URL: url, Host: "h%d.test", Hosts: 50, Paths: []string{"/a", "/b"}},
	}
	for _, s := range cases {
		s.Clients, s.Duration, s.Warmup, s.PID = 8, 200*time.Millisecond, 20*time.Millisecond, os.Getpid()
		r, err := Run(s)
		if err != nil {
			t.Fatalf("%s: %v", s.Mode, err)
		}
		if r.Requests == 0 || r.Failed() > 0 || r.Bytes < 100*r.Requests || r.ProxyCPU <= 0 || r.P50 <= 0 || r.Max < r.P99 {
			t.Errorf("%s: %+v", s.Mode, r)
		}
		if s.Mode == Rate && r.Requests > 120 {
			t.Errorf("rate 500 for 0.2 s: %d requests", r.Requests)
		}
	}
}

// TestEveryRequestIsReachable sees every host and path, and the request body.
func TestEveryRequestIsReachable(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.Host+r.URL.Path] = true
		mu.Unlock()
		body(100)(w, r)
	})
	_, err := Run(Settings{Mode: Get, URL: url, Clients: 4, Duration: 300 * time.Millisecond,
		Host: "h%02d.test", Hosts: 10, Paths: []string{"/a", "/b"}})
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 20 || !seen["h07.test/b"] {
		t.Errorf("saw %d of 20: %v", len(seen), seen)
	}
}

func TestWrongAnswersAreErrors(t *testing.T) {
	cases := map[string]struct {
		answer string
		want   string
	}{
		"status":    {"HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\n", `status "503"`},
		"length":    {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "body of 99 bytes, want 100"},
		"no length": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "no valid Content-Length"},
		"surplus":   {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + strings.Repeat("x", 101), "bytes after the answer"},
		"short":     {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + strings.Repeat("x", 99), "connection closed"},
		"garbage":   {"garbage, garbage\r\n\r\n", "not an HTTP/1.1 answer"},
		"nothing":   {"", "connection closed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := Run(Settings{Mode: Get, URL: "http://" + rawServer(t, c.answer), Clients: 2, Duration: 50 * time.Millisecond})
			if r == nil { // so many errors that it gave up
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want %q", err, c.want)
				}
				return
			}
			if r.Errors[c.want] == 0 || r.Requests > 0 && name != "surplus" {
				t.Errorf("report %+v, want errors %q", r, c.want)
			}
		})
	}
}

// rawServer answers every connection with the same bytes and closes it.
func rawServer(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(buf)
			io.WriteString(c, answer)
			c.(*net.TCPConn).CloseWrite()
			c.Read(buf) // until the client is done
			c.Close()
		}
	}()
	return l.Addr().String()
}

func TestTimeout(t *testing.T) {
	stop := make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { <-stop })
	t.Cleanup(func() { close(stop) })
	r, err := Run(Settings{Mode: Get, URL: url, Clients: 2, Duration: 300 * time.Millisecond, Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Errors["timeout"] == 0 || r.Requests != 0 {
		t.Errorf("report %+v, want time-outs", r)
	}
}

func TestIdle(t *testing.T) {
	url := serve(t, body(100))
	release := make(chan struct{})
	r, err := Run(Settings{Mode: Idle, URL: url, Clients: 300, Release: release, Ready: func(open int) {
		if open != 300 {
			t.Errorf("%d connections open, want 300", open)
		}
		close(release)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != 600 || r.Failed() > 0 || r.Reconnects > 0 {
		t.Errorf("report %+v, want 600 requests: each connection used twice", r)
	}
}

func TestIdleNoticesClosedConnections(t *testing.T) {
	s := httptest.NewUnstartedServer(body(100))
	s.Config.IdleTimeout = 10 * time.Millisecond
	s.Start()
	t.Cleanup(s.Close)
	r, err := Run(Settings{Mode: Idle, URL: s.URL, Clients: 5, Duration: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != 5 || r.Reconnects != 5 {
		t.Errorf("report %+v, want 5 requests and 5 closed connections", r)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	good := Settings{Mode: Get, URL: "http://127.0.0.1:1/", Clients: 1}
	if _, err := good.plan(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Settings){
		"name, not number": func(s *Settings) { s.URL = "http://localhost:80/" },
		"scheme":           func(s *Settings) { s.URL = "ftp://127.0.0.1:80/" },
		"no streams":       func(s *Settings) { s.H2 = true },
		"post over HTTP/2": func(s *Settings) { s.H2, s.Streams, s.Mode = true, 1, Post },
		"hosts, HTTP/2":    func(s *Settings) { s.H2, s.Streams, s.Hosts, s.Host = true, 1, 2, "h%d" },
		"large, HTTP/2":    func(s *Settings) { s.H2, s.Streams, s.Expect = true, 1, 1<<20 },
		"no port":          func(s *Settings) { s.URL = "http://127.0.0.1/" },
		"no client":        func(s *Settings) { s.Clients = 0 },
		"no rate":          func(s *Settings) { s.Mode = Rate },
		"host format":      func(s *Settings) { s.Hosts, s.Host = 5, "h" },
	} {
		s := good
		change(&s)
		if _, err := s.plan(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReportPrint(t *testing.T) {
	r := Report{Requests: 1000, Seconds: 2, ProxyCPU: 0.5, Errors: map[string]int{"timeout": 3}, Unsent: 4}
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"500/s", "errors 3", "3 x timeout", "2000 requests per proxy-CPU-second", "4 requests were due"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func FuzzReadHead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.1 200 OK\r\ncontent-length:12 \r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, length, err := readHead(b)
		if head < 0 || head > len(b) || length < 0 || err == nil && head > 0 && head < 13 {
			t.Errorf("head %d, length %d of %q", head, length, b)
		}
	})
}
