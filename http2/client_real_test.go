package http2

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// backend is the server of net/http, without TLS.
func backend(t testing.TB, streams int, h http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, Protocols: new(http.Protocols),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: streams},
	}
	srv.Protocols.SetUnencryptedHTTP2(true)
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() { srv.Close(); wg.Wait() })
	return ln.Addr().String()
}

// ticking returns a sweeper that runs.
func ticking(t testing.TB) *sock.Sweeper {
	s := sock.NewSweeper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return s
}

// dialTo returns a function that connects to addr.
func dialTo(addr string, s *sock.Sweeper) func(context.Context) (Conn, error) {
	return func(ctx context.Context) (Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return sock.Wrap(nc, s), nil
	}
}

func connTo(t testing.TB, addr string, cfg ClientConfig) *ClientConn {
	t.Helper()
	s := ticking(t)
	cfg.Now = s.Now
	nc, err := dialTo(addr, s)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClientConn(nc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// call is one exchange.
type call struct {
	method, path string
	header       []string // name, value, ...
	body         io.Reader
	length       int64
	trailer      []string
	o            exchange.SendOptions
}

type result struct {
	status  int
	header  message.Header
	body    []byte
	trailer message.Header
}

func (k call) on(s *ClientStream) (r result, err error) {
	defer s.Close()
	req, resp := k.request(), message.Response{}
	o := k.o
	if o.Host == "" {
		o.Host = "example.test"
	}
	if err := s.Do(req, &resp, &o); err != nil {
		return r, err
	}
	r.status = resp.Status
	if resp.Body != nil {
		if r.body, err = io.ReadAll(resp.Body); err != nil {
			return r, err
		}
	}
	r.header, r.trailer = resp.Header.Clone(), resp.Trailer.Clone()
	if !s.Finish() {
		return r, errors.New("not finished")
	}
	return r, nil
}

func (k call) request() *message.Request {
	req := &message.Request{Method: k.method, Scheme: "http", RawPath: k.path, Path: k.path}
	if req.Method == "" {
		req.Method = "GET"
	}
	if path, query, ok := strings.Cut(k.path, "?"); ok {
		req.RawPath, req.Query = path, query
	}
	for i := 0; i+1 < len(k.header); i += 2 {
		req.Header.Add(k.header[i], k.header[i+1])
	}
	for i := 0; i+1 < len(k.trailer); i += 2 {
		req.Trailer.Add(k.trailer[i], k.trailer[i+1])
	}
	if k.body != nil {
		req.SetBody(k.body, k.length)
	}
	return req
}

func mustOpen(t testing.TB, c *ClientConn) *ClientStream {
	t.Helper()
	s, ok := c.Open()
	if !ok {
		t.Fatalf("no stream: %v", c.err)
	}
	return s
}

func TestClientExchange(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read: %v", err)
		}
		w.Header().Set("Trailer", "Seen")
		w.Header().Set("X-Got", fmt.Sprintf("%s %s %s host=%s te=%q len=%d cookie=%q", r.Proto, r.Method, r.URL, r.Host, r.Header.Get("TE"), r.ContentLength, r.Header.Get("Cookie")))
		if r.URL.Path == "/nothing" {
			w.WriteHeader(204)
			return
		}
		w.WriteHeader(201)
		_, _ = w.Write(b)
		_, _ = io.WriteString(w, "done")
		w.Header().Set("Seen", r.Trailer.Get("Sum")+"!")
	})
	addr := backend(t, 250, h)
	c := connTo(t, addr, ClientConfig{})
	for range 3 {
		r, err := call{method: "POST", path: "/a%20b?x=y", header: []string{"Cookie", "a=b; c=d", "Connection", "x", "Host", "other"}, body: strings.NewReader("hello "), length: message.Unknown,
			trailer: []string{"Sum", "42"}, o: exchange.SendOptions{Trailers: true}}.on(mustOpen(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if r.status != 201 || string(r.body) != "hello done" || r.trailer.Get("seen") != "!" && r.trailer.Get("seen") != "42!" {
			t.Errorf("got %d %q %v", r.status, r.body, r.trailer)
		}
		if got, want := r.header.Get("X-Got"), `HTTP/2.0 POST /a%20b?x=y host=example.test te="trailers" len=-1 cookie="a=b; c=d"`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for _, k := range []struct {
		call
		status int
		body   string
	}{
		{call{path: "/"}, 201, "done"},
		{call{method: "HEAD", path: "/"}, 201, ""},
		{call{path: "/nothing"}, 204, ""},
		{call{method: "PUT", path: "/", body: strings.NewReader("abc"), length: 3}, 201, "abcdone"},
	} {
		r, err := k.on(mustOpen(t, c))
		if err != nil || r.status != k.status || string(r.body) != k.body {
			t.Errorf("%s %s: got %d %q %v", k.method, k.path, r.status, r.body, err)
		}
	}
}

func TestClientManyAtOnce(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Path", r.URL.Path)
		_, _ = w.Write(b)
	})
	addr := backend(t, 250, h)
	s := ticking(t)
	p := NewPool(PoolConfig{Dial: dialTo(addr, s), Client: ClientConfig{Now: s.Now}})
	defer p.Close()
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			st, err := p.Get(t.Context())
			if err != nil {
				t.Errorf("get: %v", err)
				return
			}
			text := strings.Repeat(fmt.Sprint(i, " "), 50+i)
			r, err := call{method: "POST", path: fmt.Sprintf("/%d", i), body: strings.NewReader(text), length: int64(len(text))}.on(st)
			if err != nil || string(r.body) != text || r.header.Get("x-path") != fmt.Sprintf("/%d", i) {
				t.Errorf("%d: %v, %d bytes of %d", i, err, len(r.body), len(text))
			}
		})
	}
	wg.Wait()
	if n := p.Len(); n < 1 || n > 8 {
		t.Errorf("%d connections", n)
	}
}

// bytesOf gives n bytes that depend on their place.
type patterned struct{ at, n int64 }

func (p *patterned) Read(b []byte) (int, error) {
	if p.at == p.n {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.n-p.at))
	for i := range n {
		b[i] = byte((p.at + int64(i)) * 131 >> 7)
	}
	p.at += int64(n)
	return n, nil
}

func TestClientLargeBodies(t *testing.T) {
	size := int64(100 << 20)
	if raceEnabled || testing.Short() {
		size = 16 << 20
	}
	want := sha256.New()
	_, _ = io.Copy(want, &patterned{n: size})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" {
			sum := sha256.New()
			_, _ = io.Copy(sum, r.Body)
			_, _ = w.Write(sum.Sum(nil))
			return
		}
		if r.Method == "POST" { // both ways at once
			w.WriteHeader(200)
			http.NewResponseController(w).Flush()
			_, _ = io.Copy(w, r.Body)
			return
		}
		_, _ = io.Copy(w, &patterned{n: size})
	})
	addr := backend(t, 250, h)
	c := connTo(t, addr, ClientConfig{})
	r, err := call{method: "PUT", path: "/", body: &patterned{n: size}, length: size}.on(mustOpen(t, c))
	if err != nil || !bytes.Equal(r.body, want.Sum(nil)) {
		t.Errorf("up: %v", err)
	}
	for _, method := range []string{"GET", "POST"} {
		k := call{method: method, path: "/"}
		if method == "POST" {
			k.body, k.length = &patterned{n: size}, message.Unknown
		}
		st := mustOpen(t, c)
		req, resp := k.request(), message.Response{}
		if err := st.Do(req, &resp, &exchange.SendOptions{Host: "h"}); err != nil {
			t.Fatal(err)
		}
		got := sha256.New()
		if n, err := io.Copy(got, resp.Body); err != nil || n != size || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
			t.Errorf("%s: %d bytes, %v", method, n, err)
		}
		if !st.Finish() {
			t.Errorf("%s: not finished", method)
		}
		st.Close()
	}
}

// TestClientCancels ends exchanges at any time: the others go on, and all places
// are free in the end.
func TestClientCancels(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		_, _ = io.Copy(w, &patterned{n: 100 << 10})
	})
	addr := backend(t, 250, h)
	c := connTo(t, addr, ClientConfig{})
	var wg sync.WaitGroup
	var good atomic.Int64
	for i := range 80 {
		wg.Go(func() {
			for range 10 {
				s, ok := c.Open()
				if !ok {
					t.Errorf("no stream")
					return
				}
				if i%2 == 0 {
					if r, err := (call{path: "/"}).on(s); err != nil || len(r.body) != 100<<10 {
						t.Errorf("%d bytes, %v", len(r.body), err)
						return
					}
					good.Add(1)
					continue
				}
				stop := time.AfterFunc(time.Duration(rand.IntN(5000))*time.Microsecond, s.Interrupt)
				path := "/"
				if i%4 == 1 {
					path = "/slow"
				}
				req, resp := call{path: path}.request(), message.Response{}
				if s.Do(req, &resp, &exchange.SendOptions{Host: "h"}) == nil {
					_, _ = io.CopyN(io.Discard, resp.Body, 10000)
				}
				stop.Stop() // an interruption may come late: such a stream is not given back
				s.Finish()
			}
		})
	}
	wg.Wait()
	c.mu.Lock()
	held, open, err := c.held, len(c.streams), c.err
	c.mu.Unlock()
	if held != 0 || open != 0 || err != nil || good.Load() != 400 {
		t.Errorf("%d places held, %d streams, %d good, %v", held, open, good.Load(), err)
	}
}
