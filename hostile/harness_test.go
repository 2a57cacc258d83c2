package hostile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/app"
	"fairlead.dev/fairlead/option"
)

// instance is a proxy that runs as the command runs it.
type instance struct {
	t             testing.TB
	addr, support string
	log           *logBuffer
}

// logBuffer keeps the application log.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a proxy with the routes of an eskip document until the test ends.
func start(t testing.TB, routes string, flags ...string) *instance {
	t.Helper()
	set := option.NewSet()
	flags = append([]string{
		"-address=127.0.0.1:0", "-support-listener=127.0.0.1:0", "-access-log-disabled", "-shutdown-timeout=5s",
		"-wait-first-route-load", "-inline-routes=" + routes,
	}, flags...)
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	i := &instance{t: t, log: &logBuffer{}}
	ctx, end := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Proxy(ctx, set, slog.New(slog.NewTextHandler(i.log, nil))) }()
	t.Cleanup(func() {
		end(errors.New("interrupt signal received"))
		if err := <-done; err != nil {
			t.Errorf("the proxy ended with %v", err)
		}
	})
	i.addr, i.support = i.listens("proxy listens"), i.listens("support listens")
	return i
}

// listens waits for the address that the log tells.
func (i *instance) listens(what string) string {
	i.t.Helper()
	pattern := regexp.MustCompile(what + `"? address=(\S+)`)
	var found []string
	eventually(i.t, what, func() bool {
		found = pattern.FindStringSubmatch(i.log.String())
		return found != nil
	})
	return found[1]
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
func startBackend(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return ln.Addr().String()
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen in time: %s", what)
		}
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
