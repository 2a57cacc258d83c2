package remote_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/source/remote"
	"fairlead.dev/fairlead/source/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(urls ...string) ([]source.Source, error) {
	options := option.NewSet()
	source.Options.From(options).PollTimeout = 10
	remote.Options.From(options).URLs = urls
	return source.All()[0].Open(&source.Env{Options: options})
}

// openOne returns the source of one URL. Its connections are closed with the
// test.
func openOne(t *testing.T, url string) source.Source {
	t.Helper()
	all, err := open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = all[0].Watch(ctx, func() {})
	})
	return all[0]
}

// server answers with a text and its entity tag.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	text    string
	broken  bool
	tags    bool
	gzip    bool
	answers []int // the status of each
}

func serve(t *testing.T, text string) *server {
	s := &server{text: text, tags: true}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := http.StatusOK
	tag := fmt.Sprintf("%q", s.text)
	switch {
	case s.broken:
		status = http.StatusServiceUnavailable
	case s.tags && r.Header.Get("If-None-Match") == tag:
		status = http.StatusNotModified
	}
	s.answers = append(s.answers, status)
	if s.tags {
		w.Header().Set("ETag", tag)
	}
	if !s.gzip || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") || status != http.StatusOK {
		w.WriteHeader(status)
		if status == http.StatusOK {
			_, _ = io.WriteString(w, s.text)
		}
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = io.WriteString(z, s.text)
	_ = z.Close()
}

func (s *server) set(text string, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.broken = text, broken
}

func suite(t *testing.T, adjust func(*server)) {
	sourcetest.Run(t, func(t *testing.T, text string) sourcetest.Subject {
		s := serve(t, text)
		adjust(s)
		return sourcetest.Subject{
			Source: openOne(t, s.URL),
			Change: func(_ *testing.T, text string) { s.set(text, false) },
			Break:  func(*testing.T) { s.set("", true) },
		}
	})
}

func TestSource(t *testing.T)           { suite(t, func(*server) {}) }
func TestSourceWithoutTag(t *testing.T) { suite(t, func(s *server) { s.tags = false }) }
func TestSourceGzip(t *testing.T)       { suite(t, func(s *server) { s.gzip = true }) }

func TestNotModified(t *testing.T) {
	s := serve(t, "a: * -> <shunt>;")
	r := openOne(t, s.URL)
	for range 3 {
		if set, err := r.Routes(t.Context()); err != nil || len(set.Routes) != 1 {
			t.Fatalf("got %v, %v", set, err)
		}
	}
	if got := fmt.Sprint(s.answers); got != "[200 304 304]" {
		t.Errorf("answers %s, want [200 304 304]", got)
	}
}

// TestBadAnswer keeps the last good routes whatever the server does.
func TestBadAnswer(t *testing.T) {
	teapot := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
	var answer atomic.Pointer[http.HandlerFunc]
	use := func(h http.HandlerFunc) { answer.Store(&h) }
	use(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"1"`)
		_, _ = io.WriteString(w, "a: * -> <shunt>;")
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*answer.Load())(w, r) }))
	defer srv.Close()
	r := openOne(t, srv.URL)
	before, err := r.Routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		answer     http.HandlerFunc
	}{
		{"status", "418", teapot},
		{"no content", "204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }},
		{"cut off", "unexpected EOF", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "a: * -> <shunt>; b: * -> <shunt>;")
		}},
		{"page of an error", "no route can be read", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<html>Bad Gateway</html>")
		}},
		{"bad compression", "gzip", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "a: * -> <shunt>;")
		}},
		{"endless redirects", "redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/"+r.URL.Path, http.StatusFound)
		}},
		{"reset", "EOF", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			use(c.answer)
			if _, err := r.Routes(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	use(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != `"1"` {
			t.Error("it forgot the tag of the last good answer")
		}
		w.WriteHeader(http.StatusNotModified)
	})
	if after, err := r.Routes(t.Context()); err != nil || after.Version != before.Version || after.Routes[0] != before.Routes[0] {
		t.Errorf("got %v, %v", after, err)
	}
}

// TestNotModifiedAtFirst is a server that answers 304 to who has nothing.
func TestNotModifiedAtFirst(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }))
	defer srv.Close()
	if _, err := openOne(t, srv.URL).Routes(t.Context()); err == nil || !strings.Contains(err.Error(), "304") {
		t.Errorf("got %v", err)
	}
}

func TestStalled(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "a: * ")
		_ = http.NewResponseController(w).Flush()
		<-release
	}))
	defer srv.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	r := openOne(t, srv.URL)
	go func() {
		_, err := r.Routes(ctx)
		done <- err
	}()
	cancel()
	if err := <-done; err == nil {
		t.Error("it gave routes of an answer that did not end")
	}
}

func TestSecrets(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	url := strings.Replace(srv.URL, "http://", "http://user:topsecret@", 1) + "/routes?token=topsecret"
	r := openOne(t, url)
	if got, want := r.Name(), fmt.Sprintf("routes URL %q", srv.URL+"/routes"); got != want {
		t.Errorf("name %s, want %s", got, want)
	}
	_, notFound := r.Routes(t.Context())
	srv.Close()
	_, refused := r.Routes(t.Context())
	_, malformed := open("http://user:topsecret@[")
	_, wrong := open("ftp://user:topsecret@host/?topsecret")
	for _, err := range []error{notFound, refused, malformed, wrong} {
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
	}
}

func TestOpen(t *testing.T) {
	if all, err := open("http://a/x", "http://a/y", "http://a/x"); err != nil || len(all) != 2 {
		t.Errorf("got %v, %v", all, err)
	}
	for _, url := range []string{"ftp://a", "a.eskip", "http://", "http:a"} {
		if _, err := open(url); err == nil || !strings.Contains(err.Error(), "routes-urls") {
			t.Errorf("%s: got %v", url, err)
		}
	}
}
