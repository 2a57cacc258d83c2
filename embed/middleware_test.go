package embed_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/embed"
	"fairlead.dev/fairlead/filter"
)

// with makes a middleware of a function that gets next.
func with(fn func(w http.ResponseWriter, r *http.Request, next http.Handler)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fn(w, r, next) })
	}
}

var after atomic.Int64 // middlewares that came to their end

var (
	_ = embed.Middleware("mwNothing", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		after.Add(1)
	}))
	_ = embed.Middleware("mwTag", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("X-Tag", embed.RouteID(r)+" "+r.PathValue("id"))
		r.Header.Set("X-Asked", "yes")
		r.Header.Del("X-Drop")
		next.ServeHTTP(w, r)
	}))
	_ = embed.Middleware("mwDeny", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Header.Get("X-Pass") == "" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	}))
	_ = embed.Middleware("mwSilent", with(func(http.ResponseWriter, *http.Request, http.Handler) {}))
	_ = embed.Middleware("mwStrip", func(next http.Handler) http.Handler { return http.StripPrefix("/strip", next) })
	_ = embed.Middleware("mwRewrite", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r2 := r.Clone(r.Context())
		r2.Method, r2.Host = "PUT", "inner.example"
		r2.URL.Path, r2.URL.RawPath, r2.URL.RawQuery = "/new path", "", "a=b"
		next.ServeHTTP(w, r2)
	}))
	_ = embed.Middleware("mwGzip", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		next.ServeHTTP(&zipped{w, z}, r)
	}))
	_ = embed.Middleware("mwBuffer", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		text := strings.ToUpper(rec.Body.String())
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		w.WriteHeader(rec.Code + 1)
		_, _ = io.WriteString(w, text)
		after.Add(1)
	}))
	_ = embed.Middleware("mwSigned", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(append([]byte("signed "), body...)))
		r.ContentLength = int64(len(body)) + 7
		next.ServeHTTP(w, r)
	}))
	_ = embed.Middleware("mwPeek", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		_, _ = io.ReadFull(r.Body, make([]byte, 2))
		next.ServeHTTP(w, r)
	}))
	_ = embed.Middleware("mwCount", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, io.Discard), r.Body}
		next.ServeHTTP(w, r)
	}))
	_ = embed.Middleware("mwPanicBefore", with(func(http.ResponseWriter, *http.Request, http.Handler) { panic("before") }))
	_ = embed.Middleware("mwPanicAfter", with(func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic("after")
	}))
	_ = embed.Middleware("mwAbort", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		_, _ = io.WriteString(w, "half")
		panic(http.ErrAbortHandler)
	}))
	_ = embed.Middleware("mwTimeout", func(next http.Handler) http.Handler {
		return http.TimeoutHandler(next, 20*time.Second, "too late")
	})
	_ = embed.Middleware("mwTwice", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		next.ServeHTTP(w, r)
	}))
	_ = embed.Middleware("mwLost", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r.WithContext(context.Background()))
	}))
	_ = embed.Middleware("mwBadHost", with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Host = "a b"
		next.ServeHTTP(w, r)
	}))
	_ = embed.Handler("hEcho", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		_, _ = io.Copy(w, r.Body)
	}))
	_ = embed.Handler("hStream", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "%d", i)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	_ = embed.DefineMiddleware(filter.Def{
		Name: "mwNamed", Doc: "sets a header", Example: `* -> mwNamed("x") -> <shunt>`,
		Params: []arg.Param{{Name: "value", Type: arg.Text}},
	}, func(v arg.Values, _ *filter.Env) (func(http.Handler) http.Handler, error) {
		if v.Text(0) == "" {
			return nil, v.Wrong(0, "found nothing, expected a value")
		}
		return with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.Header().Set("X-Named", v.Text(0))
			next.ServeHTTP(w, r)
		}), nil
	})
)

type zipped struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (z *zipped) Write(p []byte) (int, error) { return z.z.Write(p) }
func (z *zipped) WriteHeader(status int) {
	z.Header().Del("Content-Length")
	z.ResponseWriter.WriteHeader(status)
}

// backend says what it was asked.
func backend(t testing.TB) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("X-Backend", "yes")
		if r.URL.Path == "/empty" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(w, "%s %s %s asked=%s drop=%s %q", r.Method, r.URL.RequestURI(), r.Host[:5], r.Header.Get("X-Asked"), r.Header.Get("X-Drop"), body)
		if err != nil {
			fmt.Fprint(w, err)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestMiddleware(t *testing.T) {
	b := backend(t)
	s := serve(t, `
		tag: Path("/tag/:id") -> mwTag() -> "`+b+`";
		deny: Path("/deny") -> mwDeny() -> "`+b+`";
		silent: Path("/silent") -> mwSilent() -> "`+b+`";
		strip: PathSubtree("/strip") -> mwStrip() -> "`+b+`";
		rewrite: Path("/rewrite") -> mwRewrite() -> "`+b+`";
		gzip: Path("/gzip") -> mwGzip() -> "`+b+`";
		buffer: Path("/buffer") -> mwBuffer() -> "`+b+`";
		signed: Path("/signed") -> mwSigned() -> "`+b+`";
		peek: Path("/peek") -> mwPeek() -> "`+b+`";
		count: Path("/count") -> mwCount() -> "`+b+`";
		before: Path("/before") -> mwPanicBefore() -> "`+b+`";
		after: Path("/after") -> mwPanicAfter() -> "`+b+`";
		timeout: Path("/timeout") -> mwTimeout() -> "`+b+`";
		twice: Path("/twice") -> mwTwice() -> "`+b+`";
		lost: Path("/lost") -> mwLost() -> "`+b+`";
		host: Path("/host") -> mwBadHost() -> "`+b+`";
		echo: Path("/echo") -> hEcho() -> <shunt>;
		stream: Path("/stream") -> hStream() -> <shunt>;
		named: Path("/named") -> mwNamed("v") -> "`+b+`";
		down: Path("/down") -> mwNamed("v") -> "http://127.0.0.1:1";
		both: Path("/both") -> mwNamed("outer") -> mwBuffer() -> mwTag() -> "`+b+`";
		again: Path("/again") -> mwNamed("v") -> mwTag() -> setPath("/tag/7") -> <loopback>`)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
		header, value      string
	}{
		{path: "/tag/5", status: 200, want: `GET /tag/5 127.0 asked=yes drop= ""`, header: "X-Tag", value: "tag 5"},
		{path: "/deny", status: 403, want: "no\n"},
		{path: "/silent", status: 200},
		{path: "/strip/a%20b?c", status: 200, want: `GET /a%20b?c 127.0 asked= drop=d ""`},
		{path: "/rewrite", status: 200, want: `PUT /new%20path?a=b inner asked= drop=d ""`},
		{path: "/gzip", status: 200, want: `GET /gzip 127.0 asked= drop=d ""`},
		{path: "/buffer", status: 201, want: `GET /BUFFER 127.0 ASKED= DROP=D ""`},
		{method: "POST", path: "/signed", body: "hello", status: 200, want: `POST /signed 127.0 asked= drop=d "signed hello"`},
		{method: "POST", path: "/peek", body: "hello", status: 200, want: `POST /peek 127.0 asked= drop=d "llo"`},
		{method: "POST", path: "/count", body: "hello", status: 200, want: `POST /count 127.0 asked= drop=d "hello"`},
		{path: "/before", status: 500, want: "Internal Server Error\n"},
		{path: "/after", status: 500, want: "Internal Server Error\n"},
		{path: "/timeout", status: 200, want: `GET /timeout 127.0 asked= drop=d ""`, header: "X-Backend", value: "yes"},
		{path: "/twice", status: 200, want: `GET /twice 127.0 asked= drop=d ""`},
		{path: "/lost", status: 500, want: "the middleware lost the context of the request\n"},
		{path: "/host", status: 500, want: "Internal Server Error\n"},
		{method: "POST", path: "/echo", body: strings.Repeat("x", 100000), status: 200, want: strings.Repeat("x", 100000), header: "X-Length", value: "100000"},
		{path: "/stream", status: 200, want: "012"},
		{path: "/named", status: 200, want: `GET /named 127.0 asked= drop=d ""`, header: "X-Named", value: "v"},
		{path: "/down", status: 502, want: "Bad Gateway\n", header: "X-Named", value: "v"},
		{path: "/both", status: 201, want: `GET /BOTH 127.0 ASKED=YES DROP= ""`, header: "X-Named", value: "outer"},
		{path: "/again", status: 200, want: `GET /tag/7 127.0 asked=yes drop= ""`, header: "X-Tag", value: "tag 7"},
	} {
		t.Run(c.path, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = "GET"
			}
			req, err := http.NewRequest(method, s.url+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Drop", "d")
			resp, body := s.do(req)
			if resp.StatusCode != c.status || body != c.want {
				t.Errorf("got %s %.200q, want %d %.200q", resp.Status, body, c.status, c.want)
			}
			if c.header != "" && resp.Header.Get(c.header) != c.value {
				t.Errorf("%s is %q, want %q", c.header, resp.Header.Get(c.header), c.value)
			}
		})
	}
	if !strings.Contains(s.log.String(), "called next twice") {
		t.Error("nothing in the log about a next that was called twice")
	}
	if strings.Count(s.log.String(), "a middleware panicked") != 2 {
		t.Error("the panics are not in the log, once each")
	}
}

// TestRunsToItsEnd checks that what a middleware does behind next is done, whatever
// the response is like.
func TestRunsToItsEnd(t *testing.T) {
	s := serve(t, `
		empty: Path("/empty") -> mwNothing() -> "`+backend(t)+`";
		buffer: Path("/buffer") -> mwBuffer() -> "`+backend(t)+`";
		rest: * -> mwNothing() -> "`+backend(t)+`"`)
	for _, c := range []struct{ method, path string }{
		{"GET", "/"}, {"HEAD", "/"}, {"GET", "/empty"}, {"HEAD", "/empty"}, {"GET", "/buffer"}, {"HEAD", "/buffer"}, {"POST", "/"},
	} {
		before := after.Load()
		req, err := http.NewRequest(c.method, s.url+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, _ := s.do(req)
		if resp.Header.Get("X-Backend") == "" && c.path != "/buffer" {
			t.Errorf("%s %s: got %s, %v", c.method, c.path, resp.Status, resp.Header)
		}
		deadline := time.Now().Add(10 * time.Second)
		for after.Load() != before+1 && time.Now().Before(deadline) {
			<-time.After(time.Millisecond)
		}
		if got := after.Load() - before; got != 1 {
			t.Errorf("%s %s: %d came to their end", c.method, c.path, got)
		}
	}
}

// TestAbort checks that an answer that was cut is not taken for a whole one.
func TestAbort(t *testing.T) {
	s := serve(t, `* -> mwAbort() -> <shunt>`)
	resp, err := client.Get(s.url)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("got %q as a whole", b)
	}
}

var held struct {
	began chan struct{}
	err   chan error
}

var _ = embed.Handler("hHold", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "begin")
	_ = http.NewResponseController(w).Flush()
	close(held.began)
	<-r.Context().Done()
	_, err := io.WriteString(w, "late")
	held.err <- err
}))

// TestClientGone checks that a handler learns that its client went away, and that
// writing fails afterwards.
func TestClientGone(t *testing.T) {
	held.began, held.err = make(chan struct{}), make(chan error, 1)
	s := serve(t, `* -> hHold() -> <shunt>`)
	nc, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-held.began
	_ = nc.(*net.TCPConn).SetLinger(0) // a reset: who ends its direction only may wait for the answer
	nc.Close()
	if err := <-held.err; err == nil {
		t.Error("writing to nobody succeeded")
	}
}

// TestConcurrent runs many exchanges through middlewares at a time.
func TestConcurrent(t *testing.T) {
	s := serve(t, `a: Path("/tag/:id") -> mwNamed("a") -> mwTimeout() -> mwTag() -> "`+backend(t)+`"; b: * -> hEcho() -> <shunt>`)
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			for i := range 50 {
				id := fmt.Sprint(n*1000 + i)
				resp, err := c.Get(s.url + "/tag/" + id)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if err != nil || resp.Header.Get("X-Tag") != "a "+id {
					t.Errorf("%s: %v", id, errors.Join(err))
					return
				}
				text := strings.Repeat(id, 100*i)
				resp, err = c.Post(s.url+"/echo", "text/plain", strings.NewReader(text))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(got) != text {
					t.Errorf("echo of %d bytes: %d, %v", len(text), len(got), err)
				}
			}
		})
	}
	wg.Wait()
}
