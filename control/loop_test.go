package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a source whose content a test sets.
type fake struct {
	name string
	doc  *source.Document

	mu       sync.Mutex
	text     string
	err      error
	watchErr error
	slow     time.Duration
	reads    int
	changed  func()
}

func newFake(name, text string) *fake {
	return &fake{name: name, text: text, doc: source.NewDocument(name)}
}

func (f *fake) Name() string { return f.name }

func (f *fake) Routes(ctx context.Context) (source.Set, error) {
	f.mu.Lock()
	text, err, slow := f.text, f.err, f.slow
	f.reads++
	f.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return source.Set{}, ctx.Err()
		}
	}
	if err != nil {
		return source.Set{}, err
	}
	return f.doc.Read(strings.NewReader(text))
}

func (f *fake) Watch(ctx context.Context, changed func()) error {
	f.mu.Lock()
	f.changed = changed
	err := f.watchErr
	f.mu.Unlock()
	if err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// set changes the content, tells the watcher if there is one, and returns how
// often the source was read so far.
func (f *fake) set(text string, err error) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text, f.err = text, err
	if f.changed != nil {
		f.changed()
	}
	return f.reads
}

func (f *fake) readCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// opened counts filters "open" that are not closed yet.
type opened struct {
	mu sync.Mutex
	n  int
	// broken makes the constructor of "sometimes" fail.
	broken bool
}

type openedKey struct{}

func openedOf(env *filter.Env) *opened {
	return env.Shared(openedKey{}, func() any { return new(opened) }).(*opened)
}

func (o *opened) count(d int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n += d
	return o.n
}

type open struct {
	filter.RequestOnly
	o *opened
}

func (open) Request(*filter.Context) {}
func (f open) Close() error          { f.o.count(-1); return nil }

var _ = filter.Define(filter.Def{
	Name: "open", Doc: "for tests", Example: "* -> <shunt>",
	Params: []arg.Param{{Name: "text", Type: arg.Text, Optional: true}},
	New: func(_ arg.Values, env *filter.Env) (filter.Filter, error) {
		o := openedOf(env)
		o.count(1)
		return open{o: o}, nil
	},
})

var _ = filter.Define(filter.Def{
	Name: "sometimes", Doc: "for tests", Example: "* -> <shunt>",
	New: func(_ arg.Values, env *filter.Env) (filter.Filter, error) {
		o := openedOf(env)
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.broken {
			return nil, errors.New("not now")
		}
		return &open{}, nil
	},
})

// second is a second place in the path tree.
type second struct{}

func (second) Match(*message.Request) bool              { return true }
func (second) TreePath() (pattern string, subtree bool) { return "/second", false }

var _ = predicate.Define(predicate.Def{
	Name: "Second", Doc: "for tests", Example: "* -> <shunt>",
	New: func(arg.Values, *predicate.Env) (predicate.Predicate, error) { return second{}, nil },
})

// journal is a log.
type journal struct {
	mu sync.Mutex
	bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.Buffer.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.Buffer.String()
}

// world is a loop over fake sources.
type world struct {
	*control.Loop
	t         testing.TB
	compiler  *route.Compiler
	mu        sync.Mutex
	published []*table.Table
	log       journal
}

func newWorld(t testing.TB, sources ...source.Source) *world {
	w := &world{t: t, compiler: &route.Compiler{
		FilterEnv: filter.NewEnv(nil, nil), PredicateEnv: &predicate.Env{}, Endpoints: new(backend.Set),
	}}
	w.Loop = control.New(control.Config{
		Sources: sources, Compiler: w.compiler,
		Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{}
			}
			return a
		}})),
		Publish: func(t *table.Table) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.published = append(w.published, t)
		},
	})
	return w
}

func (w *world) tables() []*table.Table {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.published)
}

// run runs the loop once and returns the serving routes, each as id=backend.
func (w *world) run() string {
	w.t.Helper()
	if err := w.RunOnce(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return w.serving()
}

func (w *world) serving() string {
	w.t.Helper()
	var out []string
	for r := range w.Status().Routes() {
		to := "-"
		if len(r.Backend.Endpoints) > 0 {
			to = r.Backend.Endpoints[0].Authority
		}
		out = append(out, r.ID+"="+to)
		if def := w.Status().Table().Get(r.ID); def == nil || def.Value.(*route.Route) != r {
			w.t.Errorf("the table has another route %q", r.ID)
		}
	}
	if tables := w.tables(); len(tables) > 0 && tables[len(tables)-1] != w.Status().Table() {
		w.t.Error("the status is about another table than the published one")
	}
	return strings.Join(out, " ")
}

// invalid returns the invalid definitions, each as source/id/reason, with "+"
// if the id is served.
func (w *world) invalid() string {
	var out []string
	for _, p := range w.Status().Invalid {
		s := fmt.Sprintf("%s/%s/%s", p.Source, p.RouteID, p.Reason)
		if p.Serving {
			s += "+"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func (w *world) logged(text string) int { return strings.Count(w.log.String(), text) }

// TestSteps changes the content of sources step by step. A content is
// separated from that of the next source by a line "--"; "!" is an error.
func TestSteps(t *testing.T) {
	type step struct{ content, serving, invalid string }
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"add, change, remove", []step{
			{"", "", ""},
			{`a: * -> "http://1";`, "a=1", ""},
			{`a: * -> "http://1"; b: * -> "http://2";`, "a=1 b=2", ""},
			{`a: * -> "http://3"; b: * -> "http://2";`, "a=3 b=2", ""},
			{`b: * -> "http://2";`, "b=2", ""},
			{"", "", ""},
		}},
		{"a broken definition keeps its last good route", []step{
			{`a: * -> "http://1"; b: * -> "http://2";`, "a=1 b=2", ""},
			{`a: * -> nope() -> "http://3"; b: * -> "http://4";`, "a=1 b=4", "f/a/unknown_filter+"},
			{`a: * -> nope( -> "http://3"; b: * -> "http://5";`, "a=1 b=5", "f/a/other+"},
			{`a: * -> "http://3"; b: * -> "http://5";`, "a=3 b=5", ""},
			{`a: * -> nope() -> "http://3"; b: * -> "http://4";`, "a=3 b=4", "f/a/unknown_filter+"},
			{`b: * -> "http://4";`, "b=4", ""},
		}},
		{"broken from the start", []step{
			{`a: * -> nope() -> <shunt>; b: Nope() -> "http://2"; c: * -> <robin, "http://1">; d: x; e: * -> <shunt>`, "e=-",
				"f/a/unknown_filter f/b/unknown_predicate f/c/other f/d/other"},
			{`a: * -> <shunt>; e: * -> <shunt>`, "a=- e=-", ""},
		}},
		{"a definition swallowed by a broken one", []step{
			{"a: * -> \"http://1\";\nb: * -> \"http://2\";\nc: * -> \"http://3\";", "a=1 b=2 c=3", ""},
			{"a: Path(\"/x) -> \"http://1\" b: * -> \"http://2\";\nc: * -> \"http://3\";", "a=1 b=2 c=3", "f/a/other+ f/b/other+"},
			{"a: Path(\"/x) -> \"http://1\";\nc: * -> \"http://3\";", "a=1 c=3", "f/a/other+"},
			{"a: Path(\"/x) -> \"http://1\" b: * -> \"http://2\";\nc: * -> \"http://3\";", "a=1 c=3", "f/a/other+"},
			{"c: * -> \"http://4\";", "c=4", ""},
		}},
		{"a lone route", []step{
			{`* -> "http://1"`, "=1", ""},
			{`* -> "http://2"`, "=2", ""},
			{`a: * -> "http://2"`, "a=2", ""},
		}},
		{"an id twice in one source", []step{
			{`a: * -> "http://1"; a: * -> "http://2"`, "a=1", "f/a/other+"},
			{`a: * -> "http://2"; a: * -> "http://1"`, "a=2", "f/a/other+"},
			{`b: * -> <shunt>; a: * -> "http://3"; a: * -> "http://2"; a: * -> "http://1"`, "a=3 b=-", "f/a/other+ f/a/other+"},
			{`a: * -> "http://1"`, "a=1", ""},
			{`a: * -> "http://1"; a: * -> "http://1"`, "a=1", "f/a/other+"},
			{`a: * -> "http://1";`, "a=1", ""},
		}},
		{"an id in two sources", []step{
			{"b: * -> <shunt>\n--\na: * -> \"http://2\"", "a=2 b=-", ""},
			{"a: * -> \"http://1\"\n--\na: * -> \"http://2\"", "a=1", "g/a/other+"},
			{"a: * -> nope() -> \"http://1\"\n--\na: * -> \"http://3\"", "a=1", "f/a/unknown_filter+ g/a/other+"},
			{"\n--\na: * -> \"http://3\"", "a=3", ""},
			{"a: * -> nope() -> \"http://1\"\n--\na: * -> \"http://3\"", "a=3", "f/a/unknown_filter+ g/a/other+"},
			{"a: * -> \"http://1\"\n--\n", "a=1", ""},
		}},
		{"a source that cannot be read", []step{
			{"a: * -> \"http://1\"\n--\nb: * -> \"http://2\"", "a=1 b=2", ""},
			{"!\n--\nb: * -> \"http://3\"", "a=1 b=3", ""},
			{"<html>\n--\nb: * -> \"http://4\"", "a=1 b=4", ""},
			{"c: * -> \"http://1\"\n--\nb: * -> \"http://4\"", "b=4 c=1", ""},
		}},
		{"a route that the table refuses", []step{
			{`a: Path("/a") -> "http://1"; b: * -> "http://2"`, "a=1 b=2", ""},
			{`a: Path("/a") && Second() -> "http://3"; b: * -> "http://3"; c: Path("/c") && Second() -> <shunt>`, "a=1 b=3", "f/a/invalid_matcher+ f/c/invalid_matcher"},
			{`a: Path("/a") -> "http://3"; b: * -> "http://3"`, "a=3 b=3", ""},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, g := newFake("f", ""), newFake("g", "")
			w := newWorld(t, f, g)
			for i, s := range c.steps {
				first, second, _ := strings.Cut(s.content, "\n--\n")
				for fake, text := range map[*fake]string{f: first, g: second} {
					var err error
					if text == "!" {
						err = errors.New("unreadable")
					}
					fake.set(text, err)
				}
				_ = w.RunOnce(t.Context())
				if got := w.serving(); got != s.serving {
					t.Errorf("step %d: serving %q, want %q", i, got, s.serving)
				}
				if got := w.invalid(); got != s.invalid {
					t.Errorf("step %d: invalid %q, want %q", i, got, s.invalid)
				}
			}
			w.Close()
			if n := w.compiler.Endpoints.Len(); n != 0 {
				t.Errorf("%d endpoints left", n)
			}
		})
	}
}

// TestCompilesOnlyChanges counts what is compiled.
func TestCompilesOnlyChanges(t *testing.T) {
	f := newFake("f", "a: * -> \"http://1\";\nb: * -> \"http://2\";\n")
	w := newWorld(t, f)
	var compiled []string
	w.compiler.Attach = func(r *route.Route) any { compiled = append(compiled, r.ID); return nil }
	for _, c := range []struct{ text, want string }{
		{f.text, "a b"},
		{f.text, ""},
		{"// moved\n" + f.text, ""},
		{"// moved\na:   *   ->   \"http://1\";\nb: * -> \"http://3\";\n", "b"},
		{"b: * -> \"http://3\";\na: * -> \"http://1\";\n", ""},
		{"b: * -> \"http://3\";\nc: * -> \"http://1\";\n", "c"},
	} {
		before, generation := len(w.tables()), w.Status().Generation
		compiled = nil
		f.set(c.text, nil)
		w.run()
		if got := strings.Join(compiled, " "); got != c.want {
			t.Errorf("compiled %q, want %q", got, c.want)
		}
		if published := len(w.tables()) > before; published != (c.want != "") || published != (w.Status().Generation > generation) {
			t.Errorf("published: %t after %q", published, c.want)
		}
	}
}

// TestProblemPlaces makes sure that problems are reported where they stand now.
func TestProblemPlaces(t *testing.T) {
	text := "a: * -> nope() -> <shunt>;\nb: Path(\"/b\") && Second() -> <shunt>;\nc: * -> <shunt>; c: * -> <loopback>;\n"
	f := newFake("f", text)
	w := newWorld(t, f)
	places := func(want ...string) {
		t.Helper()
		var got []string
		for _, p := range w.Status().Invalid {
			got = append(got, p.Err.Error())
			if p.Route == nil || p.Route.ID != p.RouteID {
				t.Errorf("%q comes without its definition", p.Err)
			}
		}
		for i, want := range want {
			if i >= len(got) || !strings.HasPrefix(got[i], want) {
				t.Errorf("problems %q, want one that starts with %q", got, want)
			}
		}
	}
	w.run()
	places("f:1:9: ", "f:2:1: ", "f line 3: ")
	f.set("\n\n"+text, nil)
	w.run()
	places("f:3:9: ", "f:4:1: ", "f line 5: ")
}

func TestLogOnce(t *testing.T) {
	f := newFake("f", "a: nope() -> <shunt>; b: * -> <shunt>")
	g := newFake("g", "")
	g.err = errors.New("unreadable")
	w := newWorld(t, f, g)
	if err := w.RunOnce(t.Context()); err == nil || !strings.Contains(err.Error(), `read routes from g: unreadable`) {
		t.Errorf("got %v", err)
	}
	for range 3 {
		if err := w.RunOnce(t.Context()); err != nil {
			t.Errorf("the same error again: %v", err)
		}
	}
	f.set("a: nope() -> <shunt>; b: * -> <loopback>", nil)
	_ = w.run()
	if n := w.logged("unknown predicate"); n != 1 {
		t.Errorf("the problem is logged %d times\n%s", n, w.log.String())
	}
	if w.Status().Sources[1].Err == nil || w.Status().Loaded {
		t.Errorf("status %+v", w.Status())
	}
	g.set("", nil)
	_ = w.run()
	if w.Status().Sources[1].Err != nil || !w.Status().Loaded || w.logged("can be read again") != 1 {
		t.Errorf("status %+v\n%s", w.Status(), w.log.String())
	}
	many := strings.Builder{}
	for i := range 100 {
		fmt.Fprintf(&many, "r%d: * -> <shunt>; s%d: nope() -> <shunt>;", i, i)
	}
	before := strings.Count(w.log.String(), "\n")
	f.set(many.String(), nil)
	_ = w.run()
	if lines := strings.Count(w.log.String(), "\n") - before; lines > 50 {
		t.Errorf("one update logs %d lines", lines)
	}
	if w.logged("count=80") != 1 {
		t.Errorf("problems beyond those that are logged are not counted\n%s", w.log.String())
	}
}

func TestRetryInvalid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("f", "a: * -> sometimes() -> <shunt>")
		w := newWorld(t, f)
		o := openedOf(w.compiler.FilterEnv)
		o.broken = true
		stop := start(t, w)
		if got := w.invalid(); got != "f/a/invalid_filter_params" {
			t.Errorf("invalid %q", got)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if n := w.logged("not now"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		o.mu.Lock()
		o.broken = false
		o.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if w.serving() != "a=-" || w.invalid() != "" {
			t.Errorf("serving %q, invalid %q", w.serving(), w.invalid())
		}
		stop()
	})
}

// start runs the loop and waits until it has nothing to do but wait. stop ends
// it and waits for its end.
func start(t *testing.T, w *world) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	synctest.Wait()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
		if n := w.compiler.Endpoints.Len(); n != 0 {
			t.Errorf("%d endpoints left", n)
		}
		if n := openedOf(w.compiler.FilterEnv).count(0); n != 0 {
			t.Errorf("%d filters left open", n)
		}
	}
}

func isLoaded(w *world) bool {
	select {
	case <-w.Loaded():
		return true
	default:
		return false
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("f", `a: * -> open() -> "http://1"`)
		w := newWorld(t, f)
		stop := start(t, w)
		if !isLoaded(w) || w.serving() != "a=1" {
			t.Errorf("after the start: loaded %t, serving %q", isLoaded(w), w.serving())
		}
		time.Sleep(time.Second)
		f.set(`a: * -> open() -> "http://2"`, nil)
		synctest.Wait()
		if got := w.serving(); got != "a=2" {
			t.Errorf("serving %q: a change after a quiet time is not seen at once", got)
		}
		stop()
	})
}

func TestRunWithoutSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stop := start(t, w)
		if !isLoaded(w) || len(w.tables()) != 1 || w.Status().Generation != 1 {
			t.Errorf("no source: loaded %t, %d tables", isLoaded(w), len(w.tables()))
		}
		stop()
	})
}

func TestRunWaitsForEverySource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, g, h := newFake("f", "a: * -> <shunt>"), newFake("g", "b: * -> <shunt>"), newFake("h", "c: * -> <shunt>")
		g.err = errors.New("unreadable")
		h.slow = time.Hour
		w := newWorld(t, f, g, h)
		stop := start(t, w)
		if isLoaded(w) || w.Status().Loaded || w.serving() != "a=-" {
			t.Errorf("loaded %t, serving %q", isLoaded(w), w.serving())
		}
		g.mu.Lock()
		g.err = nil // nobody tells the loop
		g.mu.Unlock()
		time.Sleep(10 * time.Second)
		if isLoaded(w) || w.serving() != "a=- b=-" {
			t.Errorf("loaded %t, serving %q: a source that failed is not tried again", isLoaded(w), w.serving())
		}
		time.Sleep(time.Hour)
		if !isLoaded(w) || w.serving() != "a=- b=- c=-" {
			t.Errorf("loaded %t, serving %q", isLoaded(w), w.serving())
		}
		stop()
	})
}

func TestRunStopsSlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("f", "")
		f.slow = time.Hour
		w := newWorld(t, f)
		begin := time.Now()
		start(t, w)()
		if time.Since(begin) != 0 {
			t.Errorf("stopping took %v", time.Since(begin))
		}
		if w.logged("cannot be read") > 0 {
			t.Errorf("stopping is logged as an error\n%s", w.log.String())
		}
	})
}

// TestRunPaces has a source that cries all the time.
func TestRunPaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("f", "a: * -> <shunt>")
		w := newWorld(t, f)
		stop := start(t, w)
		before := f.readCount()
		for range 1000 {
			f.set("a: * -> <shunt>", nil)
			time.Sleep(time.Millisecond)
		}
		if n := f.readCount() - before; n > 11 || n < 9 {
			t.Errorf("read %d times in a second, want about 10", n)
		}
		stop()
	})
}

func TestRunBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("f", "")
		f.err = errors.New("unreadable")
		w := newWorld(t, f)
		stop := start(t, w)
		time.Sleep(10 * time.Minute)
		if n := f.readCount(); n < 15 || n > 40 {
			t.Errorf("read %d times in ten minutes", n)
		}
		if n := w.logged("unreadable"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		stop()
	})
}

func TestRunWatchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("f", "a: * -> <shunt>")
		f.watchErr = errors.New("watching is over")
		w := newWorld(t, f)
		stop := start(t, w)
		f.mu.Lock()
		f.text = "b: * -> <shunt>" // changed would be lost
		f.mu.Unlock()
		time.Sleep(5 * time.Second)
		if got := w.serving(); got != "b=-" {
			t.Errorf("serving %q", got)
		}
		if w.logged("watching is over") == 0 {
			t.Errorf("nothing is said about the watch\n%s", w.log.String())
		}
		stop()
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("f", `a: * -> open() -> "http://1"`)
		w := newWorld(t, f)
		stop := start(t, w)
		o := openedOf(w.compiler.FilterEnv)
		f.set(`a: * -> open("x") -> "http://2"`, nil)
		time.Sleep(time.Second)
		if o.count(0) != 2 || w.compiler.Endpoints.Len() != 2 {
			t.Errorf("%d filters, %d endpoints: the route that left was closed at once", o.count(0), w.compiler.Endpoints.Len())
		}
		time.Sleep(time.Minute)
		if o.count(0) != 1 || w.compiler.Endpoints.Len() != 1 {
			t.Errorf("%d filters, %d endpoints: the route that left was not closed", o.count(0), w.compiler.Endpoints.Len())
		}
		f.set("", nil)
		time.Sleep(time.Second)
		stop()
	})
}

func TestDrainIsBounded(t *testing.T) {
	const n, most = 20_000, 16 << 10
	var a, b strings.Builder
	for i := range n {
		fmt.Fprintf(&a, "r%d: * -> open() -> <shunt>;", i)
		fmt.Fprintf(&b, "r%d: * -> open() -> <loopback>;", i)
	}
	f := newFake("f", a.String())
	w := newWorld(t, f)
	w.run()
	f.set(b.String(), nil)
	w.run()
	o := openedOf(w.compiler.FilterEnv)
	if got := o.count(0); got != n+most {
		t.Errorf("%d filters are open, want %d", got, n+most)
	}
	w.Close()
	if got := o.count(0); got != 0 {
		t.Errorf("%d filters are open after Close", got)
	}
}

func TestObserve(t *testing.T) {
	f := newFake("f", "a: * -> <shunt>")
	var seen []uint64
	compiler := newWorld(t).compiler
	l := control.New(control.Config{
		Sources: []source.Source{f}, Compiler: compiler, Publish: func(*table.Table) {},
		Observe: func(s *control.Status) { seen = append(seen, s.Generation) },
	})
	for _, text := range []string{"a: * -> <shunt>", "a: * -> <shunt>", "a: * -> <loopback>", "a: nope"} {
		f.set(text, nil)
		if err := l.RunOnce(t.Context()); err != nil && text != "a: nope" {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]uint64{1, 2, 2}, seen); diff != "" {
		t.Error(diff)
	}
	for def := range l.Status().Definitions() {
		if def.ID != "a" || def.Backend.Type != eskip.Loopback {
			t.Errorf("definition %v", def)
		}
	}
	l.Close()
}
