package predicatetest

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// Run checks every predicate that is linked into the test: its declaration,
// its example, and that neither odd arguments nor odd requests break it.
func Run(t *testing.T) {
	t.Helper()
	if len(predicate.All()) == 0 {
		t.Fatal("no predicate is linked into this test")
	}
	for _, def := range predicate.All() {
		t.Run(def.Name, func(t *testing.T) {
			checkDoc(t, def)
			calls := exampleCalls(t, def)
			for i := range calls {
				p, err := construct(&calls[i])
				if err != nil {
					t.Fatalf("the example does not construct: %v", err)
				}
				checkInstance(t, p)
			}
			checkArguments(t, def, calls)
		})
	}
}

func checkDoc(t *testing.T, def *predicate.Def) {
	t.Helper()
	if strings.ContainsAny(def.Doc, "\n\r") || strings.HasSuffix(def.Doc, ".") || strings.TrimSpace(def.Doc) != def.Doc {
		t.Errorf("doc %q, expected one line without a full stop", def.Doc)
	}
	if c := def.Doc[0]; c >= 'A' && c <= 'Z' && (len(def.Doc) < 2 || def.Doc[1] >= 'a') {
		t.Errorf("doc %q, expected lower case", def.Doc)
	}
	optional := false
	for i, p := range def.Params {
		if p.Name == "" || optional && !p.Optional || p.Many && i < len(def.Params)-1 {
			t.Errorf("parameter %d: no name, not optional after an optional one, or many and not the last", i+1)
		}
		optional = p.Optional
	}
}

// exampleCalls returns the uses of the predicate in its own example.
func exampleCalls(t *testing.T, def *predicate.Def) []eskip.Call {
	t.Helper()
	routes, err := eskip.Parse("example.eskip", def.Example)
	if err != nil {
		t.Fatalf("the example does not parse: %v", err)
	}
	var calls []eskip.Call
	for _, r := range routes {
		for _, call := range r.Predicates {
			if call.Name == def.Name {
				calls = append(calls, call)
			}
		}
	}
	if len(calls) == 0 {
		t.Fatalf("the example does not use the predicate:\n%s", def.Example)
	}
	return calls
}

func checkInstance(t *testing.T, p predicate.Predicate) {
	t.Helper()
	for _, req := range oddRequests() {
		before := req.Header.Clone()
		p.Match(req)
		if !slices.Equal(before.Fields(), req.Header.Fields()) {
			t.Error("Match changed the header")
		}
	}
	if tree, ok := p.(predicate.Tree); ok {
		pattern, subtree := tree.TreePath()
		if pattern != message.CleanPath(pattern) {
			t.Errorf("the pattern %q is not clean", pattern)
		}
		if subtree && pattern != "/" && strings.HasSuffix(pattern, "/") {
			t.Errorf("the pattern %q of a subtree ends with a slash", pattern)
		}
	}
	if host, ok := p.(predicate.Host); ok {
		expr, exact := host.HostPattern()
		if expr != "" && exact != nil {
			t.Errorf("HostPattern gives both %q and %q", expr, exact)
		}
		if _, err := regexp.Compile(expr); err != nil {
			t.Error(err)
		}
	}
}

// oddRequests are requests with nothing in them, or nonsense.
func oddRequests() []*message.Request {
	full := &message.Request{
		Method: "\x00", Host: "[::", Path: "a/../..//", RawPath: "%", Query: "&=&%zz=%&;", ContentLength: message.Unknown,
	}
	for _, name := range []string{"Cookie", "X-Forwarded-For", "Forwarded", "Authorization", "X", ""} {
		for _, value := range []string{"", ";", ",", "=", `"`, `a="`, `\`, "\xff\x00", `host="\`, strings.Repeat(",", 1<<10)} {
			full.Header.Add(name, value)
		}
	}
	return []*message.Request{{}, full, {Path: "/"}, {Path: "//", Query: "?"}}
}

// checkArguments constructs the predicate from arguments that it was not
// declared for: that gives an error, or an instance that works.
func checkArguments(t *testing.T, def *predicate.Def, calls []eskip.Call) {
	t.Helper()
	odd := []eskip.Arg{
		eskip.String(""), eskip.String("\x00"), eskip.String("("), eskip.String("/*/:"), eskip.String("%zz"),
		eskip.Number(-1), eskip.Number(0), eskip.Number(0.5), eskip.Number(1e300), eskip.Number(math.Inf(1)), eskip.Number(math.NaN()),
	}
	try := func(args []eskip.Arg) {
		p, err := construct(&eskip.Call{Name: def.Name, Args: args})
		if err != nil {
			return
		}
		if p == nil {
			t.Fatalf("%v: neither an instance nor an error", args)
		}
		checkInstance(t, p)
	}
	try(nil)
	for _, call := range calls {
		for n := range len(call.Args) {
			try(call.Args[:n])
			for _, a := range odd {
				args := slices.Clone(call.Args)
				args[n] = a
				try(args)
			}
		}
		for _, a := range odd {
			try(append(slices.Clone(call.Args), a))
		}
	}
}
