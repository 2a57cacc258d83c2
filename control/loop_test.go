package control_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fairlead.dev/fairlead/route"
)

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
