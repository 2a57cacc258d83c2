package route_test

import (
	"slices"
	"testing"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
)

// TestAlways checks the filters that the process adds to routes.
func TestAlways(t *testing.T) {
	c := compiler()
	j := journalOf(c.FilterEnv)
	added := both{"always", j}
	c.Append = []eskip.Call{{Name: "both", Args: []eskip.Arg{eskip.String("appended")}}}
	c.Always = func(has func(string) bool) []filter.Filter {
		if has("requestOnly") {
			return nil
		}
		if !has("both") {
			t.Error("a default filter is not seen")
		}
		return []filter.Filter{added}
	}
	c.ForwardURL = "http://127.0.0.1:1"
	for text, want := range map[string][]string{
		`r: * -> <shunt>`:                       {"request always", "request appended"},
		`r: * -> both("own") -> <shunt>`:        {"request always", "request own", "request appended"},
		`r: * -> requestOnly("own") -> <shunt>`: {"request own", "request appended"},
		`r: * -> <forward>`:                     nil,
	} {
		r := compile(t, c, text)
		j.lines = nil
		for i, s := range r.Filters {
			if s.Index != i {
				t.Errorf("%s: step %d has the index %d", text, i, s.Index)
			}
		}
		for _, s := range r.Request {
			s.Filter.Request(nil)
		}
		if !slices.Equal(j.lines, want) {
			t.Errorf("%s: ran %q, want %q", text, j.lines, want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
