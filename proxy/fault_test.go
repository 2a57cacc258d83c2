package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/message"
)

// closedPort returns an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

const getH = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

// TestFailures checks status and body of what Fairlead answers itself (spec
// 1.12), and that the reason is in the log.
func TestFailures(t *testing.T) {
	answering := func(text string) func(*testing.T) string {
		return func(t *testing.T) string {
			return startRaw(t, func(_ int, c net.Conn) {
				if _, err := readHead(bufio.NewReader(c)); err == nil {
					fmt.Fprint(c, text)
				}
			}).addr
		}
	}
	silent := func(t *testing.T) string {
		return startRaw(t, func(_ int, c net.Conn) { _, _ = io.Copy(io.Discard, c) }).addr
	}
	tests := []struct {
		name, routes string
		flags        []string
		backend      func(*testing.T) string
		request      string
		status       int
		reason       string // in the log; "" when nothing is logged
	}{
		{"nobody listens", `* -> "http://HOST"`, nil, closedPort, getH, 502, "dial-failed"},
		{"backend never answers", `* -> "http://HOST"`, []string{"-response-header-timeout-backend=50ms"}, silent, getH, 504, "backend-timeout"},
		{"backend closes", `* -> "http://HOST"`, nil, answering(""), getH, 502, "backend-closed"},
		{"backend sends garbage", `* -> "http://HOST"`, nil, answering("SSH-2.0-OpenSSH_9\r\n"), getH, 502, "backend-malformed"},
		{"backend sends two lengths", `* -> "http://HOST"`, nil, answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"), getH, 502, "backend-malformed"},
		{"backend sends a bad chunk at once", `* -> "http://HOST"`, nil, answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), getH, 502, "backend-malformed"},
		{"backend sends an endless head", `* -> "http://HOST"`, nil, answering("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 2<<20)), getH, 502, "backend-header-too-large"},
		{"unasked upgrade", `* -> "http://HOST"`, nil, answering("HTTP/1.1 101 Switching\r\n\r\n"), getH, 502, "backend-malformed"},
		{"no route", `Path("/x") -> "http://HOST"`, nil, closedPort, getH, 404, ""},
		{"no route, other status", `Path("/x") -> "http://HOST"`, []string{"-default-http-status=418"}, closedPort, getH, 418, ""},
		{"endless loop", `* -> <loopback>`, nil, closedPort, getH, 500, ""},
		{"bad query", `* -> "http://HOST"`, nil, closedPort, "GET /?a=%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
		{"refused payload", `* -> "http://HOST"`, []string{"-refuse-payload=${jndi:"}, closedPort, "GET / HTTP/1.1\r\nHost: h\r\nX: ${jndi:ldap}\r\n\r\n", 400, ""},
		{"long payload", `* -> "http://HOST"`, []string{"-max-content-length=3"}, closedPort, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd", 413, ""},
		{"long chunked payload", `* -> "http://HOST"`, []string{"-max-content-length=3"}, silent, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n", 413, "payload-too-large"},
		{"bad chunk from the client", `* -> "http://HOST"`, nil, silent, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "body-malformed"},
		{"shunt", `* -> <shunt>`, nil, closedPort, getH, 404, ""},
		{"shunt with status", `* -> status(205) -> <shunt>`, nil, closedPort, getH, 205, ""},
		{"dynamic without a target", `* -> <dynamic>`, nil, closedPort, "GET / HTTP/1.0\r\n\r\n", 502, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, "r: "+strings.ReplaceAll(tt.routes, "HOST", tt.backend(t)), tt.flags...)
			a := p.get(tt.request)
			if a.StatusCode != tt.status {
				t.Errorf("got %s, want %d", a.Status, tt.status)
			}
			if tt.reason != "" {
				eventually(t, "the reason is logged", func() bool { return strings.Contains(p.log.String(), "reason="+tt.reason) })
			}
			if a.Header.Get("Server") != "Skipper" {
				t.Errorf("Server is %q", a.Header.Get("Server"))
			}
			if !strings.Contains(tt.routes, "<shunt>") {
				if a.body == "" || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("got %q %v", a.body, a.Header)
				}
			}
		})
	}
}

func TestNotReady(t *testing.T) {
	p := start(t, "")
	a := p.get(getH)
	if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %s %v", a.Status, a.Header)
	}
	if p.Ready() != message.ReasonNotReady {
		t.Error("ready without routes")
	}
}

// TestLies checks what a client gets when a backend breaks its word in the
// middle of a body: never a complete message.
func TestLies(t *testing.T) {
	for name, text := range map[string]string{
		"too short":      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		"chunked, ends":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"chunked, false": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX",
	} {
		t.Run(name, func(t *testing.T) {
			back := startRaw(t, func(_ int, c net.Conn) {
				if _, err := readHead(bufio.NewReader(c)); err == nil {
					fmt.Fprint(c, text)
				}
			})
			p := start(t, `r: * -> "http://`+back.addr+`"`)
			c := p.dial()
			c.send(getH)
			resp, err := http.ReadResponse(c.r, &http.Request{Method: "GET"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(resp.Body); err == nil && resp.StatusCode == 200 {
				t.Error("the client got a complete message")
			}
		})
	}
	t.Run("too long", func(t *testing.T) {
		var conns atomic.Int32
		back := startRaw(t, func(_ int, c net.Conn) {
			conns.Add(1)
			r := bufio.NewReader(c)
			for {
				if _, err := readHead(r); err != nil {
					return
				}
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
			}
		})
		p := start(t, `r: * -> "http://`+back.addr+`"`)
		c := p.dial()
		for range 5 {
			c.send(getH)
			if a := c.read("GET"); a.body != "ok" {
				t.Fatalf("got %q", a.body)
			}
		}
		if conns.Load() != 5 {
			t.Errorf("a connection with bytes nobody asked for was used again: %d connections for 5 requests", conns.Load())
		}
	})
}

// TestStaleConnections checks that requests survive a backend that closes idle
// connections.
func TestStaleConnections(t *testing.T) {
	closed := make(chan struct{}, 1)
	back := startRaw(t, func(_ int, c net.Conn) {
		defer func() { c.Close(); closed <- struct{}{} }()
		r := bufio.NewReader(c)
		head, err := readHead(r)
		if err != nil {
			return
		}
		if strings.Contains(head, "Content-Length: 4") {
			_, _ = io.ReadFull(r, make([]byte, 4))
		}
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") // and close
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`)
	c := p.dial()
	for i := range 20 {
		request := getH
		if i%2 == 1 {
			request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
		}
		c.send(request)
		if a := c.read("GET"); a.StatusCode != 200 {
			t.Fatalf("request %d: %s", i, a.Status)
		}
		<-closed
	}
}

// TestSilentDeath checks the retry of a request whose reused connection died
// under it: once if it is idempotent, never otherwise.
func TestSilentDeath(t *testing.T) {
	var requests atomic.Int32
	back := startRaw(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		for i := 0; ; i++ {
			if _, err := readHead(r); err != nil {
				return
			}
			requests.Add(1)
			if i == 1 {
				return // the second request of a connection is never answered
			}
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`)
	c := p.dial()
	for i, want := range []struct {
		method         string
		status, seenBy int32
	}{{"GET", 200, 1}, {"GET", 200, 3}, {"POST", 502, 4}, {"POST", 200, 5}, {"PUT", 200, 7}} {
		c.send(want.method + " / HTTP/1.1\r\nHost: h\r\n\r\n")
		a := c.read(want.method)
		if int32(a.StatusCode) != want.status && !(want.status == 502 && a.StatusCode == 503) || requests.Load() != want.seenBy {
			t.Fatalf("request %d: %s, the backend saw %d requests, want %d and %d", i, a.Status, requests.Load(), want.status, want.seenBy)
		}
	}
}

// TestSlowClients checks that slow clients cost themselves only.
func TestSlowClients(t *testing.T) {
	back := startBackend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	p := start(t, `r: * -> "http://`+back+`"`, "-read-header-timeout-server=300ms", "-idle-timeout-server=300ms", "-read-timeout-server=300ms")
	for name, text := range map[string]string{
		"says nothing": "", "half a head": "GET / HT", "half a field": "GET / HTTP/1.1\r\nHost: h\r\nA", "half a body": "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := p.dial()
			c.send(text)
			begin := time.Now()
			rest := c.rest()
			if strings.Contains(rest, " 200 ") {
				t.Errorf("got %q", rest)
			}
			if time.Since(begin) > 15*time.Second {
				t.Error("the connection lived on")
			}
		})
	}
	t.Run("others are unharmed", func(t *testing.T) {
		t.Parallel()
		for range 50 {
			if a := p.get(getH); a.StatusCode != 200 {
				t.Fatalf("got %s", a.Status)
			}
		}
	})
}

// TestClientThatNeverReads checks that such a client is cut off, and the
// backend with it.
func TestClientThatNeverReads(t *testing.T) {
	gone := make(chan struct{})
	back := startRaw(t, func(_ int, c net.Conn) {
		if _, err := readHead(bufio.NewReader(c)); err != nil {
			return
		}
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
		block := make([]byte, 1<<20)
		for {
			if _, err := c.Write(block); err != nil {
				close(gone)
				return
			}
		}
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`, "-write-timeout-server=300ms")
	c := p.dial()
	c.send(getH)
	select {
	case <-gone:
	case <-time.After(15 * time.Second):
		t.Error("the backend is still being read")
	}
}

// TestStop checks the graceful end: requests in flight are answered, idle
// connections end, parked ones too.
func TestStop(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	back := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-release
		}
		fmt.Fprint(w, "ok")
	})
	p := start(t, `r: * -> "http://`+back+`"`)
	idle, parked, busy := p.dial(), p.dial(), p.dial()
	parked.send(getH)
	parked.read("GET")
	<-time.After(1600 * time.Millisecond) // longer than sock.ParkAfter
	idle.send(getH)
	idle.read("GET")
	busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
	<-arrived
	stopped := make(chan struct{})
	go func() { p.stop(); close(stopped) }()
	if got := idle.rest(); got != "" {
		t.Errorf("idle connection got %q", got)
	}
	if got := parked.rest(); got != "" {
		t.Errorf("parked connection got %q", got)
	}
	if _, err := net.Dial("tcp", p.addr); err == nil {
		t.Error("still listening")
	}
	close(release)
	if a := busy.read("GET"); a.StatusCode != 200 || !a.Close {
		t.Errorf("got %s, close %v", a.Status, a.Close)
	}
	<-stopped
}

// TestParkedConnections checks that a parked connection answers as before.
func TestParkedConnections(t *testing.T) {
	back := startBackend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	p := start(t, `r: * -> "http://`+back+`"`)
	var all []*client
	for range 20 {
		c := p.dial()
		c.send(getH)
		c.read("GET")
		all = append(all, c)
	}
	eventually(t, "all connections are parked", func() bool { return p.Parked() == len(all) })
	for range 2 {
		for _, c := range all {
			c.send(getH)
			if a := c.read("GET"); a.body != "ok" {
				t.Fatalf("got %q", a.body)
			}
		}
	}
}

// TestAllocations asserts that a plain proxied request allocates nothing, with
// metrics on and two filters.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	response := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
	back := startRaw(t, func(_ int, c net.Conn) {
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
	p := start(t, `r: Path("/a/b") -> setRequestHeader("X-A", "1") -> setResponseHeader("X-B", "2") -> "http://`+back.addr+`"`)
	c := p.dial()
	request := []byte("GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
	answer := make([]byte, 4096)
	got := testing.AllocsPerRun(2000, func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := c.TCPConn.Read(answer); err != nil {
			t.Fatal(err)
		}
	})
	if got >= 0.5 {
		t.Errorf("%v allocations a request", got)
	}
}

// TestClientHangsUp checks that a backend is not kept busy for a client that
// is gone, and that one which only stopped sending is still answered.
func TestClientHangsUp(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan struct{})
	back := startRaw(t, func(_ int, c net.Conn) {
		if _, err := readHead(bufio.NewReader(c)); err != nil {
			return
		}
		close(arrived)
		_, _ = io.Copy(io.Discard, c) // until the proxy gives up
		close(gone)
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`)
	c := p.dial()
	c.send(getH)
	<-arrived
	if err := c.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close() // with a reset
	select {
	case <-gone:
	case <-time.After(15 * time.Second):
		t.Fatal("the backend is still being asked")
	}
	eventually(t, "the reason is logged", func() bool { return strings.Contains(p.log.String(), "reason=client-gone") })
}
