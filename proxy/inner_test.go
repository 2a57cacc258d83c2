package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// ownRequest is what a filter sends through the routes.
func ownRequest(method, path string) *message.Request {
	r := &message.Request{Method: method, Scheme: "http", Host: "www.example.org", Major: 1, Minor: 1}
	r.SetPath(path)
	return r
}

// exchange sends r through the routes of p and reads the whole answer.
func (p *testProxy) exchange(r *message.Request) (*message.Response, string) {
	p.t.Helper()
	resp, err := p.Exchange(p.t.Context(), r)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, readBody(p.t, resp)
}

func readBody(t testing.TB, resp *message.Response) string {
	t.Helper()
	if resp.Body == nil {
		return ""
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("read body: %v", err)
	}
	if err := resp.Body.(io.Closer).Close(); err != nil {
		t.Error(err)
	}
	return string(b)
}

// none waits until no exchange of the proxy's own is under way.
func (p *testProxy) none() {
	p.t.Helper()
	eventually(p.t, "the exchanges of the proxy's own end", func() bool { return p.InnerExchanges() == 0 })
}

func TestInnerExchange(t *testing.T) {
	var conns atomic.Int32
	back := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		conns.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch r.URL.Path {
		case "/none":
			w.WriteHeader(204)
			return
		case "/same":
			w.Header().Set("ETag", `"1"`)
			w.WriteHeader(304)
			return
		case "/trailer":
			w.Header().Set("Trailer", "X-End")
			fmt.Fprint(w, "body")
			w.(http.Flusher).Flush()
			w.Header().Set("X-End", "end")
			return
		case "/long":
			fmt.Fprint(w, strings.Repeat("x", 1<<20))
			return
		}
		fmt.Fprintf(w, "%s %s %s|%s", r.Method, r.RequestURI, r.Header.Get("X-Set"), body)
	})
	p := start(t, `
		back: Path("/back/:x") -> modPath("^/back", "") -> setRequestHeader("X-Set", "1") -> "http://`+back+`";
		loop: Path("/loop/:x") -> modPath("^/loop", "/back") -> <loopback>;
		shunt: Path("/shunt") -> status(418) -> inlineContent("shunted") -> <shunt>;
		dead: Path("/dead") -> "http://127.0.0.1:1";
		panics: Path("/panic") -> testOwn("panic") -> <shunt>;
		body: Path("/panic-body") -> testOwn("panic in body") -> <shunt>`)

	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/back/a", 200, "GET /a 1|"},
		{"DELETE", "/loop/b", 200, "DELETE /b 1|"},
		{"HEAD", "/back/a", 200, ""},
		{"GET", "/back/none", 204, ""},
		{"GET", "/back/same", 304, ""},
		{"GET", "/back/long", 200, strings.Repeat("x", 1<<20)},
		{"GET", "/shunt", 418, "shunted"},
		{"GET", "/nowhere", 404, "Not Found\n"},
		{"GET", "/dead", 502, "Bad Gateway\n"},
		{"GET", "/panic", 500, "Internal Server Error\n"},
	} {
		resp, body := p.exchange(ownRequest(tt.method, tt.path))
		if resp.Status != tt.status || body != tt.body {
			t.Errorf("%s %s: %d %.100q", tt.method, tt.path, resp.Status, body)
		}
		if resp.Header.Get("Date") == "" || resp.Header.Has("Content-Length") || resp.Header.Has("Connection") {
			t.Errorf("%s %s: fields %v", tt.method, tt.path, resp.Header.Fields())
		}
	}

	resp, body := p.exchange(ownRequest("GET", "/back/trailer"))
	if body != "body" || resp.Trailer.Get("X-End") != "end" {
		t.Errorf("%q with trailers %v", body, resp.Trailer.Fields())
	}

	resp, err := p.Exchange(t.Context(), ownRequest("GET", "/panic-body"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("a body whose reader panicked came as %q", b)
	}
	p.none()
	p.checkIdle(t)
}

// A connection whose answer was read to the end serves on.
func TestInnerKeepsConnections(t *testing.T) {
	var conns atomic.Int32
	back := startRaw(t, func(_ int, c net.Conn) {
		conns.Add(1)
		buf := make([]byte, 4096)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
		}
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`)
	for range 20 {
		if _, body := p.exchange(ownRequest("GET", "/")); body != "body" {
			t.Errorf("got %q", body)
		}
		p.none()
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	p.checkIdle(t)
}

// closer is a request body that says when it is closed.
type closer struct {
	*io.PipeReader
	closed chan struct{}
	once   sync.Once
}

func (c *closer) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.PipeReader.Close()
}

func newCloser() (*closer, *io.PipeWriter) {
	r, w := io.Pipe()
	return &closer{PipeReader: r, closed: make(chan struct{})}, w
}

func TestInnerRequestBody(t *testing.T) {
	back := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		rc := http.NewResponseController(w)
		if err := errors.Join(rc.EnableFullDuplex(), rc.Flush()); err != nil {
			t.Error(err)
		}
		if r.URL.Path == "/early" {
			return
		}
		b := make([]byte, 100)
		for {
			n, err := r.Body.Read(b)
			fmt.Fprintf(w, "%s", b[:n])
			if ferr := rc.Flush(); err != nil || ferr != nil {
				return
			}
		}
	})
	p := start(t, `r: * -> "http://`+back+`"; shunt: Path("/shunt") -> status(200) -> <shunt>`)

	t.Run("both ways at a time", func(t *testing.T) {
		body, w := newCloser()
		req := ownRequest("POST", "/")
		req.SetBody(body, message.Unknown)
		resp, err := p.Exchange(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		for i := range 5 {
			fmt.Fprintf(w, "%d", i)
			if n, err := resp.Body.Read(b); err != nil || string(b[:n]) != fmt.Sprint(i) {
				t.Fatalf("got %q, %v", b[:n], err)
			}
		}
		w.Close()
		if rest := readBody(t, resp); rest != "" {
			t.Errorf("rest %q", rest)
		}
		<-body.closed
	})
	for _, path := range []string{"/shunt", "/early"} {
		t.Run("nobody wants it: "+path, func(t *testing.T) {
			body, _ := newCloser()
			req := ownRequest("POST", path)
			req.SetBody(body, message.Unknown)
			if resp, _ := p.exchange(req); resp.Status != 200 {
				t.Errorf("status %d", resp.Status)
			}
			<-body.closed
		})
	}
	t.Run("it breaks off", func(t *testing.T) {
		body, w := newCloser()
		req := ownRequest("POST", "/")
		req.SetBody(body, message.Unknown)
		resp, err := p.Exchange(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		w.CloseWithError(errors.New("cut"))
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("got the whole of %q", b)
		}
		<-body.closed
	})
	p.none()
	p.checkIdle(t)
}

// endless sends a head and then a body without end, or no head at all, and says
// when its connection ended.
func endless(t *testing.T, head bool) (addr string, ended chan struct{}) {
	ended = make(chan struct{}, 10)
	back := startRaw(t, func(_ int, c net.Conn) {
		defer func() { ended <- struct{}{} }()
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			return
		}
		if !head {
			_, _ = c.Read(make([]byte, 1))
			return
		}
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for {
			if _, err := fmt.Fprint(c, "4\r\nbody\r\n"); err != nil {
				return
			}
		}
	})
	return back.addr, ended
}

func TestInnerEndsEarly(t *testing.T) {
	t.Run("body closed", func(t *testing.T) {
		addr, ended := endless(t, true)
		p := start(t, `r: * -> "http://`+addr+`"`)
		resp, err := p.Exchange(t.Context(), ownRequest("GET", "/"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 100)); err != nil {
			t.Error(err)
		}
		if err := resp.Body.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
		<-ended
		p.none()
	})
	t.Run("cancelled within the body", func(t *testing.T) {
		addr, ended := endless(t, true)
		p := start(t, `r: * -> "http://`+addr+`"`)
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := p.Exchange(ctx, ownRequest("GET", "/"))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Error("the body ended well")
		}
		<-ended
		p.none()
	})
	t.Run("cancelled before the head", func(t *testing.T) {
		addr, ended := endless(t, false)
		p := start(t, `r: * -> "http://`+addr+`"`)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := p.Exchange(ctx, ownRequest("GET", "/")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		<-ended
		p.none()
	})
	t.Run("nobody reads", func(t *testing.T) {
		addr, ended := endless(t, true)
		p := start(t, `r: * -> "http://`+addr+`"`, "-write-timeout-server=20ms")
		resp, err := p.Exchange(t.Context(), ownRequest("GET", "/"))
		if err != nil {
			t.Fatal(err)
		}
		<-ended
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Error("the body ended well")
		}
		p.none()
	})
	t.Run("the process ends", func(t *testing.T) {
		addr, ended := endless(t, false)
		p := start(t, `r: * -> "http://`+addr+`"`, "-shutdown-timeout=20ms")
		done := make(chan error)
		go func() {
			_, err := p.Exchange(context.Background(), ownRequest("GET", "/"))
			done <- err
		}()
		eventually(t, "the exchange begins", func() bool { return p.InnerExchanges() == 1 })
		p.stop()
		<-ended
		<-done // an answer or an error
		if _, err := p.Exchange(t.Context(), ownRequest("GET", "/")); err == nil {
			t.Error("an exchange began after the end")
		}
	})
}

func TestInnerBounds(t *testing.T) {
	addr, ended := endless(t, true)
	p := start(t, `r: * -> "http://`+addr+`"; s: Path("/s") -> <shunt>`, "-max-inner-exchanges=2")
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		if _, err := p.Exchange(ctx, ownRequest("GET", "/")); err != nil {
			t.Fatal(err)
		}
	}
	body, _ := newCloser()
	req := ownRequest("POST", "/s")
	req.SetBody(body, message.Unknown)
	if _, err := p.Exchange(ctx, req); err == nil || !strings.Contains(err.Error(), "-max-inner-exchanges") {
		t.Errorf("got %v", err)
	}
	<-body.closed
	cancel()
	<-ended
	<-ended
	p.none()
	if resp, _ := p.exchange(ownRequest("GET", "/s")); resp.Status != 404 {
		t.Errorf("status %d", resp.Status)
	}
	if _, err := p.Exchange(ctx, ownRequest("GET", "/s")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Loops end, whether the proxy goes around or filters do.
func TestInnerLoops(t *testing.T) {
	p := start(t, `
		loop: Path("/loop") -> <loopback>;
		again: Path("/again") -> testOwn("again") -> <shunt>;
		mixed: Path("/mixed") -> setPath("/again") -> <loopback>`, "-max-loopbacks=5")
	if resp, _ := p.exchange(ownRequest("GET", "/loop")); resp.Status != 500 {
		t.Errorf("loop: status %d", resp.Status)
	}
	deep := ownRequest("GET", "/nowhere")
	deep.Depth = 5
	if resp, _ := p.exchange(deep); resp.Status != 404 {
		t.Errorf("depth 5: status %d", resp.Status)
	}
	deep = ownRequest("GET", "/nowhere")
	deep.Depth = 6
	if resp, _ := p.exchange(deep); resp.Status != 500 {
		t.Errorf("depth 6: status %d", resp.Status)
	}
	for path, rounds := range map[string]int{"/again": 6, "/mixed": 5} {
		a := p.get("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
		if a.StatusCode != 500 || a.Header.Get("X-Rounds") != strings.Repeat("+", rounds) {
			t.Errorf("%s: %d with %q rounds", path, a.StatusCode, a.Header.Get("X-Rounds"))
		}
	}
	p.none()
	p.checkIdle(t)
}

// What is not there yet is said to requests of our own as to others.
func TestInnerWithoutRoutes(t *testing.T) {
	p := start(t, "")
	if resp, _ := p.exchange(ownRequest("GET", "/")); resp.Status != 503 {
		t.Errorf("status %d", resp.Status)
	}
}

var _ = filter.Define(filter.Def{
	Name: "testOwn", Params: []arg.Param{{Name: "what", Type: arg.Text}},
	Doc: "for tests of the proxy's own exchanges", Example: `* -> testOwn("again") -> <shunt>`,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) { return testOwn(v.Text(0)), nil },
})

type testOwn string

func (f testOwn) Request(c *filter.Context) {
	switch f {
	case "panic":
		panic("as told")
	case "panic in body":
		c.Serve(&message.Response{Status: 200, ContentLength: message.Unknown, Body: panicking{}})
	case "again":
		req := c.Request.Clone()
		resp, err := c.Router().Exchange(c.Context(), &req)
		if err != nil {
			panic(err)
		}
		resp.Header.Set("X-Rounds", resp.Header.Get("X-Rounds")+"+")
		c.Serve(resp)
	}
}

func (testOwn) Response(*filter.Context) {}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("as told") }

func BenchmarkInnerExchange(b *testing.B) {
	p := start(b, `s: Path("/s") -> inlineContent("hello") -> <shunt>`)
	b.ReportAllocs()
	for b.Loop() {
		resp, err := p.Exchange(b.Context(), ownRequest("GET", "/s"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		if err := resp.Body.(io.Closer).Close(); err != nil {
			b.Fatal(err)
		}
	}
}
