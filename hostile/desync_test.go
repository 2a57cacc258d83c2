package hostile

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
	"time"
)

// TestCL0: an answer that comes before the body was read does not make a request
// of the body (CL.0, 0.CL, "HTTP/1.1 must die").
func TestCL0(t *testing.T) {
	i := start(t, `early: Path("/early") -> status(403) -> inlineContent("no") -> <shunt>; r: * -> status(418) -> inlineContent("reached") -> <shunt>`)
	body := smuggled + "\r\n\r\n"
	for _, framing := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body),
		fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body),
	} {
		for _, method := range []string{"POST", "GET", "HEAD", "OPTIONS", "DELETE"} {
			input := method + " /early HTTP/1.1\r\nHost: h\r\n" + framing
			head := strings.Index(input, "\r\n\r\n") + 4
			c := i.dial()
			c.send(input[:head])
			if a := c.read(method); a.StatusCode != 403 {
				t.Errorf("%s: got %s", method, a.Status)
			}
			c.send(input[head:])
			c.send("GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
			if n := strings.Count(c.ended(), "reached"); n > 1 {
				t.Errorf("%s %q: the body was read as a request", method, framing[:20])
			}
		}
	}
}

// TestPauseBasedDesync: a backend that answers after the head, and a client that
// sends the body after the answer: the connection to the backend carries nothing
// else, and the body reaches nobody as a request.
func TestPauseBasedDesync(t *testing.T) {
	var mu sync.Mutex
	conns := map[string][]string{} // bytes behind the first head, by connection
	back := startRaw(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for n := 0; ; n++ {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			mu.Lock()
			conns[c.RemoteAddr().String()] = append(conns[c.RemoteAddr().String()], req.URL.Path)
			mu.Unlock()
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly") // the body was not read
		}
	})
	i := start(t, `r: * -> "http://`+back+`"`)
	body := smuggled + "\r\n\r\n"
	for range 5 {
		c := i.dial()
		c.send(fmt.Sprintf("POST /pause HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", len(body)))
		if a := c.read("POST"); a.body != "early" {
			t.Errorf("got %s", a.Status)
		}
		c.send(body)
		i.get("GET /honest HTTP/1.1\r\nHost: h\r\n\r\n")
		_ = c.CloseWrite()
		c.ended()
	}
	mu.Lock()
	defer mu.Unlock()
	for conn, paths := range conns {
		// The backend may take the body for a request, because it did not read it:
		// then that is the last it gets.
		after := slices.Index(paths, "/pause") + 1
		if after > 0 && slices.ContainsFunc(paths[after:], func(p string) bool { return p != "/smuggled" }) {
			t.Errorf("connection %s carried %q", conn, paths)
		}
	}
	if len(conns) < 6 {
		t.Errorf("%d connections for 5 answers that came early and 5 honest requests", len(conns))
	}
}

// TestExpectDesync: who is answered before it was told to continue may send its
// body or not: nothing behind is taken for a request (GO-2024-2963 and kin).
func TestExpectDesync(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `early: Path("/early") -> status(403) -> <shunt>; r: * -> "http://`+rec.addr+`"`, "-expect-continue-timeout-backend=50ms")
	c := i.dial()
	c.send("POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	if a := c.read("POST"); a.StatusCode != 403 {
		t.Errorf("got %s", a.Status)
	}
	c.send(smuggled + "\r\n\r\n")
	if rest := c.ended(); rest != "" {
		t.Errorf("behind the answer came %q", rest)
	}
	for _, value := range []string{"100-continue, 100-continue", "y 100-continue", "100-continue;", "\"100-continue\"", "200-ok", "100-continue\r\nExpect: x", ""} {
		for _, code := range i.statuses("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: " + value + "\r\n\r\nabc" + smuggled + "\r\n\r\n") {
			if code < 400 {
				t.Errorf("Expect %q was answered %d", value, code)
			}
		}
	}
	if requests, faults := rec.take(); len(requests) > 0 || len(faults) > 0 {
		t.Errorf("arrived: %q %q", requests, faults)
	}
	// The honest case: told to continue once, the body arrives once.
	c = i.dial()
	c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	if a := c.read("POST"); a.StatusCode != 100 {
		t.Fatalf("got %s", a.Status)
	}
	c.send("abc")
	if a := c.read("POST"); a.StatusCode != 200 {
		t.Errorf("got %s", a.Status)
	}
	if r := rec.only(t); r.body != "abc" {
		t.Errorf("got %q", r.body)
	}
}

// TestUpgradePoisoning: bytes that a client sends behind a request for an upgrade
// never reach a backend that did not agree, nor a connection that others use
// (CVE-2026-73548, CVE-2026-71324).
func TestUpgradePoisoning(t *testing.T) {
	for _, status := range []string{"200 OK", "404 Not Found", "426 Upgrade Required", "101 Switching Protocols"} {
		for _, upgrade := range []bool{true, false} {
			rec := &upgradeBackend{status: status}
			addr := startRaw(t, rec.serve)
			flags := []string{"-max-idle-connection-backend=10"}
			if upgrade {
				flags = append(flags, "-experimental-upgrade")
			}
			i := start(t, `r: * -> "http://`+addr+`"`, flags...)
			c := i.dial()
			c.send("GET /upgrade HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + smuggled + "\r\n\r\n")
			agreed := upgrade && strings.HasPrefix(status, "101")
			if !agreed {
				_ = c.CloseWrite()
				c.ended()
			} else {
				eventually(t, "the tunnel carries the bytes", func() bool { return strings.Contains(rec.text(), "/smuggled") })
				c.Close()
			}
			for range 3 {
				if a := i.get("GET /honest HTTP/1.1\r\nHost: h\r\n\r\n"); !agreed && a.Header.Get("X-Path") == "/smuggled" {
					t.Errorf("%s: somebody got the answer to what was smuggled", status)
				}
			}
			if upgrade && !agreed && strings.Contains(rec.text(), "/smuggled") {
				t.Errorf("%s: the bytes behind the request reached the backend", status)
			}
			if upgrade && rec.reused.Load() {
				t.Errorf("%s: the connection was used again", status)
			}
		}
	}
}

// upgradeBackend answers requests for /upgrade with status, others with their
// path.
type upgradeBackend struct {
	status string
	reused atomic.Bool
	mu     sync.Mutex
	b      strings.Builder
}

func (u *upgradeBackend) text() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.b.String()
}

func (u *upgradeBackend) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.b.Write(p)
}

func (u *upgradeBackend) serve(c net.Conn) {
	r := bufio.NewReader(io.TeeReader(c, u))
	refused := false
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if refused {
			u.reused.Store(true)
		}
		switch {
		case req.URL.Path != "/upgrade":
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Path: %s\r\nContent-Length: 0\r\n\r\n", req.URL.Path)
		case strings.HasPrefix(u.status, "101"):
			fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, _ = io.Copy(io.Discard, r)
			return
		default:
			refused = true
			fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\nno", u.status)
		}
	}
}

// TestConnectPoisoning: CONNECT is refused, and what follows is no request.
func TestConnectPoisoning(t *testing.T) {
	rec := startRecorder(t)
	i := start(t, `r: * -> "http://`+rec.addr+`"`, "-experimental-upgrade")
	for _, target := range []string{"h:80", "/", "http://h/", "*"} {
		codes := i.statuses("CONNECT " + target + " HTTP/1.1\r\nHost: h:80\r\n\r\n" + smuggled + "\r\n\r\n")
		if len(codes) != 1 || codes[0] != 405 {
			t.Errorf("CONNECT %s was answered %v", target, codes)
		}
	}
	if requests, faults := rec.take(); len(requests) > 0 || len(faults) > 0 {
		t.Errorf("arrived: %q %q", requests, faults)
	}
}

// TestResponseSplitting: whatever a backend sends, the client that asked gets one
// clean answer or an error, and nobody else gets the rest.
func TestResponseSplitting(t *testing.T) {
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + evil,
		"HTTP/1.1 204 No Content\r\n\r\n" + evil,
		"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil" + evil,
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n" + evil,
		"HTTP/1.1 304 Not Modified\r\n\r\nevil",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + evil,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\nok" + evil,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + evil,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\nok" + evil,
		"HTTP/1.1 200 OK\r\nX: y\rSet-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nX: y\nSet-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nX: y\r\n Set-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nX\x00: y\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + evil,
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + evil,
		"HTTP/0.9 200 OK\r\n\r\n" + evil, "evil\r\n\r\n" + evil, "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok" + evil,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, late := range []bool{false, true} {
				splitResponse(t, method, answer, late)
			}
		}
	}
}

// splitResponse has a backend send answer to the first request; late says that
// what belongs to no answer comes when the first client has gone.
func splitResponse(t *testing.T, method, answer string, late bool) {
	t.Helper()
	now, tail := answer, ""
	if at := strings.LastIndex(answer, "HTTP/1.1 200 OK"); late && at > 0 {
		now, tail = answer[:at], answer[at:]
	}
	first := make(chan struct{}, 1)
	first <- struct{}{}
	gone, sent := make(chan struct{}), make(chan struct{})
	addr := startRaw(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			select {
			case <-first:
				fmt.Fprint(c, now)
				if tail != "" {
					<-gone
					fmt.Fprint(c, tail)
				}
				close(sent)
			default:
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhonest")
			}
		}
	})
	i := start(t, `r: * -> backendTimeout("1s") -> "http://`+addr+`"`)
	c := i.dial()
	c.send(method + " / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	got := c.ended()
	close(gone)
	<-sent
	if n := strings.Count(got, "HTTP/1.1 "); n != 1 && !strings.HasPrefix(got, "HTTP/1.1 1") || strings.Contains(got, "evil") {
		t.Errorf("%s: %q became %q", method, answer, got)
	}
	for range 3 {
		if a := i.get("GET /other HTTP/1.1\r\nHost: h\r\n\r\n"); a.body != "honest" {
			t.Errorf("%s: after %q (late %v) somebody else got %s %q", method, answer, late, a.Status, a.body)
		}
	}
}

// TestLateAnswer: an answer that comes too late is nobody's.
func TestLateAnswer(t *testing.T) {
	release := make(chan struct{})
	var n atomic.Int32
	addr := startRaw(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if req.URL.Path == "/late" && n.Add(1) == 1 {
				<-release
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Path: %s\r\nContent-Length: 0\r\n\r\n", req.URL.Path)
		}
	})
	i := start(t, `r: * -> backendTimeout("50ms") -> "http://`+addr+`"`)
	if a := i.get("GET /late HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("got %s", a.Status)
	}
	close(release)
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); {
		if a := i.get("GET /mine HTTP/1.1\r\nHost: h\r\n\r\n"); a.StatusCode == 200 && a.Header.Get("X-Path") != "/mine" {
			t.Fatalf("somebody got the answer for %s", a.Header.Get("X-Path"))
		}
	}
}
