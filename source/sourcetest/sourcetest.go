package sourcetest

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/source"
)

// Subject is a source under test.
type Subject struct {
	Source source.Source
	// Change gives the source another content. It is nil for a source that
	// never changes.
	Change func(t *testing.T, text string)
	// Break makes the content unreadable until the next Change. It is nil for a
	// source of which that cannot happen.
	Break func(t *testing.T)
}

// patience bounds what a source may take.
const patience = 20 * time.Second

// Run tests the source that open makes for a content in the route language. It
// should look for changes often.
func Run(t *testing.T, open func(t *testing.T, text string) Subject) {
	for _, c := range []struct {
		name string
		test func(*testing.T, func(*testing.T, string) Subject)
	}{
		{"Routes", testRoutes},
		{"Problems", testProblems},
		{"Changes", testChanges},
		{"Breaks", testBreaks},
		{"WatchEnds", testWatchEnds},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

const twoRoutes = "a: * -> <shunt>;\nb: Path(\"/b\") -> <shunt>;\n"

func testRoutes(t *testing.T, open func(*testing.T, string) Subject) {
	s := open(t, twoRoutes)
	if s.Source.Name() == "" {
		t.Error("it has no name")
	}
	set := routes(t, s)
	want(t, set, "a b")
	if len(set.Problems) > 0 {
		t.Errorf("it has problems: %v", set.Problems)
	}
	again := routes(t, s)
	if again.Version != set.Version || !slices.Equal(again.Routes, set.Routes) {
		t.Error("it gives something else when nothing changed")
	}
}

func testProblems(t *testing.T, open func(*testing.T, string) Subject) {
	set := routes(t, open(t, "a: * -> <shunt>;\nb: broken;\nc: * -> <shunt>;\n"))
	want(t, set, "a c")
	if len(set.Problems) != 1 {
		t.Fatalf("it has the problems %v, want one", set.Problems)
	}
	p := set.Problems[0]
	if p.RouteID != "b" || p.Reason == "" || p.Err == nil || !strings.Contains(p.Err.Error(), "2:") {
		t.Errorf("the problem is %+v, want one of route b in line 2", p)
	}
}

func testChanges(t *testing.T, open func(*testing.T, string) Subject) {
	s := open(t, twoRoutes)
	if s.Change == nil {
		t.Skip("this source never changes")
	}
	w := watch(t, s.Source)
	before := routes(t, s)
	s.Change(t, strings.Replace(twoRoutes, "/b", "/c", 1)+"c: * -> <shunt>;\n")
	after := w.until(t, s, func(set source.Set, err error) bool {
		return err == nil && (set.Version == "" || set.Version != before.Version) && len(set.Routes) == 3
	})
	want(t, after, "a b c")
	if after.Routes[0] != before.Routes[0] {
		t.Error("a route that did not change is a new one")
	}
	if after.Routes[1] == before.Routes[1] || !eskip.Equal(before.Routes[0], after.Routes[0]) {
		t.Error("it changed a route in place")
	}
	s.Change(t, "")
	w.until(t, s, func(set source.Set, err error) bool { return err == nil && len(set.Routes) == 0 })
}

func testBreaks(t *testing.T, open func(*testing.T, string) Subject) {
	s := open(t, twoRoutes)
	if s.Break == nil {
		t.Skip("this source never breaks")
	}
	w := watch(t, s.Source)
	routes(t, s)
	s.Break(t)
	w.until(t, s, func(_ source.Set, err error) bool { return err != nil })
	s.Change(t, "z: * -> <shunt>;")
	set := w.until(t, s, func(_ source.Set, err error) bool { return err == nil })
	want(t, set, "z")

	unread := open(t, twoRoutes)
	unread.Break(t)
	if _, err := unread.Source.Routes(t.Context()); err == nil {
		t.Error("it gives routes that it cannot read")
	}
	unread.Change(t, twoRoutes)
	want(t, routes(t, unread), "a b")
}

func testWatchEnds(t *testing.T, open func(*testing.T, string) Subject) {
	s := open(t, twoRoutes)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var ended, late atomic.Bool
	go func() {
		defer close(done)
		_ = s.Source.Watch(ctx, func() { late.Store(late.Load() || ended.Load()) })
		ended.Store(true)
	}()
	select {
	case <-done:
		t.Fatal("Watch ended on its own")
	case <-time.After(20 * time.Millisecond): // long enough to look once more
	}
	cancel()
	wait(t, done, "Watch goes on after the end of its context")
	if late.Load() {
		t.Error("Watch called changed after it returned")
	}
}

func routes(t *testing.T, s Subject) source.Set {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	set, err := s.Source.Routes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(set.Lines); n != 0 && n != len(set.Routes) {
		t.Errorf("it gives %d lines for %d routes", n, len(set.Routes))
	}
	seen := map[*eskip.Route]bool{}
	for _, r := range set.Routes {
		if seen[r] {
			t.Errorf("it gives the pointer of %q twice", r.ID)
		}
		seen[r] = true
	}
	return set
}

func want(t *testing.T, set source.Set, ids string) {
	t.Helper()
	var got []string
	for _, r := range set.Routes {
		got = append(got, r.ID)
	}
	slices.Sort(got)
	if g := strings.Join(got, " "); g != ids {
		t.Fatalf("it gives the routes %q, want %q", g, ids)
	}
}

type watcher struct{ changed chan struct{} }

// watch runs Watch until the test ends, and waits for it.
func watch(t *testing.T, s source.Source) *watcher {
	w := &watcher{make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Watch(ctx, func() {
			select {
			case w.changed <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		wait(t, done, "Watch goes on after the end of its context")
	})
	return w
}

// until reads the routes each time the source says that they changed, until
// they are as expected.
func (w *watcher) until(t *testing.T, s Subject, ok func(source.Set, error) bool) source.Set {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case <-w.changed:
		case <-limit:
			t.Fatal("Watch did not tell of a change")
		}
		set, err := s.Source.Routes(t.Context())
		if ok(set, err) {
			return set
		}
	}
}

func wait(t *testing.T, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error(otherwise)
	}
}
