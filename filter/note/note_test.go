package note_test

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/note"
)

func TestAnnotate(t *testing.T) {
	x := filtertest.New(t)
	x.Run(
		filtertest.Build(t, "annotate", "k", "first"),
		filtertest.Build(t, "annotate", "l", ""),
		filtertest.Build(t, "annotate", "k", "last"),
	)
	if v, ok := filter.Annotation(x.Context, "k"); v != "last" || !ok {
		t.Errorf("k is %q, %v", v, ok)
	}
	if v, ok := filter.Annotation(x.Context, "l"); v != "" || !ok {
		t.Errorf("l is %q, %v", v, ok)
	}
}

func TestRemarksAreNeverCalled(t *testing.T) {
	for _, f := range []filter.Filter{
		filtertest.Build(t, "comment", "nothing to see"),
		filtertest.Build(t, "originMarker", "ingress", "shop", "2026-01-02T15:04:05+01:00"),
	} {
		if h, ok := f.(filter.Hints); !ok || h.Phases() != 0 {
			t.Error("the proxy would call it")
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{"expected (text)", []any{"comment"}},
		{"found the number 1", []any{"comment", 1}},
		{"expected (key, value)", []any{"annotate", "k"}},
		{"expected (origin, id, created)", []any{"originMarker", "a", "b"}},
		{`argument 3 (created): found "yesterday", expected a time such as`, []any{"originMarker", "a", "b", "yesterday"}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}
