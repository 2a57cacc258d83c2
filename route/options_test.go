package route_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/route"
)

func pending(kind, name string) string {
	if kind == "filter" && (name == "lifo" || name == "oauthTokeninfoAllScope") {
		return "is still missing"
	}
	return ""
}

func TestNew(t *testing.T) {
	set := option.NewSet()
	*route.Options.From(set) = route.Values{
		Prepend:    []string{`both("a") -> lifo(2000, 20000, "3s")`, ` both("b")`},
		Append:     []string{`responseOnly("z")`},
		Disabled:   []string{"whoami"},
		ForwardURL: "https://next",
	}
	var log bytes.Buffer
	c, err := route.New(set, slog.New(slog.NewTextHandler(&log, nil)), pending)
	if err != nil {
		t.Fatal(err)
	}
	r := compile(t, c, `r: * -> requestOnly("c") -> <shunt>`)
	if got := names(r.Filters); got != "both both requestOnly responseOnly" {
		t.Errorf("filters %s", got)
	}
	if got := strings.Count(log.String(), "level=WARN"); got != 1 || !strings.Contains(log.String(), "lifo") {
		t.Errorf("log %s", log.String())
	}
	if _, problem := c.Compile(parse(t, "r: * -> whoami() -> <shunt>")); problem == nil {
		t.Error("a disabled filter is used")
	}
	if r := compile(t, c, `r: * -> requestOnly("c") -> <forward>`); len(r.Filters) != 0 || r.Backend.Endpoints[0].Address != "next:443" {
		t.Errorf("forward: filters %v, endpoint %v", r.Filters, r.Backend.Endpoints)
	}
}

func TestEffective(t *testing.T) {
	c := compiler()
	def := parse(t, `r: * -> both("x") -> <shunt>`)
	if c.Effective(def) != def {
		t.Error("a definition without default filters was copied")
	}
	c.Prepend, c.Append = parse(t, `* -> both("a") -> <shunt>`).Filters, parse(t, `* -> both("z") -> <shunt>`).Filters
	if e := c.Effective(def); len(e.Filters) != 3 || len(def.Filters) != 1 || e.Filters[1].Args[0].Text != "x" {
		t.Errorf("got %v", e.Filters)
	}
	if e := c.Effective(parse(t, `r: * -> both("x") -> <forward>`)); len(e.Filters) != 0 {
		t.Errorf("forward: got %v", e.Filters)
	}
}

// A route of the process's own has no default filters.
func TestBare(t *testing.T) {
	c := compiler()
	c.Prepend, c.Append = parse(t, `* -> both("a") -> <shunt>`).Filters, parse(t, `* -> both("z") -> <shunt>`).Filters
	c.Bare = "own"
	for id, want := range map[string]string{"own": "requestOnly", "other": "both requestOnly both"} {
		text := id + `: * -> requestOnly("x") -> <shunt>`
		def := parse(t, text)
		if got := names(compile(t, c, text).Filters); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
		if got := len(c.Effective(def).Filters); got != len(strings.Fields(want)) {
			t.Errorf("%s: %d filters are in effect, want %s", id, got, want)
		}
	}
}

func TestNewErrors(t *testing.T) {
	for name, c := range map[string]struct {
		values route.Values
		want   []string
	}{
		"unknown":   {route.Values{Prepend: []string{`bot("x")`}}, []string{"option default-filters-prepend: ", `did you mean "both"?`}},
		"arguments": {route.Values{Append: []string{"both(1)"}}, []string{"option default-filters-append: ", "found the number 1"}},
		"syntax":    {route.Values{Append: []string{"both("}}, []string{"option default-filters-append: "}},
		"both ends": {route.Values{Prepend: []string{"x()"}, Append: []string{"y()"}}, []string{`"x"`, `"y"`}},
		"guard":     {route.Values{Prepend: []string{`oauthTokeninfoAllScope("uid")`}}, []string{`"oauthTokeninfoAllScope": is still missing`}},
		"forward":   {route.Values{ForwardURL: "next"}, []string{"option forward-backend-url: ", "no scheme"}},
		"disabled":  {route.Values{Prepend: []string{`both("x")`}, Disabled: []string{"both"}}, []string{"is disabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := option.NewSet()
			*route.Options.From(set) = c.values
			_, err := route.New(set, nil, pending)
			for _, w := range c.want {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("got %v, want an error with %q", err, w)
				}
			}
		})
	}
}
