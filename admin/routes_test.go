package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/source"
)

func threeRoutes(t *testing.T) *world {
	t.Helper()
	routes, err := eskip.Parse("", `
		a: Path("/a") -> setPath("/b") -> "https://example.org";
		b: Path("/b") && Method("GET") -> <shunt>;
		c: * -> status(404) -> <shunt>;`)
	if err != nil {
		t.Fatal(err)
	}
	return &world{routes: routes, since: time.Unix(1_700_000_000, 5)}
}

func TestRoutes(t *testing.T) {
	const json, text = "application/json", "text/plain"
	a := `a: Path("/a")` + "\n" + `  -> setPath("/b")` + "\n" + `  -> "https://example.org";`
	b := `b: Path("/b") && Method("GET")` + "\n" + `  -> <shunt>;`
	c := `c: *` + "\n" + `  -> status(404)` + "\n" + `  -> <shunt>;`
	flat := `a: Path("/a") -> setPath("/b") -> "https://example.org";` + "\n" +
		`b: Path("/b") && Method("GET") -> <shunt>;` + "\n" + `c: * -> status(404) -> <shunt>;` + "\n"
	jsonB := `{"id":"b","predicates":[{"name":"Path","args":["/b"]},{"name":"Method","args":["GET"]}],"filters":[],"backend":{"type":"shunt"}}`
	url := open(t, threeRoutes(t).sources()) + "/routes"
	for _, tc := range []struct {
		query, accept string
		status        int
		body          string
	}{
		{"", "", 200, a + "\n\n" + b + "\n\n" + c + "\n"},
		{"?nopretty", "", 200, flat},
		{"?nopretty=true", "", 200, flat},
		{"?nopretty=1&limit=10", "*/*", 200, flat},
		{"?nopretty=false&offset=2", "", 200, c + "\n"},
		{"?nopretty=0&offset=2", "", 200, c + "\n"},
		{"?offset=1&limit=1", "", 200, b + "\n"},
		{"?offset=1&limit=1", "text/html, application/json;q=0.5", 200, "[" + jsonB + "]\n"},
		{"?offset=3", "", 200, ""},
		{"?offset=3", json, 200, "[]\n"},
		{"?offset=99", json, 200, "[]\n"},
		{"?limit=0", json, 200, "[]\n"},
		{"?offset=1&limit=9223372036854775807&nopretty", "", 200, flat[strings.Index(flat, "b:"):]},
		{"?limit=-1", "", 400, "invalid limit: found \"-1\", expected a whole number that is not negative\n"},
		{"?offset=x", "", 400, "invalid offset: found \"x\", expected a whole number that is not negative\n"},
		{"?timestamp=1700000000&nopretty", "", 200, flat},
		{"?timestamp=1699999999", "", 400, "invalid timestamp: the routes in force are of 1700000000, start again without offset\n"},
		{"?invalid=true", json, 200, "[]\n"},
		{"?invalid=true", "", 200, ""},
	} {
		var head []string
		if tc.accept != "" {
			head = append(head, "Accept: "+tc.accept)
		}
		got := ask(t, "GET", url+tc.query, head...)
		if diff := cmp.Diff(tc.body, got.body); diff != "" || got.status != tc.status {
			t.Errorf("%s (Accept %q): %d, want %d (-want +got):\n%s", tc.query, tc.accept, got.status, tc.status, diff)
		}
		if got.status != 200 {
			continue
		}
		count, wantType := "3", text
		if strings.Contains(tc.query, "invalid") {
			count = "0"
		}
		if strings.Contains(tc.accept, json) {
			wantType = json
		}
		if h := got.header; h.Get("X-Count") != count || h.Get("X-Timestamp") != "1700000000" || h.Get("Content-Type") != wantType {
			t.Errorf("%s: header %v", tc.query, h)
		}
	}
	got := ask(t, "HEAD", url+"?limit=x")
	if got.status != 200 || got.body != "" || got.header.Get("X-Count") != "3" || got.header.Get("X-Timestamp") != "1700000000" {
		t.Errorf("HEAD: %d %v %q", got.status, got.header, got.body)
	}
	if got := ask(t, "HEAD", url+"?timestamp=1"); got.status != 400 {
		t.Errorf("HEAD with a wrong timestamp: %d", got.status)
	}
}

// What is listed can be parsed again, whatever its length.
func TestManyRoutes(t *testing.T) {
	w := &world{since: time.Unix(1, 0)}
	for i := range 2000 {
		w.routes = append(w.routes, &eskip.Route{
			ID: fmt.Sprint("r", i), Predicates: []eskip.Call{{Name: "Path", Args: []eskip.Arg{eskip.String(fmt.Sprint("/", i))}}},
			Backend: eskip.Backend{Type: eskip.Shunt},
		})
	}
	url := open(t, w.sources()) + "/routes"
	if first, err := eskip.Parse("", ask(t, "GET", url).body); err != nil || len(first) != defaultLimit {
		t.Errorf("found %d routes, %v, want %d", len(first), err, defaultLimit)
	}
	all, err := eskip.Parse("", ask(t, "GET", url+"?limit=5000").body)
	if diff := cmp.Diff(w.routes, all, cmpopts.IgnoreTypes(eskip.Pos{}), cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestBeforeTheFirstRoutes(t *testing.T) {
	got := ask(t, "GET", open(t, (&world{}).sources())+"/routes")
	if got.status != 200 || got.body != "" || got.header.Get("X-Count") != "0" || got.header.Get("X-Timestamp") != "0" {
		t.Errorf("%d %v %q", got.status, got.header, got.body)
	}
}

func TestInvalidRoutes(t *testing.T) {
	w := threeRoutes(t)
	w.problems = []source.Problem{
		{RouteID: "a", Reason: "unknown_filter", Err: errors.New("unknown filter \"setpath\",\ndid you mean \"setPath\"?\r\x1b"), Route: w.routes[0]},
		{RouteID: "d", Reason: "other", Err: errors.New("line 3: found \"x\"")},
		{Reason: "other"},
	}
	url := open(t, w.sources()) + "/routes?invalid=true"
	want := `// route a: unknown_filter: unknown filter "setpath",
// did you mean "setPath"?
a: Path("/a")
  -> setPath("/b")
  -> "https://example.org";

// route d: other: line 3: found "x"

// other:
`
	got := ask(t, "GET", url)
	if diff := cmp.Diff(want, got.body); diff != "" || got.header.Get("X-Count") != "3" {
		t.Errorf("X-Count %s (-want +got):\n%s", got.header.Get("X-Count"), diff)
	}
	if routes, err := eskip.Parse("", got.body); err != nil || len(routes) != 1 {
		t.Errorf("the list does not parse: %v, %v", routes, err)
	}
	var list []map[string]any
	if err := json.Unmarshal([]byte(ask(t, "GET", url, "Accept: application/json").body), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || list[0]["id"] != "a" || list[0]["reason"] != "unknown_filter" || list[0]["backend"] == nil ||
		!strings.HasPrefix(list[0]["error"].(string), "unknown filter") || list[1]["id"] != "d" || list[2]["error"] != "" {
		t.Errorf("list is %v", list)
	}
	got = ask(t, "GET", url+"&offset=1&limit=1")
	if got.body != "// route d: other: line 3: found \"x\"\n" {
		t.Errorf("second page: %q", got.body)
	}
}
