package predicate

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
)

type always struct{}

func (always) Match(*message.Request) bool { return true }

func newAlways(arg.Values, *Env) (Predicate, error) { return always{}, nil }

var testDef = Define(Def{Name: "testOnly", Doc: "matches", Example: "* -> <shunt>", New: newAlways})

func TestDefine(t *testing.T) {
	if Lookup("testOnly") != testDef || Lookup("testonly") != nil {
		t.Error("Lookup does not find the declaration by its exact name")
	}
	if !slices.Contains(All(), testDef) || !slices.Contains(Names(), "testOnly") {
		t.Error("the declaration is not listed")
	}
}

func TestDefinePanics(t *testing.T) {
	for _, c := range []struct {
		def  Def
		want string
	}{
		{Def{Name: "a", Example: "x", New: newAlways}, `predicate "a": doc, example and constructor`},
		{Def{Name: "b", Doc: "x", New: newAlways}, `predicate "b": doc`},
		{Def{Name: "c", Doc: "x", Example: "x"}, `predicate "c": doc`},
		{Def{Doc: "x", Example: "x", New: newAlways}, "has no name"},
		{Def{Name: "testOnly", Doc: "x", Example: "x", New: newAlways}, "twice"},
	} {
		t.Run(c.want, func(t *testing.T) {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, c.want) {
					t.Errorf("panic %q, want one with %q", got, c.want)
				}
			}()
			Define(c.def)
		})
	}
}

func TestRegexp(t *testing.T) {
	var env Env
	a := env.Regexp("^a+$")
	if a.compiled.Load() != nil {
		t.Error("compiled before it was used")
	}
	if !a.MatchString("aa") || a.MatchString("b") || a.String() != "^a+$" {
		t.Error("matches the wrong strings")
	}
	if env.Regexp("^a+$") != a {
		t.Error("the same expression is not shared")
	}
	if env.Regexp("^b+$") == a {
		t.Error("another expression is shared")
	}
	var none *Env
	if !none.Regexp("a").MatchString("a") {
		t.Error("no expression without an environment")
	}
	if none.Regexp("(").MatchString("(") {
		t.Error("a broken expression matches")
	}
}

func TestRegexpsAreBounded(t *testing.T) {
	var env Env
	first := env.Regexp("0")
	for i := range 3 * maxRegexps {
		env.Regexp(strconv.Itoa(i))
		if n := len(env.regexps.byExpr); n > maxRegexps {
			t.Fatalf("%d expressions are kept", n)
		}
	}
	if !first.MatchString("0") {
		t.Error("a forgotten expression stopped matching")
	}
}

func TestRegexpConcurrent(t *testing.T) {
	var env Env
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				s := strconv.Itoa(i)
				if r := env.Regexp(s); !r.MatchString(s) || r.MatchString("x") {
					t.Errorf("%q matches the wrong strings", s)
				}
			}
		})
	}
	wg.Wait()
}

func TestRegexpAllocatesNothing(t *testing.T) {
	r := (&Env{}).Regexp("^(www[.]example[.]org[.]?(:[0-9]+)?)$")
	if n := testing.AllocsPerRun(100, func() {
		if !r.MatchString("www.example.org:8080") {
			t.Fatal("no match")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
