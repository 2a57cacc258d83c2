package eskip

import (
	"errors"
	"math"
	"testing"
)

func TestCheck(t *testing.T) {
	good := &Route{Predicates: []Call{call("*"), call("Any"), call("P", num(-1e300))}, Backend: Backend{Type: Shunt, Algorithm: "not looked at"}}
	if err := Check(good); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		want  string
		route Route
	}{
		{`route "a-b": found the id "a-b", expected letters, digits and _, no digit first`, Route{ID: "a-b", Backend: Backend{Type: Shunt}}},
		{`found the filter "*", expected letters, digits and _, no digit first`, Route{Filters: []Call{call("*")}, Backend: Backend{Type: Shunt}}},
		{`found the argument NaN, expected a finite number`, Route{Filters: []Call{call("f", num(math.NaN()))}, Backend: Backend{Type: Shunt}}},
		{`found the argument -Inf, expected a finite number`, Route{Filters: []Call{call("f", num(math.Inf(-1)))}, Backend: Backend{Type: Shunt}}},
		{`f:3:4: found the backend "x", expected an address of the form scheme://host:port: did you mean "http://x"?`, Route{Backend: Backend{Address: "x"}, Pos: Pos{"f", 3, 4}}},
		{`f:5:6: found Path after Path, expected Path or PathSubtree, once: write one route for each path`, Route{
			Predicates: []Call{call("Path", str("/")), {Name: "Path", Args: []Arg{str("/")}, Pos: Pos{"f", 5, 6}}}, Backend: Backend{Type: Shunt},
		}},
	} {
		err := Check(&c.route)
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestErrorList(t *testing.T) {
	var one *Error
	_, err := Parse("f", "a: x;\nb: y")
	if !errors.As(err, &one) || one.RouteID != "a" || one.Line != 1 || one.File != "f" {
		t.Errorf("got %+v from %v", one, err)
	}
	if got := (ErrorList{}).Error(); got != "no errors" {
		t.Errorf("got %q", got)
	}
}
