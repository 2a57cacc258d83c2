package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// echoing answers each request with its method, target and body, and keeps the
// connection.
func echoing(t *testing.T) *rawBackend {
	return startRaw(t, func(n int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			text := fmt.Sprintf("%s %s %s|%s%s", req.Method, req.RequestURI, body, req.Header.Get("X-Evil"), req.Header.Get("X-User"))
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Conn: %d\r\nContent-Length: %d\r\n\r\n", n, len(text))
			if req.Method != "HEAD" {
				fmt.Fprint(c, text)
			}
		}
	})
}

// TestBadFilters checks that filters which break the rules harm their own
// exchange only: what the client gets is an error, cut, or right, and the
// following request is not affected.
func TestBadFilters(t *testing.T) {
	post := "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
	chunked := "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
	tests := []struct {
		how, request string
		status       int    // 0: none
		body         string // "cut": the message must not seem complete
	}{
		{"panic in request", post, 500, "Internal Server Error\n"},
		{"panic in response", post, 500, "Internal Server Error\n"},
		{"panic in request body", post, 500, "Internal Server Error\n"},
		{"panic in response body", post, 0, "cut"},
		{"break off the response body", post, 200, "cut"},
		{"break off a response body of known length", post, 200, "cut"},
		{"promise a longer response body", post, 200, "cut"},
		{"deliver a longer response body", post, 0, "cut"},
		{"wrap the response body", post, 200, "POST /p body|"},
		{"wrap it with unknown length", post, 200, "POST /p body|"},
		{"forget the length", post, 200, "POST /p body|"},
		{"drop request body", post, 200, "POST /p |"},
		{"drop request body", chunked, 200, "POST /p |"},
		{"replace request body", post, 200, "POST /p other|"},
		{"replace request body", chunked, 200, "POST /p other|"},
		{"promise a longer request body", post, 500, "*"},
		{"read a part of the request body", post, 500, "*"},
		{"read a part of the request body", chunked, 200, "POST /p dy|"},
		{"make it a GET", "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n", 200, ""},
		{"split the response", post, 200, "POST /p body|"},
		{"split the request", post, 200, "POST /p body|"},
		{"split the request line", post, 500, "*"},
		{"smuggle a space into the request line", post, 500, "*"},
		{"set X-User", "GET /g HTTP/1.1\r\nHost: h\r\nConnection: X-User, close\r\nX-User: false\r\n\r\n", 200, "GET /g |checked"},
	}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			openBodies.Store(0)
			back := echoing(t)
			p := start(t, fmt.Sprintf(`bad: PathRegexp("^/[gph]$") -> misbehave(%q) -> "http://%s"; good: * -> "http://%[2]s"`, tt.how, back.addr))
			c := p.dial()
			c.send(tt.request + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
			method, _, _ := strings.Cut(tt.request, " ")
			status, body, next := c.two(t, method)
			if tt.status != status && tt.status != 0 {
				t.Errorf("got status %d, want %d", status, tt.status)
			}
			if body != tt.body && tt.body != "*" {
				t.Errorf("got %q, want %q", body, tt.body)
			}
			if next != "" && next != "GET /next |" {
				t.Errorf("the next request got %q", next)
			}
			for range 3 {
				if a := p.get(getH); a.body != "GET / |" {
					t.Errorf("another client got %q", a.body)
				}
			}
			p.checkIdle(t)
		})
	}
}

// two reads the answers of two requests; the connection may end after the
// first, or within it ("cut").
func (c *client) two(t *testing.T, method string) (status int, body, next string) {
	t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return 0, "cut", ""
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, "cut", ""
	}
	if resp.Header.Get("X-Evil") != "" {
		t.Error("a field was smuggled into the response")
	}
	second, err := http.ReadResponse(c.r, &http.Request{Method: "GET"})
	if err != nil {
		return resp.StatusCode, string(b), ""
	}
	n, err := io.ReadAll(second.Body)
	if err != nil {
		t.Errorf("the second answer is cut: %v", err)
	}
	return resp.StatusCode, string(b), string(n)
}

// TestStopEndsFilters checks that a filter which waits for its context does not
// keep the process from ending.
func TestStopEndsFilters(t *testing.T) {
	p := start(t, `r: * -> misbehave("wait") -> <shunt>`, "-shutdown-timeout=50ms")
	c := p.dial()
	c.send(getH)
	eventually(t, "the request is under way", func() bool { return waiting.Load() == 1 })
	stopped := make(chan struct{})
	go func() { p.stop(); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(10 * time.Second):
		t.Error("the proxy did not stop")
	}
}

// TestCutUntilClose checks that a client whose message ends with the connection
// can tell a cut one from a whole one.
func TestCutUntilClose(t *testing.T) {
	back := startRaw(t, func(_ int, c net.Conn) {
		if _, err := readHead(bufio.NewReader(c)); err == nil {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
		}
	})
	p := start(t, `cut: Path("/cut") -> "http://`+back.addr+`"; bad: * -> misbehave("break off the response body") -> <shunt>`)
	for _, path := range []string{"/cut", "/"} {
		c := p.dial()
		c.send("GET " + path + " HTTP/1.0\r\n\r\n")
		got, err := io.ReadAll(c.r)
		var netErr net.Error
		if err == nil || errors.As(err, &netErr) && netErr.Timeout() {
			t.Errorf("%s: a cut message seems whole: %q %v", path, got, err)
		}
	}
}
