package route_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/source"
)

func compiler() *route.Compiler {
	return &route.Compiler{
		FilterEnv:    filter.NewEnv(nil, nil),
		PredicateEnv: &predicate.Env{},
		Endpoints:    new(backend.Set),
		ForwardURL:   "http://next",
	}
}

func parse(t testing.TB, text string) *eskip.Route {
	t.Helper()
	all, err := eskip.Parse("f.eskip", text)
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func compile(t *testing.T, c *route.Compiler, text string) *route.Route {
	t.Helper()
	r, problem := c.Compile(parse(t, text))
	if problem != nil {
		t.Fatal(problem.Err)
	}
	return r
}

func names(steps []route.Step) string {
	var out []string
	for _, s := range steps {
		out = append(out, s.Name)
	}
	return strings.Join(out, " ")
}

func TestPhases(t *testing.T) {
	for _, c := range []struct{ filters, request, response, errors string }{
		{`both("a")`, "both", "both", ""},
		{`requestOnly("a")`, "requestOnly", "", ""},
		{`responseOnly("a")`, "", "responseOnly", ""},
		{`both("a") -> requestOnly("b") -> responseOnly("c")`, "both requestOnly", "responseOnly both", ""},
		{`requestOnly("a") -> responseOnly("b") -> requestOnly("c") -> responseOnly("errors") -> responseOnly("d")`,
			"requestOnly requestOnly", "responseOnly responseOnly responseOnly", "responseOnly"},
		{`responseOnly("errors") -> both("a") -> responseOnly("c")`, "both", "responseOnly both responseOnly", "responseOnly"},
	} {
		t.Run(c.filters, func(t *testing.T) {
			r := compile(t, compiler(), "r: * -> "+c.filters+" -> <shunt>")
			got := []string{names(r.Request), names(r.Response), names(r.ErrorResponse)}
			if diff := cmp.Diff([]string{c.request, c.response, c.errors}, got); diff != "" {
				t.Error(diff)
			}
			if want := strings.Count(c.filters, "("); len(r.Filters) != want {
				t.Errorf("%d filters, want %d", len(r.Filters), want)
			}
			for _, steps := range [][]route.Step{r.Request, r.Response, r.ErrorResponse} {
				for _, s := range steps {
					if r.Filters[s.Index] != s {
						t.Errorf("step %s says that it is filter %d", s.Name, s.Index)
					}
				}
			}
		})
	}
}

func TestCompile(t *testing.T) {
	c := compiler()
	attached := 0
	c.Attach = func(r *route.Route) any { attached++; return r.ID + "!" }
	def := parse(t, `r: Truth() && Single(1) -> whoami() -> <"http://a", "http://b?zone=z">`)
	r, problem := c.Compile(def)
	if problem != nil {
		t.Fatal(problem.Err)
	}
	if r.ID != "r" || r.Definition != def || len(r.Predicates) != 2 || r.Attachment != "r!" || attached != 1 {
		t.Errorf("got %+v", r)
	}
	if got := journalOf(c.FilterEnv).lines; len(got) != 1 || got[0] != "made for r" {
		t.Errorf("the filter knows its route as %q", got)
	}
	if b := r.Backend; b.Type != eskip.LB || len(b.Endpoints) != 2 || b.Endpoints[1].Zone != "z" || b.Algorithm.Pick(nil) != b.Endpoints[0] {
		t.Errorf("backend %+v", b)
	}
	other := compile(t, c, `s: * -> "http://a"`)
	if other.Backend.Type != eskip.Network || other.Backend.Algorithm != nil || other.Backend.Endpoints[0] != r.Backend.Endpoints[0] {
		t.Error("two routes do not share an endpoint")
	}
	for _, closed := range []*route.Route{r, other, r} {
		if err := closed.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := c.Endpoints.Len(); n != 0 {
		t.Errorf("%d endpoints left", n)
	}
}

func TestBackends(t *testing.T) {
	for _, c := range []struct {
		backend string
		kind    eskip.BackendType
		address string
	}{
		{`"http://a/path"`, eskip.Network, "a:80"},
		{"<shunt>", eskip.Shunt, ""},
		{"<loopback>", eskip.Loopback, ""},
		{"<dynamic>", eskip.Dynamic, ""},
		{"<forward>", eskip.Network, "next:80"},
		{`<random, "http://a", "http://b">`, eskip.LB, "b:80"},
	} {
		t.Run(c.backend, func(t *testing.T) {
			r := compile(t, compiler(), `r: * -> both("x") -> `+c.backend)
			address := ""
			if len(r.Backend.Endpoints) > 0 {
				address = r.Backend.Endpoints[0].Address
			}
			if a := r.Backend.Algorithm; a != nil {
				address = a.Pick(nil).Address
			}
			if r.Backend.Type != c.kind || address != c.address {
				t.Errorf("got type %d, address %q", r.Backend.Type, address)
			}
			if forward := c.backend == "<forward>"; forward != (len(r.Filters) == 0) {
				t.Errorf("filters %v", r.Filters)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		text, reason string
		want         []string
	}{
		{`r: * -> bot("x") -> <shunt>`, "unknown_filter", []string{`f.eskip:1:9: unknown filter "bot", did you mean "both"?`}},
		{`r: * -> gzipped() -> <shunt>`, "unknown_filter", []string{`f.eskip:1:9: unknown filter "gzipped"`}},
		{`r: * -> later() -> <shunt>`, "unknown_filter", []string{`f.eskip:1:9: filter "later": comes later`}},
		{`r: Later() -> <shunt>`, "unknown_predicate", []string{`f.eskip:1:4: predicate "Later": comes later`}},
		{`r: * -> disabled() -> <shunt>`, "unknown_filter", []string{`1:9: filter "disabled" is disabled`}},
		{`r: * -> both(1) -> <shunt>`, "invalid_filter_params", []string{`1:9: filter both(name): argument 1 (name): found the number 1`}},
		{`r: * -> both() -> <shunt>`, "invalid_filter_params", []string{`filter both(name): found 0 arguments, expected (name)`}},
		{`r: * -> refusing() -> <shunt>`, "invalid_filter_params", []string{`refusing(): not today`}},
		{`r: * -> nothing() -> <shunt>`, "invalid_filter_params", []string{`gave nothing`}},
		{`r: * -> panicking("new") -> <shunt>`, "invalid_filter_params", []string{`panicked: constructing`}},
		{`r: * -> panicking("phases") -> <shunt>`, "other", []string{`panicked: phasing`, `panicked: closing`}},
		{`r: Trth() -> <shunt>`, "unknown_predicate", []string{`f.eskip:1:4: unknown predicate "Trth", did you mean "Truth"?`}},
		{`r: Truth("x") -> <shunt>`, "invalid_predicate_params", []string{`1:4: predicate Truth([n]): argument 1 (n): found the string "x"`}},
		{`r: Refusing() -> <shunt>`, "invalid_predicate_params", []string{`never`}},
		{`r: Panicking() -> <shunt>`, "invalid_predicate_params", []string{`panicked`}},
		{`r: Single() && Single() -> <shunt>`, "invalid_matcher", []string{`1:16: predicate Single stands twice`}},
		{`r: * -> <robin, "http://a">`, "other", []string{`f.eskip:1:1: unknown load balancing algorithm "robin", expected one of ["broken" "random" "roundRobin"]`}},
		{`r: * -> <roundrobin, "http://a">`, "other", []string{`did you mean "roundRobin"?`}},
		{`r: * -> <broken, "http://a">`, "other", []string{`"broken": its code panicked`}},
		{`r: Nope() && Trth() -> bot("x") -> <robin, "http://a">`, "unknown_predicate", []string{`"Nope"`, `"Trth"`, `"bot"`, `"robin"`}},
	} {
		t.Run(c.text, func(t *testing.T) {
			comp := compiler()
			comp.Disabled = []string{"disabled"}
			comp.Pending = func(kind, name string) string {
				if name == map[string]string{"filter": "later", "predicate": "Later"}[kind] {
					return "comes later"
				}
				return ""
			}
			comp.Attach = func(*route.Route) any { t.Error("attached to a route that does not compile"); return nil }
			def := parse(t, c.text)
			r, problem := comp.Compile(def)
			if problem == nil {
				t.Fatalf("it compiled: %+v", r)
			}
			wantProblem(t, problem, c.reason, c.want)
			if n := comp.Endpoints.Len(); n != 0 {
				t.Errorf("it left %d endpoints", n)
			}
			if errs := comp.Check(def); len(errs) != len(c.want) {
				t.Errorf("Check found %v, want %d mistakes", errs, len(c.want))
			}
		})
	}
}

func wantProblem(t *testing.T, got *source.Problem, reason string, want []string) {
	t.Helper()
	if got.RouteID != "r" || got.Reason != reason {
		t.Errorf("problem of %q with reason %s, want %s", got.RouteID, got.Reason, reason)
	}
	for _, w := range want {
		if !strings.Contains(got.Err.Error(), w) {
			t.Errorf("error %q, want one with %q", got.Err, w)
		}
	}
	if strings.Contains(got.Err.Error(), "\n") {
		t.Errorf("error %q has several lines", got.Err)
	}
}

// TestBackendProblems are definitions that the parser would not let through.
func TestBackendProblems(t *testing.T) {
	lb := func(addresses ...string) eskip.Backend {
		b := eskip.Backend{Type: eskip.LB}
		for _, a := range addresses {
			b.Endpoints = append(b.Endpoints, eskip.Endpoint{Address: a})
		}
		return b
	}
	for _, c := range []struct {
		name    string
		backend eskip.Backend
		want    string
	}{
		{"address", eskip.Backend{Address: "htpp://a"}, `backend address "htpp://a": unknown scheme`},
		{"no endpoint", lb(), "without endpoints"},
		{"endpoint", lb("http://a", "b"), `backend address "b": no scheme`},
		{"schemes", lb("http://a", "https://b"), `schemes "http" and "https"`},
		{"port", eskip.Backend{Address: "fastcgi://a"}, `backend address "fastcgi://a": fastcgi has no default port`},
	} {
		t.Run(c.name, func(t *testing.T) {
			comp := compiler()
			_, problem := comp.Compile(&eskip.Route{ID: "r", Backend: c.backend})
			if problem == nil {
				t.Fatal("it compiled")
			}
			wantProblem(t, problem, "failed_backend_split", []string{c.want})
			if n := comp.Endpoints.Len(); n != 0 {
				t.Errorf("it left %d endpoints", n)
			}
		})
	}
	comp := compiler()
	comp.ForwardURL = ""
	_, problem := comp.Compile(parse(t, "r: * -> <forward>"))
	if problem == nil {
		t.Fatal("it forwards to nowhere")
	}
	wantProblem(t, problem, "other", []string{"f.eskip:1:1: ", "forward-backend-url"})
}

func TestClose(t *testing.T) {
	c := compiler()
	r := compile(t, c, `r: * -> closing("a") -> closing("badly") -> panicking("close") -> closing("b") -> <shunt>`)
	err := r.Close()
	for _, want := range []string{`route "r": close filter closing: stuck`, "panicked: closing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if err := r.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	want := []string{"close a", "close badly", "close b"}
	if diff := cmp.Diff(want, journalOf(c.FilterEnv).lines); diff != "" {
		t.Error(diff)
	}
	broken := compiler()
	if _, problem := broken.Compile(parse(t, `r: * -> closing("a") -> nope() -> <shunt>`)); problem == nil {
		t.Fatal("it compiled")
	}
	if diff := cmp.Diff([]string{"close a"}, journalOf(broken.FilterEnv).lines); diff != "" {
		t.Errorf("a route that does not compile (-want +got)\n%s", diff)
	}
	checked := compiler()
	checked.Attach = func(*route.Route) any { t.Error("Check attaches"); return nil }
	if errs := checked.Check(parse(t, `r: * -> closing("a") -> "http://x"`)); len(errs) > 0 || checked.Endpoints.Len() > 0 {
		t.Errorf("got %v", errs)
	}
	if diff := cmp.Diff([]string{"close a"}, journalOf(checked.FilterEnv).lines); diff != "" {
		t.Errorf("Check (-want +got)\n%s", diff)
	}
}
