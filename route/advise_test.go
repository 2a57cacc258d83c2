package route_test

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter"
)

// advising says something about the endpoints of its route.
type advising struct{ both }

func (f advising) Advise(e *backend.Endpoint) {
	if f.name == "badly" {
		panic("advising")
	}
	f.j.add("advise %s", e.Address)
}

func (f advising) Withdraw(e *backend.Endpoint) { f.j.add("withdraw %s", e.Address) }

var _ = define("advising", text, func(v arg.Values, e *filter.Env) (filter.Filter, error) {
	return advising{both{v.Text(0), journalOf(e)}}, nil
})

func TestAdvise(t *testing.T) {
	c := compiler()
	r := compile(t, c, `r: * -> advising("well") -> <"http://a", "http://b:81">`)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	want := "advise a:80,advise b:81,withdraw a:80,withdraw b:81"
	if got := strings.Join(journalOf(c.FilterEnv).lines, ","); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, problem := c.Compile(parse(t, `r: * -> advising("badly") -> "http://a"`)); problem == nil || !strings.Contains(problem.Err.Error(), "panicked: advising") {
		t.Errorf("got %v", problem)
	}
	if n := c.Endpoints.Len(); n != 0 {
		t.Errorf("%d endpoints are left", n)
	}
}
