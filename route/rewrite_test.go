package route

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/option"
)

// rewriter returns the compiler that these options make.
func rewriter(t *testing.T, v Values) (*Compiler, error) {
	t.Helper()
	set := option.NewSet()
	*Options.From(set) = v
	return New(set, nil, nil)
}

func TestRewrite(t *testing.T) {
	for _, tt := range []struct {
		name        string
		clone, edit []string
		def         string
		want        []string
		problem     string
	}{
		{"edit a predicate", nil, []string{`/Source[(](.*)[)]/ClientIP($1)/`},
			`r: Path("/x") && Source("10.0.0.0/8", "::1") -> f("Source 1") -> <shunt>`,
			[]string{`r: Path("/x") && ClientIP("10.0.0.0/8", "::1") -> f("Source 1") -> <shunt>;`}, ""},
		{"edit a filter", nil, []string{`#f[(]"(.)"#g("$1", "/"#`}, `r: * -> f("a") -> f("bb") -> <shunt>`,
			[]string{`r: * -> g("a", "/") -> f("bb") -> <shunt>;`}, ""},
		{"edits in turn", nil, []string{`/a/b/`, `/b/c/`}, `r: A(1) -> x("ab") -> <shunt>`,
			[]string{`r: A(1) -> x("cc") -> <shunt>;`}, ""},
		{"nothing matches", []string{`/z/y/`}, []string{`/q/r/`}, `r: * -> x() -> <shunt>`, []string{`r: * -> x() -> <shunt>;`}, ""},
		{"one predicate becomes two", nil, []string{`/^True[(][)]$/True() && Weight(3)/`}, `r: True() && False() -> <shunt>`,
			[]string{`r: True() && Weight(3) && False() -> <shunt>;`}, ""},
		{"a filter goes", nil, []string{`/^x[(].*//`}, `r: * -> x("a") -> y() -> <shunt>`, []string{`r: * -> y() -> <shunt>;`}, ""},
		{"clone", []string{`/Source[(](.*)[)]/ClientIP($1)/`}, nil, `r: Source("::1") -> x() -> <shunt>`,
			[]string{`r: Source("::1") -> x() -> <shunt>;`, `clone_r: ClientIP("::1") -> x() -> <shunt>;`}, ""},
		{"clones in turn are one", []string{`/a/b/`, `/b/c/`}, nil, `r: * -> x("a") -> <shunt>`,
			[]string{`r: * -> x("a") -> <shunt>;`, `clone_r: * -> x("c") -> <shunt>;`}, ""},
		{"clone, then edit both", []string{`/"a"/"b"/`}, []string{`/x/z/`}, `r: * -> x("a") -> <shunt>`,
			[]string{`r: * -> z("a") -> <shunt>;`, `clone_r: * -> z("b") -> <shunt>;`}, ""},
		{"what is wrong then", nil, []string{`/x/x(/`}, `r: * -> x("a") -> y() -> <shunt>`, nil,
			`filter "x(\"a\")", changed by edit-route to "x((\"a\")": `},
		{"a clone that is wrong", []string{`/True/=/`}, nil, `r: True() -> <shunt>`, []string{`r: True() -> <shunt>;`},
			`predicate "True()", changed by clone-route to "=()": `},
		{"twice what stands once", nil, []string{`/Other/Path/`}, `r: Path("/a") && Other("/b") -> <shunt>`, nil, `changed by edit-route: `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, err := newRewriter(tt.clone, tt.edit)
			if err != nil {
				t.Fatal(err)
			}
			w.around = &Compiler{}
			defs, err := eskip.Parse("f", tt.def+";")
			if err != nil {
				t.Fatal(err)
			}
			before := eskip.Print(defs[0])
			made, problems := w.Rewrite(defs[0])
			var got []string
			for _, d := range made {
				got = append(got, strings.TrimSpace(string(eskip.Printer{}.Append(nil, d))))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("definitions (-want +got)\n%s", d)
			}
			switch {
			case len(problems) == 0 && tt.problem == "":
			case len(problems) != 1 || tt.problem == "" || !strings.HasPrefix(problems[0].Err.Error(), "f:1:1: "+tt.problem):
				t.Errorf("problems %v, want one with %q", problems, tt.problem)
			case strings.Contains(problems[0].Err.Error(), "\n"):
				t.Errorf("the problem has several lines: %v", problems[0].Err)
			}
			if eskip.Print(defs[0]) != before {
				t.Error("the definition itself was changed")
			}
		})
	}
}

func TestRewriteDefaultFilters(t *testing.T) {
	c, err := rewriter(t, Values{Clone: []string{`/"1"/"2"/`}, Edit: []string{`/"z"/"y"/`}})
	if err != nil {
		t.Fatal(err)
	}
	c.Rewriter.around.Prepend, _ = eskip.ParseFilters(`first("1")`)
	c.Rewriter.around.Append, _ = eskip.ParseFilters(`last("z")`)
	defs, err := eskip.Parse("", `r: * -> x() -> <shunt>; next: * -> x("1") -> <forward>;`)
	if err != nil {
		t.Fatal(err)
	}
	made, _ := c.Rewriter.Rewrite(defs[0])
	want := "r: * -> first(\"1\") -> x() -> last(\"y\") -> <shunt>;\nclone_r: * -> first(\"2\") -> x() -> last(\"y\") -> <shunt>;\n"
	if got := eskip.Print(made...); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	made, _ = c.Rewriter.Rewrite(defs[1])
	if len(made) != 1 || len(made[0].Filters) != 0 {
		t.Errorf("the forward route has become %s", eskip.Print(made...))
	}
}

func TestRewriterErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":            `found "", expected /expression/replacement/`,
		"/":           "expected /expression/replacement/",
		"/a/":         "expected /expression/replacement/",
		"/a/b":        "expected /expression/replacement/",
		"/a/b/c":      "expected /expression/replacement/",
		"/a/b/c/":     "expected /expression/replacement/",
		"//b/":        "expected /expression/replacement/",
		"/(/b/":       `regular expression "(": missing closing )`,
		"\xff\xff":    "expected /expression/replacement/",
		"abc":         "expected /expression/replacement/",
		"/a{9999}/b/": "regular expression",
	} {
		for _, v := range []Values{{Clone: []string{text}}, {Edit: []string{"/a/b/", text}}} {
			flag := "option clone-route: "
			if v.Clone == nil {
				flag = "option edit-route: "
			}
			if _, err := rewriter(t, v); err == nil || !strings.HasPrefix(err.Error(), flag) || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got %v, want %s... %s", text, err, flag, want)
			}
		}
	}
	if c, err := rewriter(t, Values{}); err != nil || c.Rewriter != nil {
		t.Errorf("without options: %v, %v", c.Rewriter, err)
	}
	if c, err := rewriter(t, Values{Edit: []string{"|a/b|c/d|", "äaäbä"}}); err != nil || len(c.Rewriter.edit) != 2 {
		t.Errorf("other separators: %v", err)
	}
}

func FuzzSubstitution(f *testing.F) {
	for _, s := range []string{"/a/b/", "#(.)#$1#", "//a/", "\xffa\xffb\xff", "/[/]/x/"} {
		f.Add(s, `f("a/b")`)
	}
	f.Fuzz(func(t *testing.T, text, call string) {
		s, err := parseSubstitution(text)
		if err != nil {
			return
		}
		calls, err := eskip.ParseFilters(call)
		if err != nil {
			return
		}
		w := &Rewriter{around: &Compiler{}, clone: []substitution{s}, edit: []substitution{s}}
		defs, problems := w.Rewrite(&eskip.Route{ID: "r", Filters: calls, Backend: eskip.Backend{Type: eskip.Shunt}})
		if len(defs)+len(problems) == 0 {
			t.Error("the route has gone")
		}
		for _, p := range problems {
			if p.Err == nil || strings.Contains(p.Err.Error(), "\n") {
				t.Errorf("problem %v", p.Err)
			}
		}
	})
}
