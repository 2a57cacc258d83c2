package eskip

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJSON(t *testing.T) {
	for text, want := range map[string]string{
		`* -> <shunt>`: `{"predicates":[],"filters":[],"backend":{"type":"shunt"}}`,
		`x: P("<&>", 1.5) && Q() -> f() -> "http://a"`: `{"id":"x","predicates":[{"name":"P","args":["<&>",1.5]},{"name":"Q","args":[]}],` +
			`"filters":[{"name":"f","args":[]}],"backend":{"type":"network","address":"http://a"}}`,
		`x: * -> <random, "http://a?zone=z", "http://b">`: `{"id":"x","predicates":[],"filters":[],` +
			`"backend":{"type":"lb","algorithm":"random","endpoints":["http://a?zone=z","http://b"]}}`,
		`x: * -> <loopback>`: `{"id":"x","predicates":[],"filters":[],"backend":{"type":"loopback"}}`,
		`x: * -> <dynamic>`:  `{"id":"x","predicates":[],"filters":[],"backend":{"type":"dynamic"}}`,
		`x: * -> <forward>`:  `{"id":"x","predicates":[],"filters":[],"backend":{"type":"forward"}}`,
	} {
		r := mustParse(t, text)[0]
		got, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, string(got)); d != "" {
			t.Errorf("%s: -want +got:\n%s", text, d)
		}
		var again Route
		if err := json.Unmarshal(got, &again); err != nil || !Equal(r, &again) {
			t.Errorf("%s: %v: %s", text, err, cmp.Diff(r, &again, ignorePos))
		}
	}
}

func TestUnmarshalJSON(t *testing.T) {
	var routes []*Route
	const document = `[{"backend": {"type": "shunt"}, "id": null, "filters": null},
		{"id": "x", "predicates": [{"name": "*"}, {"name": "Any", "args": []}, {"name": "P", "args": null}], "backend": {"type": "lb", "endpoints": ["http://a?zone=z"]}}]`
	if err := json.Unmarshal([]byte(document), &routes); err != nil {
		t.Fatal(err)
	}
	want := []*Route{
		{Backend: Backend{Type: Shunt}},
		{ID: "x", Predicates: []Call{call("P")}, Backend: Backend{Type: LB, Endpoints: []Endpoint{{"http://a", "z"}}}},
	}
	if d := cmp.Diff(want, routes); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestUnmarshalJSONErrors(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:        `route: found "[]", expected an object with id, predicates, filters, backend`,
		`{}`:        `route "": backend: found nothing, expected an object with a type`,
		`{"id": 1}`: `route: id: found "1", expected a string`,
		`{"idd": "x", "backend": {"type": "shunt"}}`:                                                              `route: found the field "idd", expected one of ["id" "predicates" "filters" "backend"], did you mean "id"?`,
		`{"id": "x", "backend": "<shunt>"}`:                                                                       `route "x": backend: found "\"<shunt>\"", expected an object with type, address, algorithm, endpoints`,
		`{"id": "x", "backend": {"type": "shnut"}}`:                                                               `route "x": backend: type: found "shnut", expected one of ["network" "shunt" "loopback" "dynamic" "forward" "lb"], did you mean "shunt"?`,
		`{"id": "x", "backend": {"type": "shunt", "address": "http://a"}}`:                                        `route "x": backend: address: only a backend of the type "network" has one, found the type "shunt"`,
		`{"id": "x", "backend": {"type": "network", "endpoints": []}}`:                                            `route "x": found the backend "", expected an address of the form scheme://host:port: a route that needs no backend ends with <shunt>`,
		`{"id": "x", "backend": {"type": "network", "endpoints": ["http://a"]}}`:                                  `route "x": backend: algorithm and endpoints: only a backend of the type "lb" has them, found the type "network"`,
		`{"id": "x", "filters": [{"name": 1}], "backend": {"type": "shunt"}}`:                                     `route "x": filters[0]: name: found "1", expected a string`,
		`{"id": "x", "filters": [{"name": "f", "args": 1}], "backend": {"type": "shunt"}}`:                        `route "x": filters[0]: args: found "1", expected an array`,
		`{"id": "x", "backend": {"type": 1}}`:                                                                     `route "x": backend: type: found "1", expected a string`,
		`{"id": "x", "backend": {"type": "lb", "endpoints": "http://a"}}`:                                         `route "x": backend: endpoints: found "\"http://a\"", expected an array`,
		`{"id": "x", "backend": {"kind": "lb"}}`:                                                                  `route "x": backend: found the field "kind", expected one of ["type" "address" "algorithm" "endpoints"]`,
		`{"id": "x", "backend": {"type": "lb"}}`:                                                                  `route "x": found no endpoint, expected at least one`,
		`{"id": "x", "backend": {"type": "lb", "endpoints": [1]}}`:                                                `route "x": backend: endpoints[0]: found "1", expected a string`,
		`{"id": "x", "backend": {"type": "lb", "algorithm": "a b", "endpoints": ["http://a"]}}`:                   `route "x": found the algorithm "a b", expected letters, digits and _, no digit first`,
		`{"id": "x", "predicates": {}, "backend": {"type": "shunt"}}`:                                             `route "x": predicates: found "{}", expected an array`,
		`{"id": "x", "predicates": ["P"], "backend": {"type": "shunt"}}`:                                          `route "x": predicates[0]: found "\"P\"", expected an object with name, args`,
		`{"id": "x", "predicates": [{"name": "P", "arg": []}], "backend": {"type": "shunt"}}`:                     `route "x": predicates[0]: found the field "arg", expected one of ["name" "args"], did you mean "args"?`,
		`{"id": "x", "filters": [{"name": "f"}, {"name": "g", "args": [1, true]}], "backend": {"type": "shunt"}}`: `route "x": filters[1]: args[1]: found "true", expected a string or a number`,
		`{"id": "x", "filters": [{"name": "f", "args": [null]}], "backend": {"type": "shunt"}}`:                   `route "x": filters[0]: args[0]: found "null", expected a string or a number`,
		`{"id": "x", "filters": [{"name": "f", "args": [1e999]}], "backend": {"type": "shunt"}}`:                  `route "x": filters[0]: args[0]: found "1e999", expected a string or a number`,
		`{"id": "x y", "filters": [{}], "predicates": [{"name": "1"}], "backend": {"type": "shunt"}}`:             `route "x y": found the id "x y", expected letters, digits and _, no digit first` + "\n" + `route "x y": found the predicate "1", expected letters, digits and _, no digit first` + "\n" + `route "x y": found the filter "", expected letters, digits and _, no digit first`,
		`{"id": "x", "predicates": [{"name": "Path"}], "backend": {"type": "shunt"}}`:                             `route "x": found Path with 0 arguments, expected Path("/path")`,
		`{"id": "x", "filters": 1, "predicates": 2, "backend": {"type": "shunt"}}`:                                `route "x": predicates: found "2", expected an array` + "\n" + `filters: found "1", expected an array`,
	} {
		r := Route{ID: "before"}
		err := r.UnmarshalJSON([]byte(text))
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		if d := cmp.Diff(want, err.Error()); d != "" {
			t.Errorf("%s: -want +got:\n%s", text, d)
		}
		if !Equal(&r, &Route{ID: "before"}) {
			t.Errorf("%s: the route was changed", text)
		}
	}
}

func TestMarshalJSONNaN(t *testing.T) {
	if got, err := json.Marshal(&Route{Filters: []Call{call("f", num(math.NaN()))}}); err == nil {
		t.Errorf("got %s", got)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(3, 4))}
	for i := range 500 {
		// JSON carries Unicode only: the text form is made valid first.
		r := mustParse(t, strings.ToValidUTF8(Print(g.route("r"+strconv.Itoa(i))), "?"))[0]
		checkJSON(t, r)
	}
}

// checkJSON checks that a route of valid UTF-8 survives its JSON form.
func checkJSON(t *testing.T, r *Route) {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	var again Route
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if !Equal(r, &again) {
		t.Fatalf("changed: %s", cmp.Diff(r, &again, ignorePos))
	}
}
