package control_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/table"
)

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
