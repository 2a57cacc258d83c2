package suggest

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"Path", "PathRegexp", "PathSubtree", "SetPath", "Weight", "a", "x"}
	for _, c := range []struct{ name, want string }{
		{"Path", "Path"},
		{"path", "Path"},
		{"Paht", "Path"},
		{"Pth", "Path"},
		{"Pathh", "Path"},
		{"setpath", "SetPath"},
		{"PathRegex", "PathRegexp"},
		{"pathsubtre", "PathSubtree"},
		{"wieght", "Weight"},
		{"Pxxx", ""},
		{"PathRegexpSomething", ""},
		{"b", "a"},
		{"ab", "a"},
		{"abc", ""},
		{"", ""},
		{strings.Repeat("p", 65), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Nearest(c.name, known); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestNearestNothingKnown(t *testing.T) {
	if got := Nearest("Path", nil); got != "" {
		t.Errorf("got %q", got)
	}
	if got := Nearest("Path", []string{"", strings.Repeat("Path", 100)}); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestNearestLongNames(t *testing.T) {
	known := strings.Repeat("k", longest)
	for n, want := range map[int]string{longest: known, longest + 1: "", 1 << 20: ""} {
		name := strings.Repeat("k", n-1) + "x"
		if got := Nearest(name, []string{known}); got != want {
			t.Errorf("%d bytes: got %q, want %q", n, got, want)
		}
	}
}

// A name that is too long to compare costs nothing, whatever its length.
func TestNearestIsBounded(t *testing.T) {
	name, known := strings.Repeat("A", 1<<20), []string{strings.Repeat("A", 1<<20), "B"}
	if n := testing.AllocsPerRun(10, func() { Nearest(name, known) }); n != 0 {
		t.Errorf("%v allocations for a name of 1 MiB", n)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"abc", "abc", 0},
		{"abc", "acb", 1},
		{"abc", "ab", 1},
		{"abc", "abcd", 1},
		{"abc", "axc", 1},
		{"abcd", "badc", 2},
		{"kitten", "sitting", 3},
	} {
		if got := distance(c.a, c.b, 10); got != c.want {
			t.Errorf("%q, %q: got %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a, 10); got != c.want {
			t.Errorf("%q, %q: got %d, want %d", c.b, c.a, got, c.want)
		}
	}
	if got := distance("a", "abcdef", 2); got <= 2 {
		t.Errorf("cut off at 2: got %d", got)
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("setpath", "setPath")
	f.Add("İ", "i̇")
	f.Fuzz(func(t *testing.T, name, known string) {
		got := Nearest(name, []string{known})
		if got != "" && got != known {
			t.Fatalf("%q is not a candidate", got)
		}
		if name == known && len(name) > 0 && len(name) <= longest && got != known {
			t.Fatalf("%q is not near to itself", name)
		}
	})
}
