package control_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/route"
)

// rewriting makes a world whose definitions are cloned and edited.
func rewriting(t *testing.T, v route.Values, f *fake) *world {
	t.Helper()
	set := option.NewSet()
	*route.Options.From(set) = v
	c, err := route.New(set, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, f)
	w.compiler.Rewriter = c.Rewriter
	return w
}

func TestRewrite(t *testing.T) {
	w := rewriting(t, route.Values{
		Prepend: []string{`open("default")`}, Clone: []string{`/"a"/"b"/`}, Edit: []string{`/^gone[(].*/Weight(1)/`},
	}, newFake("f", ""))
	f := w.Sources[0].(*fake)
	for _, step := range []struct{ content, serving, invalid string }{
		{`r: * -> open("a") -> "http://1"; s: * -> open("x") -> "http://2";`, "clone_r=1 r=1 s=2", ""},
		{`r: * -> open("a") -> "http://3"; s: * -> open("x") -> "http://2";`, "clone_r=3 r=3 s=2", ""},
		{`r: * -> open("a" -> "http://4"; s: * -> open("x") -> "http://5";`, "clone_r=3 r=3 s=5", "f/clone_r/other+ f/r/other+"},
		{`r: * -> open("x") -> "http://5"; s: gone(1) -> open("x") -> "http://5";`, "r=5 s=5", "f/s/unknown_predicate+"},
		{`s: * -> open("a") -> "http://5";`, "clone_s=5 s=5", ""},
		{``, "", ""},
	} {
		f.set(step.content, nil)
		if got := w.run(); got != step.serving {
			t.Errorf("%s\nserves %q, want %q", step.content, got, step.serving)
		}
		if got := w.invalid(); got != step.invalid {
			t.Errorf("%s\ninvalid %q, want %q", step.content, got, step.invalid)
		}
	}
}

// TestRewriteIsRemembered makes sure that what did not change stays the same
// route.
func TestRewriteIsRemembered(t *testing.T) {
	w := rewriting(t, route.Values{Clone: []string{`/"a"/"b"/`}}, newFake("f", ""))
	f := w.Sources[0].(*fake)
	f.set(`r: * -> open("a") -> "http://1"; s: * -> <shunt>;`, nil)
	w.run()
	before := map[string]*route.Route{}
	for r := range w.Status().Routes() {
		before[r.ID] = r
	}
	f.set(`r: * -> open("a") -> "http://1"; s: * -> <loopback>;`, nil)
	w.run()
	for r := range w.Status().Routes() {
		if (before[r.ID] == r) != (r.ID != "s") {
			t.Errorf("route %q is the same: %v", r.ID, before[r.ID] == r)
		}
	}
}

var _ = filter.Define(filter.Def{
	Name: "originMarker", Doc: "for tests", Example: "* -> <shunt>", Params: []arg.Param{{Name: "x", Type: arg.Text, Many: true}},
	New: func(arg.Values, *filter.Env) (filter.Filter, error) { return &open{}, nil },
})

// TestCreated asks how old objects are when their first route serves.
func TestCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, g := newFake("f", ""), newFake("g", "")
		w := newWorld(t, f, g)
		var told []string
		c := w.Config
		c.Created = func(origin string, age time.Duration) { told = append(told, fmt.Sprint(origin, " ", age)) }
		w.Loop = control.New(c)
		def := func(id, object string) string {
			return fmt.Sprintf(`%s: * -> originMarker("ingress", %q, "2000-01-01T00:00:00Z") -> <shunt>;`, id, object)
		}
		for _, step := range []struct {
			wait    time.Duration
			content string
			want    string
		}{
			{0, def("a", "one"), "[]"}, // there from the start
			{time.Second, def("a", "one") + def("b", "one"), "[]"},
			{time.Second, def("a", "one") + def("b", "two"), "[ingress 2s]"},
			{time.Second, def("b", "two") + def("c", "one"), "[ingress 2s]"},
			{time.Second, def("b", "two"), "[ingress 2s]"},
			{time.Second, def("b", "two") + def("c", "one"), "[ingress 2s ingress 5s]"},
			{time.Second, def("b", "") + `c: * -> originMarker("x", "y", "then") -> originMarker("x") -> <shunt>`, "[ingress 2s ingress 5s]"},
		} {
			time.Sleep(step.wait)
			f.set(step.content, nil)
			w.run()
			if got := fmt.Sprint(told); got != step.want {
				t.Errorf("%s: told %s, want %s", step.content, got, step.want)
			}
		}
	})
}
