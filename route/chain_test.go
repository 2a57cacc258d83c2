package route

import (
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
)

type nothing struct{ _ int }

func (*nothing) Request(*filter.Context)  {}
func (*nothing) Response(*filter.Context) {}

// TestSharedFilters checks which routes share their filters, and that the last
// one to go takes them along.
func TestSharedFilters(t *testing.T) {
	for name, shareable := range map[string]bool{"testShared": true, "testOwn": false} {
		filter.Define(filter.Def{
			Name: name, Params: []arg.Param{{Name: "x"}}, Doc: "does nothing", Example: "* -> <shunt>", Shareable: shareable,
			New: func(arg.Values, *filter.Env) (filter.Filter, error) { return &nothing{}, nil },
		})
	}
	c := &Compiler{FilterEnv: filter.NewEnv(nil, nil), Endpoints: new(backend.Set)}
	compile := func(id, text string) *Route {
		t.Helper()
		calls, err := eskip.ParseFilters(text)
		if err != nil {
			t.Fatal(err)
		}
		r, problem := c.Compile(&eskip.Route{ID: id, Filters: calls, Backend: eskip.Backend{Type: eskip.Shunt}})
		if problem != nil {
			t.Fatal(problem.Err)
		}
		return r
	}
	a, b := compile("a", `testShared("1") -> testShared("2")`), compile("b", `testShared("1")->testShared("2")`)
	other := compile("c", `testShared("2") -> testShared("1")`)
	own, own2 := compile("d", `testShared("1") -> testOwn("2")`), compile("e", `testShared("1") -> testOwn("2")`)
	if a.Filters[0].Filter != b.Filters[0].Filter || &a.Request[0] != &b.Request[0] {
		t.Error("routes with the same filters do not share them")
	}
	if a.Filters[0].Filter == other.Filters[1].Filter {
		t.Error("routes with other filters share them")
	}
	if own.Filters[0].Filter == own2.Filters[0].Filter {
		t.Error("routes share although one of the filters must not be shared")
	}
	if len(c.chains.byText) != 2 {
		t.Errorf("%d chains are kept, want 2", len(c.chains.byText))
	}
	for _, r := range []*Route{a, other, own, own2} {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(c.chains.byText) != 1 {
		t.Errorf("%d chains are kept while one is used", len(c.chains.byText))
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if len(c.chains.byText) != 0 {
		t.Errorf("%d chains are kept by nobody", len(c.chains.byText))
	}
}
