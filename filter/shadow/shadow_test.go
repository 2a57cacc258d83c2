package shadow

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counts are metrics that tests can look at.
type counts struct {
	mu sync.Mutex
	n  map[string]uint64
}

func (c *counts) Counter(key string) filter.Counter { return counter{c, key} }
func (c *counts) Gauge(string) filter.Gauge         { return nil }
func (c *counts) Timer(string) filter.Timer         { return nil }

func (c *counts) get(key string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[key]
}

type counter struct {
	c   *counts
	key string
}

func (c counter) Add(n uint64) {
	c.c.mu.Lock()
	defer c.c.mu.Unlock()
	c.c.n[c.key] += n
}

// newEnv returns an environment that ends with the test.
func newEnv(t testing.TB, flags ...string) (*filter.Env, *counts) {
	t.Helper()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(flags); err != nil {
		t.Fatal(err)
	}
	env, c := filter.NewEnv(set, nil), &counts{n: map[string]uint64{}}
	env.Metrics = c
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
		if s, err := carrierOf(env); err == nil {
			if left := s.memory.left.Load(); left != s.opts.Memory {
				t.Errorf("tapes still hold %d bytes", s.opts.Memory-left)
			}
			_ = s.Close()
		}
	})
	return env, c
}

// seen is what a shadow's server was sent.
type seen struct {
	Target string
	Host   string
	Header http.Header
	Body   string
	Err    bool
}

// mirror is a server that tells what it is sent.
func mirror(t testing.TB) (*httptest.Server, chan seen) {
	got := make(chan seen, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		got <- seen{r.Method + " " + r.RequestURI, r.Host, r.Header.Clone(), string(b), err != nil}
		if to := r.Header.Get("X-Redirect"); to != "" && r.URL.Path != "/end" {
			w.Header().Set("Location", to)
			w.WriteHeader(302)
			return
		}
		fmt.Fprint(w, "dropped")
	}))
	t.Cleanup(s.Close)
	return s, got
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen in time: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// backend reads the body of the request, as a backend does.
func backend(x *filtertest.Exchange) *string {
	got := new(string)
	x.Backend = func(r *message.Request) *message.Response {
		if r.Body != nil {
			b, _ := io.ReadAll(r.Body)
			*got = string(b)
		}
		return &message.Response{Status: 200}
	}
	return got
}

func TestTee(t *testing.T) {
	srv, got := mirror(t)
	host := strings.TrimPrefix(srv.URL, "http://")
	plainFields := http.Header{"Accept": {"a", "b"}, "X-Forwarded-For": {"10.0.0.1"}, "X-Skipper-Shadow-Traffic": {"yes"}}
	withCredentials := plainFields.Clone()
	withCredentials["Cookie"], withCredentials["Authorization"], withCredentials["X-Api-Key"] = []string{"c=1"}, []string{"Bearer x"}, []string{"k"}
	for _, tt := range []struct {
		name   string
		flags  []string
		filter string
		args   []any
		target string
		want   string
		header http.Header
	}{
		{"as it is", nil, "tee", nil, "/a%20b?q=1", "/a%20b?q=1", plainFields},
		{"old name", nil, "Tee", nil, "/", "/", plainFields},
		{"no redirects", nil, "teenf", nil, "/x%2Fy", "/x%2Fy", plainFields},
		{"other path", nil, "tee", []any{"^/v1/(.*)$", "/v2/$1 x"}, "/v1/a?b", "/v2/a%20x?b", plainFields},
		{"no match", nil, "tee", []any{"^/v1/", "/v2/"}, "/v3/a", "/v3/a", plainFields},
		{"query", nil, "tee", nil, "/?a=1&access_token=s&b=%zz&API%5fKEY=k", "/?a=1&b=%zz", plainFields},
		{"trusted", []string{"-shadow-credentials-hosts=127.0.0.1"}, "tee", nil, "/?access_token=s", "/?access_token=s", withCredentials},
		{"all trusted", []string{"-shadow-credentials-hosts=all"}, "tee", nil, "/", "/", withCredentials},
		{"others trusted", []string{"-shadow-credentials-hosts=*.0.0.1,example.org"}, "teenf", nil, "/", "/", withCredentials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env, counts := newEnv(t, tt.flags...)
			x := filtertest.Get(t, tt.target)
			x.Request.Method = "POST"
			for _, f := range [][2]string{
				{"Accept", "a"}, {"accept", "b"}, {"Cookie", "c=1"}, {"Authorization", "Bearer x"}, {"X-Api-Key", "k"},
				{"Proxy-Authorization", "Basic x"}, {"Connection", "close"}, {"TE", "trailers"}, {"Upgrade", "x"},
				{"X-Forwarded-For", "10.0.0.1"}, {"Expect", "100-continue"},
			} {
				x.Request.Header.Add(f[0], f[1])
			}
			x.Request.SetBody(strings.NewReader("the body"), 8)
			main := backend(x)
			x.Run(filtertest.BuildEnv(t, env, tt.filter, append([]any{srv.URL + "/ignored"}, tt.args...)...))
			if *main != "the body" || x.Request.Header.Has(marker) || x.Response.Status != 200 {
				t.Errorf("the exchange: body %q, fields %v, status %d", *main, x.Request.Header.Fields(), x.Response.Status)
			}
			s := <-got
			s.Header.Del("Content-Length")
			if d := cmp.Diff(seen{"POST " + tt.want, host, tt.header, "the body", false}, s); d != "" {
				t.Error(d)
			}
			if n := counts.get("shadow.sent"); n != 1 {
				t.Errorf("sent %d", n)
			}
		})
	}
}

func TestTeeWithoutBody(t *testing.T) {
	srv, got := mirror(t)
	env, _ := newEnv(t)
	x := filtertest.Get(t, "/")
	x.Run(filtertest.BuildEnv(t, env, "tee", srv.URL), filtertest.BuildEnv(t, env, "tee", srv.URL))
	for range 2 {
		if s := <-got; s.Target != "GET /" || s.Body != "" || s.Header.Get("Transfer-Encoding") != "" {
			t.Errorf("got %+v", s)
		}
	}
}

// Both shadows of a route get the body.
func TestTwoShadows(t *testing.T) {
	srv, got := mirror(t)
	env, _ := newEnv(t)
	x := filtertest.Get(t, "/")
	x.Request.Method = "PUT"
	x.Request.SetBody(strings.NewReader("body"), message.Unknown)
	main := backend(x)
	x.Run(filtertest.BuildEnv(t, env, "tee", srv.URL), filtertest.BuildEnv(t, env, "teenf", srv.URL))
	for range 2 {
		if s := <-got; s.Body != "body" || s.Err {
			t.Errorf("got %+v", s)
		}
	}
	if *main != "body" {
		t.Errorf("the exchange got %q", *main)
	}
}

func TestShadowLoop(t *testing.T) {
	env, counts := newEnv(t)
	x := filtertest.Get(t, "/")
	x.Request.Header.Add("x-skipper-shadow-traffic", "")
	x.Run(filtertest.BuildEnv(t, env, "tee", "http://127.0.0.1:1"))
	if x.Refused() != message.ReasonShadowLoop || x.Response.Status != 465 || counts.get("shadow.sent") != 0 {
		t.Errorf("refused for %v with %d", x.Refused(), x.Response.Status)
	}
}

func TestRedirects(t *testing.T) {
	srv, got := mirror(t)
	other, away := mirror(t)
	env, _ := newEnv(t)
	for _, tt := range []struct {
		filter, to string
		want       []string
	}{
		{"tee", "/end", []string{"GET /", "GET /end"}},
		{"teenf", "/end", []string{"GET /"}},
		{"tee", other.URL, []string{"GET /"}},
		{"tee", "/again", []string{"GET /", "GET /again", "GET /again", "GET /again", "GET /again", "GET /again"}},
	} {
		x := filtertest.Get(t, "/")
		x.Request.Header.Add("X-Redirect", tt.to)
		x.Run(filtertest.BuildEnv(t, env, tt.filter, srv.URL))
		eventually(t, "the shadow has ended", func() bool { return idle(t, env) })
		var targets []string
		for len(got) > 0 {
			targets = append(targets, (<-got).Target)
		}
		if d := cmp.Diff(tt.want, targets); d != "" {
			t.Errorf("%s to %s: %s", tt.filter, tt.to, d)
		}
	}
	if len(away) > 0 {
		t.Errorf("a shadow was led away: %+v", <-away)
	}
}

func idle(t testing.TB, env *filter.Env) bool {
	t.Helper()
	c, err := carrierOf(env)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.under == 0 && len(c.hosts) == 0
}

// A shadow that takes nothing is cut and counted, and the exchange goes on.
func TestSlowShadow(t *testing.T) {
	hold, ended := make(chan struct{}), make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-hold
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	}))
	t.Cleanup(srv.Close)
	env, counts := newEnv(t, "-shadow-buffer=65536")
	x := filtertest.Get(t, "/")
	x.Request.Method = "POST"
	const size = 32 << 20
	x.Request.SetBody(io.LimitReader(zeros{}, size), size)
	read := int64(0)
	x.Backend = func(r *message.Request) *message.Response {
		read, _ = io.Copy(io.Discard, r.Body)
		return &message.Response{Status: 200}
	}
	x.Run(filtertest.BuildEnv(t, env, "tee", srv.URL))
	if read != size {
		t.Errorf("the exchange read %d bytes", read)
	}
	if n := counts.get("shadow.dropped.overflow"); n != 1 {
		t.Errorf("dropped %d", n)
	}
	close(hold)
	if err := <-ended; err == nil {
		t.Error("the shadow seems whole")
	}
	eventually(t, "the shadow has ended", func() bool { return idle(t, env) })
	if n := counts.get("shadow.failed"); n != 0 {
		t.Errorf("it failed, too: %d", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestNoPlace(t *testing.T) {
	hold := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	t.Cleanup(srv.Close)
	free, got := mirror(t)
	env, counts := newEnv(t, "-shadow-max-per-host=2", "-shadow-max=3")
	slow, other := filtertest.BuildEnv(t, env, "tee", srv.URL), filtertest.BuildEnv(t, env, "tee", free.URL)
	for range 5 {
		filtertest.Get(t, "/").Run(slow)
	}
	if n := counts.get("shadow.dropped.busy"); n != 3 {
		t.Errorf("dropped %d, want 3", n)
	}
	filtertest.Get(t, "/").Run(other) // has a place of its own
	<-got
	if n := filtertest.Get(t, "/").Allocs(slow); n != 0 {
		t.Errorf("%v allocations without a shadow", n)
	}
	close(hold)
	eventually(t, "all shadows have ended", func() bool { return idle(t, env) })
}

func TestShadowFails(t *testing.T) {
	for name, flags := range map[string][]string{"dead": nil, "late": {"-shadow-timeout=20ms"}} {
		t.Run(name, func(t *testing.T) {
			hold := make(chan struct{})
			srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
			t.Cleanup(srv.Close)
			t.Cleanup(func() { close(hold) })
			if name == "dead" {
				srv.CloseClientConnections()
				srv.Listener.Close()
			}
			env, counts := newEnv(t, flags...)
			x := filtertest.Get(t, "/")
			x.Request.SetBody(strings.NewReader("body"), 4)
			backend(x)
			x.Run(filtertest.BuildEnv(t, env, "tee", srv.URL))
			eventually(t, "the failure is counted", func() bool { return counts.get("shadow.failed") == 1 })
		})
	}
}

// The body that the exchange does not read to its end is no whole one for the
// shadow.
func TestBodyCut(t *testing.T) {
	for _, tt := range []struct {
		name   string
		body   io.Reader
		length int64
		read   int
	}{
		{"unread", strings.NewReader("the body"), 8, 0},
		{"half read", strings.NewReader("the body"), message.Unknown, 4},
		{"broken", io.MultiReader(strings.NewReader("the"), broken{}), message.Unknown, 100},
		{"short", strings.NewReader("the body"), 10, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, got := mirror(t)
			env, _ := newEnv(t)
			x := filtertest.Get(t, "/")
			x.Request.Method = "POST"
			x.Request.SetBody(tt.body, tt.length)
			x.Backend = func(r *message.Request) *message.Response {
				_, _ = io.ReadFull(r.Body, make([]byte, tt.read))
				return &message.Response{Status: 200}
			}
			x.Run(filtertest.BuildEnv(t, env, "tee", srv.URL))
			eventually(t, "the shadow has ended", func() bool { return idle(t, env) })
			select {
			case s := <-got:
				if !s.Err {
					t.Errorf("the shadow seems whole: %+v", s)
				}
			default: // not even its head was sent
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut") }

func TestClose(t *testing.T) {
	hold := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(hold) })
	env, counts := newEnv(t)
	f := filtertest.BuildEnv(t, env, "tee", srv.URL)
	for range 10 {
		filtertest.Get(t, "/").Run(f)
	}
	if err := env.Close(); err != nil {
		t.Error(err)
	}
	if n := counts.get("shadow.failed"); n != 10 {
		t.Errorf("%d shadows were waited for", n)
	}
	filtertest.Get(t, "/").Run(f) // a route that is still there does no harm
	if n := counts.get("shadow.sent"); n != 10 {
		t.Errorf("sent %d", n)
	}
}

func TestWrong(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []any
		want string
	}{
		{"tee", nil, "found 0 arguments"},
		{"tee", []any{"shadow.example.org"}, `argument 1 (url): found "shadow.example.org", expected a URL`},
		{"tee", []any{"ftp://shadow.example.org"}, "argument 1 (url): found"},
		{"tee", []any{"http://"}, "argument 1 (url): found"},
		{"tee", []any{"http://user:secret@h"}, "argument 1 (url): found a name or password"},
		{"tee", []any{"http://h", "^/a"}, "argument 2 (expression): found an expression without"},
		{"teenf", []any{"http://h", "(", "x"}, "argument 2 (expression)"},
		{"teeResponse", []any{"/x"}, "argument 1 (url): found"},
		{"teeLoopback", []any{""}, "argument 1 (label): found an empty label"},
	} {
		if err := filtertest.BuildError(t, tt.name, tt.args...); !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s%v: %v", tt.name, tt.args, err)
		}
	}
	env, _ := newEnv(t, "-shadow-credentials-hosts=a*b")
	if _, err := carrierOf(env); err == nil || !strings.Contains(err.Error(), `found "a*b"`) {
		t.Errorf("got %v", err)
	}
}

func TestCredentialFields(t *testing.T) {
	for name, want := range map[string]bool{
		"Authorization": true, "cookie": true, "X-CSRF-Token": true, "X-Amz-Security-Token": true, "X-Auth-User": true,
		"Client-Cert": true, "X-Client-Secret": true, "X-Hub-Signature-256": true, "X-User-JWT": true,
		"Accept": false, "User-Agent": false, "X-Forwarded-For": false, "Traceparent": false, "X-Flow-Id": false, "Content-Type": false,
	} {
		if credentialField(name) != want {
			t.Errorf("%s: want %v", name, want)
		}
	}
}

func BenchmarkTee(b *testing.B) {
	env, _ := newEnv(b, "-shadow-max=0")
	f := filtertest.BuildEnv(b, env, "tee", "http://127.0.0.1:1")
	x := filtertest.Get(b, "/")
	b.ReportAllocs()
	for b.Loop() {
		f.Request(x.Context)
	}
}
