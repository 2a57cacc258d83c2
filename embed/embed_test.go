package embed_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/embed"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/logtest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a Server that runs.
type server struct {
	*embed.Server
	t   testing.TB
	url string
	log *logtest.Buffer
}

// serve runs a server until the test ends.
func serve(t testing.TB, routes string, flags ...string) *server {
	t.Helper()
	log := &logtest.Buffer{}
	s, err := embed.New(embed.Config{
		Routes: routes, Log: slog.New(slog.NewTextHandler(log, nil)),
		Flags: append([]string{"-address=127.0.0.1:0", "-shutdown-timeout=5s"}, flags...),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the log:\n%s", log)
		}
	})
	select {
	case <-s.Ready():
	case err := <-done:
		done <- nil
		t.Fatalf("the server ended with %v", err)
	}
	return &server{s, t, "http://" + s.Addr().String(), log}
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}

// get asks for a path and returns the answer and its body.
func (s *server) get(path string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(req)
}

func (s *server) do(req *http.Request) (*http.Response, string) {
	s.t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(b)
}

// A filter and a predicate of a program's own.
var (
	_ = filter.Define(filter.Def{
		Name: "testShout", Doc: "asks louder", Example: `* -> testShout("X") -> <shunt>`,
		Params: []arg.Param{{Name: "header", Type: arg.Text}},
		New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
			return shout{name: v.Text(0)}, filter.CheckSettable(v.Text(0))
		},
	})
	_ = predicate.Define(predicate.Def{
		Name: "TestEven", Doc: "the query has an even length", Example: `* && TestEven() -> <shunt>`,
		New: func(arg.Values, *predicate.Env) (predicate.Predicate, error) { return even{}, nil },
	})
)

type shout struct {
	filter.ResponseOnly
	name string
}

func (f shout) Response(c *filter.Context) { c.Response.Header.Set(f.name, "LOUD") }

type even struct{}

func (even) Match(r *message.Request) bool { return len(r.Query)%2 == 0 }

func TestServer(t *testing.T) {
	s := serve(t, `
		even: * && TestEven() -> testShout("X-Even") -> inlineContent("even") -> <shunt>;
		rest: * -> inlineContent("odd") -> <shunt>`)
	for path, want := range map[string]string{"/?ab": "even LOUD", "/?a": "odd "} {
		resp, body := s.get(path)
		if got := body + " " + resp.Header.Get("X-Even"); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestSetRoutes(t *testing.T) {
	s := serve(t, `a: Path("/a") -> inlineContent("one") -> <shunt>`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range 20 {
		if err := s.SetRoutes(ctx, fmt.Sprintf(`a: Path("/a") -> inlineContent("%d") -> <shunt>`, i)); err != nil {
			t.Fatal(err)
		}
		if _, body := s.get("/a"); body != fmt.Sprint(i) {
			t.Fatalf("round %d: got %q", i, body)
		}
	}
	if err := s.SetRoutes(ctx, `a: Path("/a") -> inlineContent("19") -> <shunt>`); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := s.SetRoutes(ctx, `a: Path(`); err == nil || !strings.Contains(err.Error(), "embedded routes:1") {
		t.Errorf("no document: %v", err)
	}
	err := s.SetRoutes(ctx, `a: Path("/a") -> setPth("/x") -> <shunt>; b: Path("/b") -> inlineContent("b") -> <shunt>`)
	if err == nil || !strings.Contains(err.Error(), `did you mean "setPath"`) {
		t.Errorf("a bad route: %v", err)
	}
	if all := s.Problems(); len(all) != 1 {
		t.Errorf("problems: %v", all)
	}
	for path, want := range map[string]string{"/a": "19", "/b": "b"} {
		if _, body := s.get(path); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
	if err := s.SetRoutes(ctx, ""); err != nil {
		t.Error(err)
	}
	if resp, _ := s.get("/b"); resp.StatusCode != 404 || len(s.Problems()) != 0 {
		t.Errorf("no routes: %s, %v", resp.Status, s.Problems())
	}
}

func TestNew(t *testing.T) {
	for _, c := range []struct {
		cfg  embed.Config
		want string
	}{
		{embed.Config{Flags: []string{"-addrss=x"}}, `did you mean -address`},
		{embed.Config{Flags: []string{"x"}}, `found the argument "x"`},
		{embed.Config{Routes: "what"}, "embedded routes:1"},
	} {
		if _, err := embed.New(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q in it", err, c.want)
		}
	}
	s, err := embed.New(embed.Config{Flags: []string{"-address=127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr() != nil || s.Problems() != nil {
		t.Error("it listens before Serve")
	}
	if err := s.SetRoutes(t.Context(), `* -> <shunt>`); err != nil {
		t.Errorf("before Serve: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Serve(ctx); err != nil {
		t.Error(err)
	}
	if err := s.Serve(ctx); err == nil {
		t.Error("it can be started twice")
	}
	if err := s.SetRoutes(t.Context(), `* -> <shunt>`); err == nil {
		t.Error("routes for a server that has ended")
	}
}
