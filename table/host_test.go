package table

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestParseHostPattern(t *testing.T) {
	const all = Bare | Dot | Port | DotPort
	tests := []struct {
		expr string
		want []HostPattern // below is compared for being there only
	}{
		// Kubernetes conversion, spec 2.3.
		{`^(www[.]example[.]org[.]?(:[0-9]+)?)$`, []HostPattern{{Name: "www.example.org", Forms: all}}},
		{`^(a[.]org[.]?(:[0-9]+)?|b-1[.]org[.]?(:[0-9]+)?)$`, []HostPattern{{Name: "a.org", Forms: all}, {Name: "b-1.org", Forms: all}}},
		// By hand.
		{`^a[.]b$`, []HostPattern{{Name: "a.b", Forms: Bare}}},
		{`^a\.b$`, []HostPattern{{Name: "a.b", Forms: Bare}}},
		{`^(a[.]b)$`, []HostPattern{{Name: "a.b", Forms: Bare}}},
		{`^(?:a\.b|c)$`, []HostPattern{{Name: "a.b", Forms: Bare}, {Name: "c", Forms: Bare}}},
		{`^a[.]$`, []HostPattern{{Name: "a.", Forms: Bare}}},
		{`^a\.?$`, []HostPattern{{Name: "a", Forms: Bare | Dot}}},
		{`^a:8080$`, []HostPattern{{Name: "a:8080", Forms: Bare}}},
		{`^a(:\d+)?$`, []HostPattern{{Name: "a", Forms: Bare | Port}}},
		{`^a:[0-9]+$`, []HostPattern{{Name: "a", Forms: Port}}},
		{`^a[.]?(?::[0-9]+)$`, []HostPattern{{Name: "a", Forms: Port | DotPort}}},
		// Wildcards.
		{`^[^.]+[.]example[.]org[.]?(:[0-9]+)?$`, []HostPattern{{Name: "example.org", Forms: all, below: &labels{}}}},
		{`^([a-zA-Z0-9-]+[.])*example[.]org$`, []HostPattern{{Name: "example.org", Forms: Bare, below: &labels{}}}},
		{`^.*[.]example[.]org$`, []HostPattern{{Name: "example.org", Forms: Bare, below: &labels{}}}},
		{`^(.+\.)?example\.org$`, []HostPattern{{Name: "example.org", Forms: Bare, below: &labels{}}}},
		{`^([^.]+[.]a[.]org|b)$`, []HostPattern{{Name: "a.org", Forms: Bare, below: &labels{}}, {Name: "b", Forms: Bare}}},
		{`^[\w-]+[.]a$`, []HostPattern{{Name: "a", Forms: Bare, below: &labels{}}}},
		// Not known: these stay regular expressions.
		{``, nil},
		{`a`, nil},
		{`^a`, nil},
		{`a$`, nil},
		{`^$`, nil},
		{`^()$`, nil},
		{`^(a|)$`, nil},
		{`^a|b$`, nil},
		{`^(a)|(b)$`, nil},
		{`^(a)$|^(b)$`, nil},
		{`^((a))$`, nil},
		{`^(?i)a$`, nil},
		{`^(?i:a)$`, nil},
		{`^a.b$`, nil},
		{`^a[.]*$`, nil},
		{`^a[.]b?$`, nil},
		{`^a{2}$`, nil},
		{`^a\$`, nil},
		{`^ä$`, nil},
		{`^.*$`, nil},
		{`^.*a[.]org$`, nil},
		{`^(.*[.])*a$`, nil},
		{`^[^.]+[.]a[.]$`, nil},
		{`^[^.]+[.]a:80$`, nil},
		{`^[^.]+[.]a[.][.]b$`, nil},
		{`^[z-a]+[.]a$`, nil},
		{`^[]a]+[.]a$`, nil},
		{`^[[:alpha:]]+[.]a$`, nil},
		{`^[a\]+[.]a$`, nil},
		{`^[a`, nil},
		{`^[a$`, nil},
		{`^a(:[0-9]+$`, nil},
		{`^*[.]example[.]org[.]?(:[0-9]+)?$`, nil}, // what the peer writes for wildcard hosts
		{`^.*[.]` + strings.Repeat("a[.]", maxLabels) + `a$`, nil},
		{`^.*[.]` + strings.Repeat("a", maxName+1) + `$`, nil},
	}
	for _, test := range tests {
		t.Run(test.expr, func(t *testing.T) {
			got, ok := ParseHostPattern(test.expr)
			if ok != (test.want != nil) || !slices.EqualFunc(got, test.want, func(a, b HostPattern) bool {
				return a.Name == b.Name && a.Forms == b.Forms && a.Wildcard() == b.Wildcard()
			}) {
				t.Errorf("got %+v, %v, want %+v", got, ok, test.want)
			}
			checkHosts(t, test.expr)
		})
	}
}

// checkHosts makes sure that a recognised expression accepts the same hosts as
// the regular expression, and that a table finds the route of any expression for
// just those.
func checkHosts(t *testing.T, expr string, more ...string) {
	t.Helper()
	patterns, ok := ParseHostPattern(expr)
	rx, err := regexp.Compile(expr)
	if err != nil {
		if ok {
			t.Fatalf("%q is recognised, but no regular expression: %v", expr, err)
		}
		return
	}
	tab := build(t, Options{}, route("it", fakeHost{expr, rx}))
	if tab.pathless.hosts != ok {
		t.Fatalf("%q is recognised: %v, in the index: %v", expr, ok, tab.pathless.hosts)
	}
	for _, h := range hostsLike(patterns, more) {
		want := rx.MatchString(h)
		if got := slices.ContainsFunc(patterns, func(p HostPattern) bool { return p.Match(h) }); ok && got != want {
			t.Fatalf("%q on host %q: %v, want %v", expr, h, got, want)
		}
		if r, _ := tab.Lookup(get("GET", h), "/", nil); (r != nil) != want {
			t.Fatalf("%q on host %q: found %v, want %v", expr, h, r != nil, want)
		}
	}
}

// hostsLike returns hosts that are near to the patterns.
func hostsLike(patterns []HostPattern, more []string) []string {
	hosts := append([]string{"", ".", ":1", ".:1", "a", "b", "example.org"}, more...)
	for _, p := range patterns {
		for _, front := range append([]string{"", ".", "x.", "x", "..", "a.b.", "a..b.", "a-b.c_d.", "A9.", "\n.", "\xff.", "ä.", "~."}, more...) {
			for _, end := range append([]string{"", ".", ":80", ".:80", ":", ".:", "..", ":80.", ":8x", "8", ":80:80"}, more...) {
				hosts = append(hosts, front+p.Name+end)
			}
		}
	}
	return hosts
}

// TestRandomHostPatterns puts expressions together from pieces that nearly fit.
func TestRandomHostPatterns(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(7, 7))}
	taken := 0
	for range 20_000 {
		expr := g.hostExpr()
		if _, ok := ParseHostPattern(expr); ok {
			taken++
			checkHosts(t, expr)
		}
	}
	if taken < 2000 {
		t.Errorf("only %d expressions were recognised: the test looks at nothing", taken)
	}
}

func (g generator) hostExpr() string {
	var b strings.Builder
	piece := func(from ...string) { b.WriteString(pick(g, from...)) }
	piece("^", "^", "^", "^", "^", "^", "^", "")
	group := g.IntN(2) == 0
	if group {
		piece("(", "(", "(?:")
	}
	for i := range 1 + g.IntN(3) {
		if i > 0 {
			if !group {
				break
			}
			b.WriteByte('|')
		}
		g.hostAlternative(piece)
	}
	if group {
		piece(")", ")", ")", ")?", ")*")
	}
	piece("$", "$", "$", "$", "$", "$", "")
	return b.String()
}

func (g generator) hostAlternative(piece func(...string)) {
	if g.IntN(2) == 0 {
		wrap := g.IntN(2) == 0
		if wrap {
			piece("(", "(?:")
		}
		piece("[^.]", "[a-z]", "[a-zA-Z0-9-]", ".", "[^.:]", `[\w-]`, `[\d.-]`, "[-a]", "a", "[a-]", "[A-z]", "[^a]", "[+--]")
		piece("+", "*", "+", "*", "", "?")
		piece("[.]", `\.`, "[.]", `\.`, "", ".")
		if wrap {
			piece(")")
			piece("", "*", "+", "?", "*?")
		}
	}
	for range g.IntN(4) {
		piece("a", "b-c", "1", "[.]", `\.`, "[.]", "org", ":", "_")
	}
	piece("a", "org")
	piece("", "", "[.]?", `\.?`, "[.]", ".", "?")
	piece("", "", "(:[0-9]+)?", `(:\d+)?`, "(:[0-9]+)", ":[0-9]+", ":[0-9]", "(:[0-9]*)?", ":80")
}

func FuzzHostPattern(f *testing.F) {
	f.Add(`^(www[.]example[.]org[.]?(:[0-9]+)?|b)$`, "www.example.org:80")
	f.Add(`^([a-zA-Z0-9-]+[.])*example[.]org$`, "a.b.example.org")
	f.Add(`^[^.]+[.]example[.]org[.]?(:[0-9]+)?$`, "\xff.example.org.:1")
	f.Add(`^(?:.*\.)?a[.]?(?::\d+)$`, "\n.a:1")
	f.Fuzz(func(t *testing.T, expr, host string) { checkHosts(t, expr, host) })
}

// TestLongHost bounds what a hostile host costs: no more suffixes are hashed
// than a wildcard can have labels, and none longer than a name can be.
func TestLongHost(t *testing.T) {
	tab := build(t, Options{}, route("wild", host(`^.*[.]a[.]a$`)), route("deep", host(`^.*[.]a[.]a[.]a[.]a[.]a[.]a[.]a[.]a$`)))
	long := strings.Repeat("a.", 4000) + "a"
	s := search{table: tab, req: get("GET", long)}
	if e := s.find("/"); e == nil || e.route.ID != "deep" {
		t.Errorf("%v wins, want deep", e)
	}
	if s.host.labels != maxLabels {
		t.Errorf("%d suffixes, want %d", s.host.labels, maxLabels)
	}
	label := strings.Repeat("b", 5000)
	s = search{table: tab, req: get("GET", "a.a."+label)}
	if e := s.find("/"); e != nil || s.host.labels != 0 {
		t.Errorf("%v wins, %d suffixes, want none", e, s.host.labels)
	}
}
