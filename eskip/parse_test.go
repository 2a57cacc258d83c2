package eskip

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	str = String
	num = Number
)

func call(name string, args ...Arg) Call { return Call{Name: name, Args: args} }

var ignorePos = cmpopts.IgnoreTypes(Pos{})

func TestParse(t *testing.T) {
	shunt := Backend{Type: Shunt}
	for _, c := range []struct {
		name, text string
		want       []*Route
	}{
		{"nothing", "", nil},
		{"blanks and comments", " \t\r\n\v\f\x85\xa0 // nothing here\n//", nil},
		{"semicolons", ";;; ; // x\n;", nil},
		{"lone", "* -> <shunt>", []*Route{{Backend: shunt}}},
		{"lone after a comment", "// x\n* -> <shunt> // y", []*Route{{Backend: shunt}}},
		{"list", "a: * -> <shunt>; ; b : * -> <shunt>;;", []*Route{{ID: "a", Backend: shunt}, {ID: "b", Backend: shunt}}},
		{"leading semicolon", ";a:*-><shunt>", []*Route{{ID: "a", Backend: shunt}}},
		{"no blanks", `_a1:P("x")&&Q(1)->f()->g(1,"y")-><shunt>`, []*Route{{
			ID: "_a1", Predicates: []Call{call("P", str("x")), call("Q", num(1))},
			Filters: []Call{call("f"), call("g", num(1), str("y"))}, Backend: shunt,
		}}},
		{"comments everywhere", "a//\n: //\n P//\n(//\n1//\n,//\n\"//\"//\n)//\n-> //\n<shunt>//\n;//", []*Route{
			{ID: "a", Predicates: []Call{call("P", num(1), str("//"))}, Backend: shunt},
		}},
		{"no condition", `a: * && Any() && P() && Any("x") && * -> <shunt>`, []*Route{{ID: "a", Predicates: []Call{call("P")}, Backend: shunt}}},
		{"a filter may be called Any", `* -> Any(1) -> <shunt>`, []*Route{{Filters: []Call{call("Any", num(1))}, Backend: shunt}}},
		{"leading comma", `P(,1) -> <shunt>`, []*Route{{Predicates: []Call{call("P", num(1))}, Backend: shunt}}},
		{"byte order mark", "\ufeffa: * -> <shunt>", []*Route{{ID: "a", Backend: shunt}}},
		{
			"backends", `n: * -> "http://a"; l: * -> <loopback>; d: * -> <dynamic>; f: * -> <forward>; b: * -> <"http://a">; r: * -> <rnd , "http://a" , "http://b">`,
			[]*Route{
				{ID: "n", Backend: Backend{Address: "http://a"}},
				{ID: "l", Backend: Backend{Type: Loopback}},
				{ID: "d", Backend: Backend{Type: Dynamic}},
				{ID: "f", Backend: Backend{Type: Forward}},
				{ID: "b", Backend: Backend{Type: LB, Endpoints: []Endpoint{{Address: "http://a"}}}},
				{ID: "r", Backend: Backend{Type: LB, Algorithm: "rnd", Endpoints: []Endpoint{{Address: "http://a"}, {Address: "http://b"}}}},
			},
		},
		{"zones", `* -> <"http://a?zone=x", "http://b?q&zone=y+z", "http://c?zone=", "http://d/?zones=1", "http://e?zone=1&zone=2">`, []*Route{{
			Backend: Backend{Type: LB, Endpoints: []Endpoint{
				{"http://a", "x"}, {"http://b?q", "y z"}, {"http://c", ""}, {"http://d/?zones=1", ""}, {"http://e", "1"},
			}},
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse("", c.text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got, ignorePos); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestParseArguments compares the written argument with its value (spec 1.5).
func TestParseArguments(t *testing.T) {
	for text, want := range map[string]Arg{
		`0`: num(0), `007`: num(7), `-1`: num(-1), `1.50`: num(1.5), `.5`: num(.5), `-.5`: num(-.5), `-0.25`: num(-.25),
		`1e3`: num(1000), `1E3`: num(1000), `1e-06`: num(1e-6), `1.2345675e+06`: num(1234567.5), `.5e1`: num(5),
		`123456789`: num(123456789), `1234567890`: num(1234567890), `0.1`: num(.1), `0.42857142857142855`: num(0.42857142857142855),
		`5e-324`: num(5e-324), `1e-999`: num(0), `1.7976931348623157e308`: num(math.MaxFloat64),

		`""`: str(""), "``": str(""), `"a b"`: str("a b"), "`a\"b`": str(`a"b`), "\"a`b\"": str("a`b"),
		`"\a\b\f\n\r\t\v\\"`: str("\a\b\f\n\r\t\v\\"), "`\\n`": str("\n"),
		`"\""`: str(`"`), "`\\``": str("`"), `"\d\x\/"`: str(`\d\x\/`), "\"\\`\"": str("\\`"), "`\\\"`": str(`\"`),
		"\"a\nb\"": str("a\nb"), "\"\\\n\"": str("\\\n"), `"// ; ->"`: str("// ; ->"), "\"\x00\x80\xff\"": str("\x00\x80\xff"),

		`/a/`: str("a"), `/\//`: str("/"), `/[/]/`: str("[/]"), `/[^\]/]/`: str(`[^\]/]`), `/\[\//`: str(`\[/`), `/[[/]/`: str("[[/]"),
		`/\\/`: str(`\`), `/\d\n"/`: str(`\d\n"`), `/a\/b\\c/`: str(`a/b\c`), "/a\nb/": str("a\nb"), `/*x/`: str("*x"), `/\.(a|b)$/`: str(`\.(a|b)$`),
	} {
		got, err := ParsePredicates("P(" + text + ")")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if d := cmp.Diff([]Call{call("P", want)}, got, ignorePos); d != "" {
			t.Errorf("%s: -want +got:\n%s", text, d)
		}
	}
}

func TestPositions(t *testing.T) {
	routes, err := Parse("x.eskip", "\ufeff// one\n  a: P(\"\n\") && Q()\n\t-> f() -> <shunt>;b: * -> <shunt>")
	if err != nil {
		t.Fatal(err)
	}
	a, b := routes[0], routes[1]
	got := []string{a.Pos.String(), a.Predicates[0].Pos.String(), a.Predicates[1].Pos.String(), a.Filters[0].Pos.String(), b.Pos.String(), Pos{}.String(), Pos{Line: 1, Col: 2}.String()}
	want := []string{"x.eskip:2:3", "x.eskip:2:6", "x.eskip:3:7", "x.eskip:4:5", "x.eskip:4:20", "", "1:2"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestParseAt(t *testing.T) {
	_, err := ParseAt(Pos{File: "f", Line: 7, Col: 5}, "a: x;\nb: y")
	list := errorList(t, err)
	if len(list) != 2 || list[0].Pos != (Pos{"f", 7, 8}) || list[1].Pos != (Pos{"f", 8, 4}) {
		t.Errorf("got %v", err)
	}
	routes, err := ParseAt(Pos{}, "* -> <shunt>")
	if err != nil || routes[0].Pos != (Pos{Line: 1, Col: 1}) {
		t.Errorf("got %v, %v", routes[0].Pos, err)
	}
}

// TestSplitterAgrees checks that the pieces of a Splitter parse to what they
// are in the document.
func TestSplitterAgrees(t *testing.T) {
	const document = "// x\n a: Host(/[;/]\\/;/) -> <shunt>; ;\n\tb: P(`;`, \"\\\";\") -> <shunt> // ;\n ;c: * -> <shunt>"
	want, err := Parse("f", document)
	if err != nil || len(want) != 3 {
		t.Fatalf("%d routes: %v", len(want), err)
	}
	var got []*Route
	s := NewSplitter(strings.NewReader(document))
	for s.Next() {
		line, col := s.Place()
		routes, err := ParseAt(Pos{"f", line, col}, string(s.Definition()))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, routes...)
	}
	if d := cmp.Diff(want, got); s.Err() != nil || d != "" {
		t.Errorf("%v, -want +got:\n%s", s.Err(), d)
	}
}

func TestParseFilters(t *testing.T) {
	for _, c := range []struct {
		text string
		want []Call
		err  string
	}{
		{"", nil, ""},
		{" \n// x", nil, ""},
		{"a()", []Call{call("a")}, ""},
		{"a(1) -> b(`x`)", []Call{call("a", num(1)), call("b", str("x"))}, ""},
		{"a() ->", nil, `1:7: found the end of the text, expected a filter: leave the last "->" away`},
		{"a() b()", nil, `1:5: found "b", expected "->": filters are joined with "->"`},
		{"a();", nil, `1:4: found ";", expected "->" or the end: filters have no ";" at their end`},
		{"a() -> <shunt>", nil, `1:8: found "<shunt>", expected a filter: only filters stand here, neither predicates nor a backend`},
		{"* -> a()", nil, `1:1: found "*", expected a filter: only filters stand here, neither predicates nor a backend`},
		{"a() - b()", nil, `1:5: found "-", expected "->": the arrow is "->"`},
		{"a() -> (", nil, `1:8: found "(", expected a filter`},
		{"a() | b()", nil, `1:5: found "|", expected "->": filters are joined with "->", not "|"`},
		{"a(1,) -> b('x')", nil, "1:4: found \",\", expected \")\": leave the last comma away\n1:12: found ', expected '\"': strings are written in double quotes or in backticks"},
		{"a", nil, `1:1: found "a", expected a filter or a backend: arguments stand in parentheses: a()`},
		{"a(\"", nil, `1:3: found " without an end, expected another ": the closing quote is missing`},
		{"a(\"\nb: f()", nil, `1:3: found " without an end, expected another ": the closing quote is missing`},
	} {
		got, err := ParseFilters(c.text)
		check(t, c.text, c.want, got, c.err, err)
	}
}

func TestParsePredicates(t *testing.T) {
	for _, c := range []struct {
		text string
		want []Call
		err  string
	}{
		{"", nil, ""},
		{"// x", nil, ""},
		{"*", nil, ""},
		{"* && Any()", nil, ""},
		{"A() && * && B(1)", []Call{call("A"), call("B", num(1))}, ""},
		{`Path("/a") && Path("/b")`, []Call{call("Path", str("/a")), call("Path", str("/b"))}, ""},
		{"Path(1)", nil, `1:1: found Path with the number 1, expected Path("/path"): write the number in quotes`},
		{"A() &&", nil, `1:7: found the end of the text, expected a predicate`},
		{"A() B()", nil, `1:5: found "B", expected "&&" or the end: predicates are joined with "&&", filters with "->"`},
		{"A() -> b()", nil, `1:5: found "->", expected "&&" or the end`},
		{"/x/", nil, `1:1: found the regular expression "x", expected a predicate: a path is written Path("/x")`},
	} {
		got, err := ParsePredicates(c.text)
		check(t, c.text, c.want, got, c.err, err)
	}
}

func check(t *testing.T, text string, want, got []Call, wantErr string, err error) {
	t.Helper()
	message := ""
	if err != nil {
		message = errorList(t, err).Error()
	}
	if d := cmp.Diff(wantErr, message); d != "" {
		t.Errorf("%q: error: -want +got:\n%s", text, d)
	}
	if d := cmp.Diff(want, got, ignorePos); d != "" {
		t.Errorf("%q: -want +got:\n%s", text, d)
	}
}

// TestSlicesAreApart checks that adding to a part of a route leaves the others
// alone: they share memory.
func TestSlicesAreApart(t *testing.T) {
	routes, err := Parse("", `a: P(1) && Q(2) -> f(3) -> g(4) -> <shunt>; b: P(5) -> <shunt>`)
	if err != nil {
		t.Fatal(err)
	}
	before := Print(routes...)
	r := routes[0]
	_ = append(r.Predicates, call("X"))
	_ = append(r.Filters, call("X"))
	for _, c := range append(r.Predicates[:2:2], r.Filters...) {
		_ = append(c.Args, num(9))
	}
	if after := Print(routes...); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
}

// TestAbuse feeds documents that make a parser slow which reads the same text
// again and again: the test would not end in time.
func TestAbuse(t *testing.T) {
	for name, text := range map[string]string{
		"open classes":       strings.Repeat("a: f(/[;\n", 20_000),
		"swallowed":          strings.Repeat("a: f(\";\nb: f(`;\nc: f(/[;\n", 20_000),
		"swallowed and open": strings.Repeat("a: f(\"\n;\na: x\") /[\n;\n", 50_000),
		"open quotes":        strings.Repeat("a:'“;\n", 40_000),
		"nothing but ids":    strings.Repeat("a;", 200_000),
		"one long name":      strings.Repeat("a", 800_000) + "> <" + strings.Repeat("b", 800_000) + ">",
		"headers":            "* && " + strings.Repeat(`Header("a") && `, 40_000) + "* -> <shunt>",
		"comments":           "a " + strings.Repeat("//\n", 200_000) + strings.Repeat("b //\n", 100_000),
		"colons":             strings.Repeat("a: b\n", 100_000),
		"zones":              `* -> <"http://a?` + strings.Repeat("zone=%zz&", 100_000) + `">`,
		"misjoined":          "* -> " + strings.Repeat("f() | ", 60_000),
		"foreign strings":    strings.Repeat("“", 100_000),
		"dots and dashes":    strings.Repeat("1.-", 100_000),
		"escapes":            `"` + strings.Repeat(`\`, 400_000),
		"column of blanks":   strings.Repeat(" ", 100_000) + "a: f(\"" + strings.Repeat(";\n", 100_000),
	} {
		_, err := Parse("", text)
		list := errorList(t, err)
		if len(list) == 0 || len(list) > maxErrors+1 {
			t.Errorf("%s: %d errors", name, len(list))
		}
		for _, e := range list {
			if len(e.Error()) > 1000 {
				t.Errorf("%s: an error of %d bytes", name, len(e.Error()))
				break
			}
		}
	}
}

func TestTooManyErrors(t *testing.T) {
	_, err := Parse("f", strings.Repeat("a;", maxErrors+23))
	list := errorList(t, err)
	if got, want := list[len(list)-1].Found, "23 more errors"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if message := err.Error(); !strings.HasSuffix(message, "and 9991 more") || strings.Count(message, "\n") != maxShown {
		t.Errorf("got %s", message)
	}
}

func TestTooLong(t *testing.T) {
	text := strings.Repeat(" ", MaxDocument+1)
	for _, parse := range []func() error{
		func() error { _, err := Parse("f", text); return err },
		func() error { _, err := ParseFilters(text); return err },
		func() error { _, err := ParsePredicates(text); return err },
	} {
		if list := errorList(t, parse()); len(list) != 1 || !strings.Contains(list[0].Expected, "268435456") {
			t.Errorf("got %v", list)
		}
	}
	if newParser(Pos{}, text[:MaxDocument]).tooLong() {
		t.Error("the longest document is refused")
	}
}
