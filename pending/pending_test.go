package pending

import (
	"slices"
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	k, ok := LookupFlag("kubernetes")
	if !ok || k.Kind != Bool || k.Default != "false" || k.Missing != "routes from Kubernetes are missing" || k.KeyOnly || k.Never {
		t.Errorf("kubernetes: %+v %v", k, ok)
	}
	if p, ok := LookupFlag("swarm-redis-password"); !ok || !p.Secret || !p.KeyOnly {
		t.Errorf("swarm-redis-password: %+v %v", p, ok)
	}
	if g, ok := LookupFlag("enable-open-policy-agent"); !ok || !g.Guard {
		t.Errorf("enable-open-policy-agent: %+v %v", g, ok)
	}
	if n, ok := LookupFlag("lb-healthcheck-interval"); !ok || !n.Never {
		t.Errorf("lb-healthcheck-interval: %+v %v", n, ok)
	}
	if _, ok := LookupFlag("clusterRatelimit"); ok {
		t.Error("a filter is taken for a flag")
	}
	if m, ok := Filter("lua"); !ok || !strings.Contains(m, "scripts") {
		t.Errorf("lua: %q %v", m, ok)
	}
	if got, want := Hint("filter", "lua"), "known, but not built yet: Lua scripts are missing"; got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
	if _, ok := Predicate("lua"); ok || Hint("predicate", "lua") != "" {
		t.Error("a filter is taken for a predicate")
	}
	if !slices.Contains(Filters(), "lua") || !slices.IsSorted(Filters()) {
		t.Error("the filters are not complete or not sorted")
	}
	if p := Predicates(); len(p) > 0 {
		t.Errorf("missing predicates %q: all are built", p)
	}
	for i, f := range Flags() {
		if i > 0 && Flags()[i-1].Name >= f.Name {
			t.Errorf("%q is not sorted", f.Name)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		text string
		ok   bool
	}{
		{Bool, "true", true}, {Bool, "", false}, {Bool, "yes", false},
		{Int, "-1", true}, {Int, "1.5", false},
		{Number, "1.5", true}, {Number, "x", false},
		{Duration, "3s", true}, {Duration, "0", true}, {Duration, "3", false},
		{Text, "", true}, {YAML, "{", true},
	} {
		if err := (Flag{Kind: c.kind}).Check(c.text); (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.kind, c.text, err)
		}
	}
}

func TestParse(t *testing.T) {
	if l, err := parse(text); err != nil || len(l.flags) == 0 {
		t.Fatalf("pending.txt: %v", err)
	}
	for _, c := range []struct{ in, want string }{
		{"flag", "stands alone"},
		{"flag a text -", "no area"},
		{"filter a", "no area"},
		{"area a x\nflag a text", "pending.txt:2: a flag needs"},
		{"area a x\nflag a txt -", `kind "txt"`},
		{"area a x\nflag a int y", `default "y"`},
		{"area a x\nflag a int - secrt", `"secrt"`},
		{"area a x\nflag a int -\nkey a int -", "twice"},
		{"area a x\nfilter a a", "twice"},
		{"flags a", "none of"},
	} {
		if _, err := parse(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.in, err, c.want)
		}
	}
}
