package registry

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

type def struct{ name string }

func TestRegistry(t *testing.T) {
	var r Registry[def]
	b, a := &def{"b"}, &def{"a"}
	r.Define("filter", b, "b", "old", "older")
	r.Define("filter", a, "a")

	for name, want := range map[string]*def{"a": a, "b": b, "old": b, "older": b, "A": nil, "": nil, "c": nil} {
		if got := r.Lookup(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
	if got := r.All(); !slices.Equal(got, []*def{a, b}) {
		t.Errorf("All is %v", got)
	}
	if got := r.Names(); !slices.Equal(got, []string{"a", "b", "old", "older"}) {
		t.Errorf("Names are %v", got)
	}
}

func TestRegistryIsEmptyAtFirst(t *testing.T) {
	var r Registry[def]
	if r.Lookup("a") != nil || len(r.All()) != 0 || len(r.Names()) != 0 {
		t.Error("the zero registry holds something")
	}
}

func TestDefinePanics(t *testing.T) {
	for _, c := range []struct {
		what  string
		names []string
		say   string
	}{
		{"no name", []string{""}, `filter ""`},
		{"name taken", []string{"a"}, `filter "a"`},
		{"name taken by an alias", []string{"b"}, `filter "b"`},
		{"alias taken", []string{"c", "a"}, `filter "a"`},
		{"alias like the name", []string{"d", "d"}, `filter "d"`},
	} {
		t.Run(c.what, func(t *testing.T) {
			var r Registry[def]
			r.Define("filter", &def{}, "a", "b")
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, c.say) {
					t.Errorf("panic %q, want one with %q", got, c.say)
				}
			}()
			r.Define("filter", &def{}, c.names[0], c.names[1:]...)
		})
	}
}

func TestRegistryConcurrent(t *testing.T) {
	var r Registry[def]
	var wg sync.WaitGroup
	for _, n := range []string{"a", "b", "c", "d"} {
		d := &def{n}
		wg.Go(func() { r.Define("filter", d, n) })
		wg.Go(func() {
			for _, got := range r.All() {
				if r.Lookup(got.name) != got {
					t.Errorf("%q is listed but not found", got.name)
				}
			}
		})
	}
	wg.Wait()
	if len(r.Names()) != 4 {
		t.Errorf("names %v", r.Names())
	}
}
