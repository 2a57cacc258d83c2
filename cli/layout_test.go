package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/eskip"
)

func TestLayout(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", " \n\n", ""},
		{"comments only", "\n // a \n\n\n//b", "// a\n\n//b\n"},
		{"lone", `*->status( 404)-><shunt>`, "* -> status(404) -> <shunt>\n"},
		{"lone with comment", "* -> <shunt> // x", "* -> <shunt> // x\n"},
		{"semicolon added", `a:*-><shunt>`, "a: * -> <shunt>;\n"},
		{"semicolons removed", ";;a: * -> <shunt>;;\n;b: * -> <shunt>", "a: * -> <shunt>;\nb: * -> <shunt>;\n"},
		{"one line each", `a: * -> <shunt>; b: * -> <shunt>;`, "a: * -> <shunt>;\nb: * -> <shunt>;\n"},
		{"blank line stays", "a: * -> <shunt>;\n\n\n\nb: * -> <shunt>;", "a: * -> <shunt>;\n\nb: * -> <shunt>;\n"},
		{"arrows break together", "a: *\n-> f() -> <shunt>;", "a: *\n  -> f()\n  -> <shunt>;\n"},
		{"arrow at the end of the line", "a: * -> f() ->\n<shunt>;", "a: *\n  -> f()\n  -> <shunt>;\n"},
		{"breaks around and", "a: A() &&\nB() && C()\n-> <shunt>;", "a: A()\n  && B() && C()\n  -> <shunt>;\n"},
		{"breaks after commas", "a: * -> f(1,\n2, 3) -> <\"http://a\",\n\"http://b\">;", "a: * -> f(1,\n    2, 3) -> <\"http://a\",\n    \"http://b\">;\n"},
		{"comment behind", "a: * -> <shunt> // x\n;", "a: * -> <shunt>; // x\n"},
		{"comment behind the semicolon", "a: * -> <shunt> ;// x\nb: * -> <shunt>", "a: * -> <shunt>; // x\nb: * -> <shunt>;\n"},
		{"comments inside", "a: A() // one\n&& B(// two\n1) -> // three\n  // four\n<shunt>;", "a: A() // one\n  && B( // two\n    1)\n  -> // three\n  // four\n    <shunt>;\n"},
		{"literals stay", "a: P(/[/]\\/ ;\"/) -> f(\"a\\\"  b; // no\", `x\n  y`) -> <shunt>;", "a: P(/[/]\\/ ;\"/) -> f(\"a\\\"  b; // no\", `x\n  y`) -> <shunt>;\n"},
		{"numbers stay", "a: * -> f(-.5,1.50,1e-06) -> <shunt>;", "a: * -> f(-.5, 1.50, 1e-06) -> <shunt>;\n"},
		{"windows line ends", "// c\r\na: *\r\n-> <shunt>;\r\n", "// c\na: *\n  -> <shunt>;\n"},
		{"byte order mark", "\ufeffa: * -> <shunt>;", "a: * -> <shunt>;\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, layout(c.in)); diff != "" {
				t.Error(diff)
			}
			checkLayout(t, c.in)
		})
	}
}

// checkLayout says what must hold for every document that parses: the layout
// means the same, keeps the comments and is its own layout. It reports whether
// the document parses.
func checkLayout(t *testing.T, in string) bool {
	t.Helper()
	before, err := eskip.Parse("", in)
	if err != nil {
		return false
	}
	out := layout(in)
	after, err := eskip.Parse("", out)
	if err != nil {
		t.Fatalf("the layout of %q does not parse: %v\n%s", in, err, out)
	}
	if !slices.EqualFunc(before, after, eskip.Equal) {
		t.Fatalf("the layout of %q means something else:\n%s", in, out)
	}
	if diff := cmp.Diff(comments(in), comments(out)); diff != "" {
		t.Fatalf("comments of %q: %s", in, diff)
	}
	if again := layout(out); again != out {
		t.Fatalf("the layout of %q is not stable:\n%s\nbecomes\n%s", in, out, again)
	}
	return true
}

func comments(text string) []string {
	var all []string
	for _, tok := range scan(strings.TrimPrefix(text, "\ufeff")) {
		if tok.kind == comment {
			all = append(all, tok.text)
		}
	}
	return all
}

func TestCheckLayoutSeesDocuments(t *testing.T) {
	if !checkLayout(t, "a: * -> <shunt>") || checkLayout(t, "a: -> <shunt>") {
		t.Error("checkLayout does not know what parses")
	}
}

func FuzzLayout(f *testing.F) {
	for _, s := range []string{
		"a: Path(\"/a\") && B(/x[/]/, 1) // c\n-> f(`;`) -> <random, \"http://a\", \"http://b\">;\n\n// end",
		"* -> <shunt>", ";;a: * -> <loopback>;// x\n;", "a:*->f(,1)->\"http://a\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) { checkLayout(t, in) })
}

func TestLineDiff(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		want       []hunk
	}{
		{"same", "a b c", "a b c", nil},
		{"changed", "a b c", "a x c", []hunk{{1, []string{"b"}, []string{"x"}}}},
		{"added", "a c", "a b c", []hunk{{1, []string{}, []string{"b"}}}},
		{"removed", "a b c", "a c", []hunk{{1, []string{"b"}, []string{}}}},
		{"at the end", "a", "a b", []hunk{{1, []string{}, []string{"b"}}}},
		{"everything", "a b", "c", []hunk{{0, []string{"a", "b"}, []string{"c"}}}},
		{"twice", "a b c d e", "a x c y e", []hunk{{1, []string{"b"}, []string{"x"}}, {3, []string{"d"}, []string{"y"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := lineDiff(strings.Fields(c.a), strings.Fields(c.b))
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(hunk{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
