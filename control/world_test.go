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
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/control"
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
