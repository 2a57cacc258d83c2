package httpcall

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const long = 10 * time.Second

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	c := New(cfg)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func get(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestDo(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Was", r.Header.Get("X-Is"))
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "tea")
	})
	c := newClient(t, Config{})
	req := get(t, s.URL)
	req.Header.Set("X-Is", "this")
	a, err := c.Do(t.Context(), long, req)
	if err != nil || a.Status != http.StatusTeapot || string(a.Body) != "tea" || a.Header.Get("X-Was") != "this" {
		t.Fatalf("got %+v, %v", a, err)
	}
}

func TestBounds(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			io.WriteString(w, strings.Repeat("a", 101))
		case "/fits":
			io.WriteString(w, strings.Repeat("a", 100))
		case "/away":
			http.Redirect(w, r, "/fits", http.StatusFound)
		case "/stalls":
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/cut":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "a")
		}
	})
	c := newClient(t, Config{MaxBody: 100})
	for _, tt := range []struct {
		path    string
		timeout time.Duration
		status  int
		want    error // nil: any
		fails   bool
	}{
		{path: "/fits", timeout: long, status: 200},
		{path: "/long", timeout: long, fails: true, want: ErrTooLong},
		{path: "/away", timeout: long, status: 302},
		{path: "/stalls", timeout: 50 * time.Millisecond, fails: true, want: context.DeadlineExceeded},
		{path: "/cut", timeout: long, fails: true, want: io.ErrUnexpectedEOF},
	} {
		a, err := c.Do(t.Context(), tt.timeout, get(t, s.URL+tt.path+"?token=secret"))
		if (err != nil) != tt.fails || (tt.want != nil && !errors.Is(err, tt.want)) {
			t.Errorf("%s: got %v", tt.path, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), tt.path)) {
			t.Errorf("%s: the error is %v", tt.path, err)
		}
		if err == nil && a.Status != tt.status {
			t.Errorf("%s: status %d", tt.path, a.Status)
		}
	}
}

// One call more than allowed waits for its turn and ends with its timeout; it
// gets one when another call ends.
func TestTurns(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			inside <- struct{}{}
			<-leave
		}
	})
	c := newClient(t, Config{MaxCalls: 1})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := c.Do(t.Context(), long, get(t, s.URL+"/wait")); err != nil {
			t.Error(err)
		}
	})
	<-inside
	if _, err := c.Do(t.Context(), 20*time.Millisecond, get(t, s.URL)); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	close(leave)
	wg.Wait()
	if _, err := c.Do(t.Context(), long, get(t, s.URL)); err != nil {
		t.Error(err)
	}
}

// Close ends what is under way.
func TestClose(t *testing.T) {
	inside := make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		inside <- struct{}{}
		<-r.Context().Done()
	})
	c := New(Config{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := c.Do(t.Context(), long, get(t, s.URL)); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
	<-inside
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := c.Do(t.Context(), long, get(t, s.URL)); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestCheckURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://auth.example.org/a?b=c": "",
		"http://127.0.0.1:9000":          "",
		"":                               "no http or https URL",
		"auth.example.org/a":             "no http or https URL",
		"ftp://auth.example.org/a":       "no http or https URL",
		"http:auth.example.org":          "no http or https URL",
		"https:///a":                     "without a host",
		"https://:80/a":                  "without a host",
		"https://u:pass@h/a":             "credentials",
		"https://h/a#b":                  "fragment",
		"http://h/%zz":                   "no URL",
		"http://a b/":                    "no URL",
	} {
		u, err := CheckURL(text)
		switch {
		case want == "" && (err != nil || u.String() != text):
			t.Errorf("%q: got %v, %v", text, u, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pass@")):
			t.Errorf("%q: got the error %v", text, err)
		}
	}
}
