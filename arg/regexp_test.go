package arg

import (
	"regexp"
	"strings"
	"testing"
)

const hostRegexp = `^(test[.]example[.]org[.]?(:[0-9]+)?|www[.]example[.]org[.]?(:[0-9]+)?)$`

func TestPlainRegexp(t *testing.T) {
	for _, c := range []struct {
		expr  string
		plain bool
	}{
		{"", true},
		{hostRegexp, true},
		{"^(/)", true},
		{"^/api/v[0-9]+/(a|b)?$", true},
		{`^my-host\.example\.org$`, true},
		{"[a-zA-Z0-9.]+", true},
		{"(|a)", true},
		{"a**", false},
		{"a+?", false},
		{"^*", false},
		{"(*a)", false},
		{"(?i)a", false},
		{"(a", false},
		{"a)", false},
		{"[]", false},
		{"[^a]", false},
		{"[z-a]", false},
		{"[0-z]", false},
		{"[a", false},
		{`a\`, false},
		{`\1`, false},
		{"a{1000000}", false},
		{"ä", false},
		{strings.Repeat("(", maxPlainDepth+1) + strings.Repeat(")", maxPlainDepth+1), false},
		{strings.Repeat("a", maxRegexp), true},
	} {
		if got := plainRegexp(c.expr); got != c.plain {
			t.Errorf("%.50q: got %v", c.expr, got)
		}
	}
}

func TestPlainRegexpAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		if err := CheckRegexp(hostRegexp); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPlainRegexp makes sure that what is taken for valid is valid.
func FuzzPlainRegexp(f *testing.F) {
	for _, s := range []string{hostRegexp, "(^)*", "()+", "[.]", `\.\d`, "a|*", "[a-b-c]", "(a*)*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		if !plainRegexp(expr) {
			return
		}
		if _, err := regexp.Compile(expr); err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
	})
}

func BenchmarkCheckRegexp(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckRegexp(hostRegexp); err != nil {
			b.Fatal(err)
		}
	}
}
