package filter_test

import (
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"

	_ "fairlead.dev/fairlead/filter/accesslog"
	_ "fairlead.dev/fairlead/filter/auth"
	_ "fairlead.dev/fairlead/filter/block"
	_ "fairlead.dev/fairlead/filter/breaker"
	_ "fairlead.dev/fairlead/filter/cache"
	_ "fairlead.dev/fairlead/filter/compress"
	_ "fairlead.dev/fairlead/filter/cookie"
	_ "fairlead.dev/fairlead/filter/diag"
	_ "fairlead.dev/fairlead/filter/egress"
	_ "fairlead.dev/fairlead/filter/flowid"
	_ "fairlead.dev/fairlead/filter/forward"
	_ "fairlead.dev/fairlead/filter/grant"
	_ "fairlead.dev/fairlead/filter/header"
	_ "fairlead.dev/fairlead/filter/limit"
	_ "fairlead.dev/fairlead/filter/mtls"
	_ "fairlead.dev/fairlead/filter/note"
	_ "fairlead.dev/fairlead/filter/oidc"
	_ "fairlead.dev/fairlead/filter/path"
	_ "fairlead.dev/fairlead/filter/query"
	_ "fairlead.dev/fairlead/filter/queue"
	_ "fairlead.dev/fairlead/filter/respond"
	_ "fairlead.dev/fairlead/filter/sed"
	_ "fairlead.dev/fairlead/filter/shadow"
	_ "fairlead.dev/fairlead/filter/shed"
	_ "fairlead.dev/fairlead/filter/static"
	_ "fairlead.dev/fairlead/filter/timeout"
	_ "fairlead.dev/fairlead/filter/trace"
	_ "fairlead.dev/fairlead/filter/usage"
)

// TestFamilies makes sure that the tests here see every family.
func TestFamilies(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "families_test.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var imported []string
	for _, imp := range f.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		imported = append(imported, path.Base(p))
	}
	dirs, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if d.IsDir() && d.Name() != "testdata" && !slices.Contains(imported, d.Name()) {
			t.Errorf("family %q is not imported here", d.Name())
		}
	}
}

var docLine = regexp.MustCompile("^[a-z].*[^.\n]$")

func TestDeclarations(t *testing.T) {
	all := filter.All()
	if len(all) < 40 {
		t.Errorf("only %d filters", len(all))
	}
	for _, d := range all {
		if !docLine.MatchString(d.Doc) || strings.Contains(d.Doc, "\n") {
			t.Errorf("%s: doc %q: expected one line, lower case at the start, without a full stop", d.Name, d.Doc)
		}
		optional := false
		for i, p := range d.Params {
			if p.Name == "" {
				t.Errorf("%s: parameter %d has no name", d.Name, i)
			}
			if optional && !p.Optional {
				t.Errorf("%s: parameter %q follows an optional one", d.Name, p.Name)
			}
			if p.Many && i != len(d.Params)-1 {
				t.Errorf("%s: parameter %q takes many, but is not the last", d.Name, p.Name)
			}
			if p.Type == arg.Enum && len(p.OneOf) == 0 {
				t.Errorf("%s: parameter %q has no values to choose from", d.Name, p.Name)
			}
			optional = p.Optional
		}
	}
	if !slices.IsSortedFunc(all, func(a, b *filter.Def) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("All is not sorted")
	}
	if !slices.IsSorted(filter.Names()) {
		t.Error("Names is not sorted")
	}
}

// TestExamples builds every filter of every example, runs it in virtual time,
// and makes sure that the example shows the filter.
func TestExamples(t *testing.T) {
	for _, d := range filter.All() {
		t.Run(d.Name, func(t *testing.T) {
			routes, err := eskip.Parse("", d.Example)
			if err != nil {
				t.Fatal(err)
			}
			shown := false
			for _, r := range routes {
				for _, call := range r.Filters {
					shown = shown || call.Name == d.Name
				}
				synctest.Test(t, func(t *testing.T) { runExample(t, r.Filters) })
			}
			if !shown {
				t.Errorf("the example does not use it: %s", d.Example)
			}
		})
	}
}

func runExample(t *testing.T, calls []eskip.Call) {
	env := filter.NewEnv(nil, nil)
	env.Offline = true
	defer func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	}()
	var filters []filter.Filter
	for _, call := range calls {
		f, err := filtertest.BuildCall(env, call)
		if err != nil {
			t.Fatalf("%s: %v", call.Name, err)
		}
		filters = append(filters, f)
	}
	x := filtertest.New(t)
	x.Answer(200, "body", "Content-Type", "text/plain")
	x.Run(filters...)
	if x.Response == nil {
		t.Error("no response")
	}
	x.ResponseBody()
	for _, f := range filters {
		if c, ok := f.(filter.Closer); ok {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestWrongArguments throws arguments of every kind and number at every filter:
// none panics, and an error is one line that starts in lower case.
func TestWrongArguments(t *testing.T) {
	values := []eskip.Arg{
		eskip.String(""), eskip.String("x"), eskip.String("a b"), eskip.String("\r\nX: y"), eskip.String("\x00"),
		eskip.String("${"), eskip.String("${request.nothing}"), eskip.String("["), eskip.String("%s%d"), eskip.String("true"),
		eskip.Number(0), eskip.Number(-1), eskip.Number(1.5), eskip.Number(404), eskip.Number(1e300),
	}
	for _, d := range filter.All() {
		tryArguments(t, d, nil)
		for _, a := range values {
			tryArguments(t, d, []eskip.Arg{a})
			for _, b := range values {
				tryArguments(t, d, []eskip.Arg{a, b})
				tryArguments(t, d, []eskip.Arg{a, b, eskip.Number(7)})
				tryArguments(t, d, []eskip.Arg{a, b, eskip.String("x"), a})
			}
		}
	}
}

func tryArguments(t *testing.T, d *filter.Def, args []eskip.Arg) {
	t.Helper()
	f, err := filtertest.BuildCall(nil, eskip.Call{Name: d.Name, Args: args})
	if err != nil {
		if s := err.Error(); s == "" || strings.ContainsAny(s, "\r\n\x00") || strings.ToLower(s[:1]) != s[:1] || strings.HasSuffix(s, ".") {
			t.Errorf("%s%v: the message is not one line in lower case: %q", d.Name, args, s)
		}
		return
	}
	if c, ok := f.(filter.Closer); ok {
		if err := c.Close(); err != nil {
			t.Errorf("%s%v: %v", d.Name, args, err)
		}
	}
}
