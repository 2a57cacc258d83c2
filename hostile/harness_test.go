package hostile

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/apptest"
	"fairlead.dev/fairlead/kit/logtest"
)

// instance is a proxy that runs as the command runs it.
type instance struct {
	t             testing.TB
	addr, support string
	log           *logtest.Buffer
}

// start runs a proxy with the routes of an eskip document until the test ends.
func start(t testing.TB, routes string, flags ...string) *instance {
	t.Helper()
	p := apptest.Start(t, routes, flags...)
	return &instance{t: t, addr: p.Addr, support: p.Support, log: p.Log}
}

// client is a raw client connection.
type client struct {
	*net.TCPConn
	t testing.TB
	r *bufio.Reader
}

func (i *instance) dial() *client { return dial(i.t, i.addr) }

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &client{TCPConn: c.(*net.TCPConn), t: t, r: bufio.NewReader(c)}
}

// send writes text; a proxy that has closed already is no fault.
func (c *client) send(text string) { _, _ = io.WriteString(c.TCPConn, text) }

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
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("read body of %s: %v", resp.Status, err)
	}
	return answer{resp, string(body)}
}

// ended waits for the end of the connection and returns what came before.
func (c *client) ended() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("the connection did not end, got %.200q", b)
	}
	return string(b)
}

// statuses sends input over a connection of its own, ends the sending side and
// returns the statuses of all answers.
func (i *instance) statuses(input string) (codes []int) {
	i.t.Helper()
	c := i.dial()
	defer c.Close()
	c.send(input)
	_ = c.CloseWrite()
	method, _, _ := strings.Cut(input, " ")
	for {
		resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
		if err != nil {
			if rest, _ := io.ReadAll(c.r); len(rest) > 0 {
				i.t.Errorf("got what is no response: %.200q", rest)
			}
			return codes
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode >= 200 {
			codes = append(codes, resp.StatusCode)
		}
	}
}

// get sends one request on a connection of its own.
func (i *instance) get(request string) answer {
	i.t.Helper()
	c := i.dial()
	defer c.Close()
	c.send(request)
	method, _, _ := strings.Cut(request, " ")
	return c.read(method)
}

// startRaw runs a backend that is driven by hand: serve is called with each
// connection.
func startRaw(t testing.TB, serve func(c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	open := map[net.Conn]bool{}
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			wg.Go(func() {
				serve(c)
				c.Close()
				mu.Lock()
				delete(open, c)
				mu.Unlock()
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
	return ln.Addr().String()
}

// startBackend runs an ordinary HTTP backend.
func startBackend(t testing.TB, h http.HandlerFunc) string { t.Helper(); return apptest.Backend(t, h) }

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	apptest.Eventually(t, what, ok)
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
