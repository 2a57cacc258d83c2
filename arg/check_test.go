package arg

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/eskip"
)

func str(s string) eskip.Arg     { return eskip.String(s) }
func num(n float64) eskip.Arg    { return eskip.Number(n) }
func list(a ...any) []eskip.Arg  { return toArgs(a) }
func isNil(v Values, i int) bool { return v.Regexp(i) == nil }

func toArgs(values []any) []eskip.Arg {
	args := make([]eskip.Arg, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case string:
			args[i] = str(v)
		case int:
			args[i] = num(float64(v))
		case float64:
			args[i] = num(v)
		}
	}
	return args
}

func TestCheckTypes(t *testing.T) {
	for _, c := range []struct {
		name  string
		param Param
		arg   eskip.Arg
		want  string // of the error; "" means it is accepted
	}{
		{"text", Param{Type: Text}, str("a"), ""},
		{"empty text", Param{Type: Text}, str(""), ""},
		{"text is a number", Param{Type: Text}, num(1), "found the number 1, expected a string"},
		{"template", Param{Type: Template}, str("${request.host}"), ""},
		{"template is a number", Param{Type: Template}, num(1.5), "found the number 1.5, expected a template"},
		{"regexp", Param{Type: Regexp}, str("^a(b|c)*$"), ""},
		{"empty regexp", Param{Type: Regexp}, str(""), ""},
		{"regexp is broken", Param{Type: Regexp}, str("a(b"), `regular expression "a(b": missing closing ): "a(b"`},
		{"regexp of another dialect", Param{Type: Regexp}, str("a(?=b)"), "invalid or unsupported Perl syntax"},
		{"regexp is a number", Param{Type: Regexp}, num(1), "expected a regular expression"},
		{"number", Param{Type: Number}, num(-1.5), ""},
		{"number is text", Param{Type: Number}, str("1"), `found the string "1", expected a number`},
		{"number at the bounds", Param{Type: Number, Max: 1}, num(1), ""},
		{"number too big", Param{Type: Number, Max: 1}, num(1.1), "found 1.1, expected a number from 0 to 1"},
		{"number too small", Param{Type: Number, Max: 1}, num(-0.1), "found -0.1, expected a number from 0 to 1"},
		{"number is none", Param{Type: Number, Max: 1}, num(math.NaN()), "found NaN, expected a number"},
		{"number is infinite", Param{Type: Number}, num(math.Inf(-1)), "found -Inf, expected a number"},
		{"int", Param{Type: Int}, num(-3), ""},
		{"int with a fraction", Param{Type: Int}, num(1.5), "found 1.5, expected a whole number"},
		{"int is text", Param{Type: Int}, str("1"), "expected a whole number"},
		{"int out of bounds", Param{Type: Int, Min: 100, Max: 599}, num(99), "from 100 to 599"},
		{"int too big for any type", Param{Type: Int}, num(1e300), "between -2^53 and 2^53"},
		{"duration", Param{Type: Duration}, str("1.5s"), ""},
		{"duration as a number", Param{Type: Duration}, num(100), ""},
		{"duration without a unit", Param{Type: Duration}, str("100"), `found "100", expected a duration such as "1.5s"`},
		{"duration out of range", Param{Type: Duration}, num(1e300), "out of range"},
		{"duration just out of range", Param{Type: Duration, Unit: 1}, num(1 << 63), "out of range"},
		{"duration not a number", Param{Type: Duration}, num(math.NaN()), "out of range"},
		{"bool", Param{Type: Bool}, str("true"), ""},
		{"bool in capitals", Param{Type: Bool}, str("True"), `found "True", expected "true" or "false"`},
		{"bool is a number", Param{Type: Bool}, num(1), `expected "true" or "false"`},
		{"address", Param{Type: CIDR}, str("::1"), ""},
		{"network", Param{Type: CIDR}, str("10.0.0.0/8"), ""},
		{"network too narrow", Param{Type: CIDR}, str("10.0.0.0/33"), `found "10.0.0.0/33", expected an IP address or a network`},
		{"network is a host", Param{Type: CIDR}, str("example.org"), "expected an IP address or a network"},
		{"enum", Param{Type: Enum, OneOf: []string{"http", "https"}}, str("https"), ""},
		{"enum misspelt", Param{Type: Enum, OneOf: []string{"http", "https"}}, str("HTPPS"), `found "HTPPS", did you mean "https"?`},
		{"enum unknown", Param{Type: Enum, OneOf: []string{"http", "https"}}, str("gopher"), `found "gopher", expected one of ["http" "https"]`},
		{"any text", Param{Type: Any}, str("a"), ""},
		{"any number", Param{Type: Any}, num(1), ""},
		{"long text is cut", Param{Type: Bool}, str(strings.Repeat("a", 1<<20)), `aaa"..., expected`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.param.Name = "x"
			_, err := Check([]Param{c.param}, []eskip.Arg{c.arg})
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("got the error %v, want one with %q", err, c.want)
			case c.want != "" && !strings.HasPrefix(err.Error(), "argument 1 (x): "):
				t.Fatalf("the error does not say which argument: %v", err)
			case c.want != "" && len(err.Error()) > 500:
				t.Fatalf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestCheckCount(t *testing.T) {
	req, opt := Param{Name: "a"}, Param{Name: "b", Optional: true}
	many, none := Param{Name: "c", Many: true}, Param{Name: "d", Many: true, Optional: true}
	for _, c := range []struct {
		params []Param
		args   []eskip.Arg
		want   string
	}{
		{nil, nil, ""},
		{nil, list("x"), "found 1 argument, expected ()"},
		{[]Param{req}, nil, "found 0 arguments, expected (a)"},
		{[]Param{req}, list("x"), ""},
		{[]Param{req}, list("x", "y"), "found 2 arguments, expected (a)"},
		{[]Param{req, opt}, nil, "expected (a[, b])"},
		{[]Param{req, opt}, list("x"), ""},
		{[]Param{req, opt}, list("x", "y"), ""},
		{[]Param{req, opt}, list("x", "y", "z"), "found 3 arguments, expected (a[, b])"},
		{[]Param{many}, nil, "expected (c...)"},
		{[]Param{many}, list("x", "y", "z"), ""},
		{[]Param{none}, nil, ""},
		{[]Param{req, none}, list("x", "y", "z"), ""},
		{[]Param{req, none}, nil, "expected (a[, d...])"},
	} {
		t.Run(Signature(c.params), func(t *testing.T) {
			v, err := Check(c.params, c.args)
			if c.want == "" && (err != nil || v.Len() != len(c.args)) {
				t.Fatalf("got %d values, %v", v.Len(), err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got the error %v, want one with %q", err, c.want)
			}
		})
	}
}

// The arguments after the last parameter, when it takes many, are of its type.
func TestCheckMany(t *testing.T) {
	params := []Param{{Name: "name"}, {Name: "network", Type: CIDR, Many: true}}
	if _, err := Check(params, list("x", "10.0.0.1", "10.0.0.2", "::1")); err != nil {
		t.Error(err)
	}
	_, err := Check(params, list("x", "10.0.0.1", "10.0.0.2", "y"))
	if err == nil || !strings.HasPrefix(err.Error(), "argument 4 (network): ") {
		t.Errorf("got the error %v", err)
	}
}

func TestSignature(t *testing.T) {
	for _, c := range []struct {
		params []Param
		want   string
	}{
		{nil, "()"},
		{[]Param{{Name: "a"}}, "(a)"},
		{[]Param{{Name: "a"}, {Name: "b"}}, "(a, b)"},
		{[]Param{{Name: "a", Optional: true}}, "([a])"},
		{[]Param{{Name: "a"}, {Name: "b", Optional: true}, {Name: "c", Optional: true}}, "(a[, b[, c]])"},
		{[]Param{{Name: "a"}, {Name: "b", Many: true}}, "(a, b...)"},
		{[]Param{{Name: "a", Many: true, Optional: true}}, "([a...])"},
	} {
		if got := Signature(c.params); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestValues(t *testing.T) {
	params := []Param{
		{Name: "text"}, {Name: "number", Type: Number}, {Name: "int", Type: Int},
		{Name: "ms", Type: Duration}, {Name: "s", Type: Duration, Unit: time.Second}, {Name: "d", Type: Duration},
		{Name: "bool", Type: Bool}, {Name: "regexp", Type: Regexp}, {Name: "any", Type: Any},
		{Name: "rest", Type: Any, Many: true, Optional: true},
	}
	v, err := Check(params, list("t", 1.5, 7, 100, 1.5, "1m", "true", "^a+$", 0.000001, "b", 1e21))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, got, want any }{
		{"text", v.Text(0), "t"},
		{"number", v.Number(1), 1.5},
		{"text of a number", v.Text(1), ""},
		{"int", v.Int(2), 7},
		{"milliseconds", v.Duration(3), 100 * time.Millisecond},
		{"seconds", v.Duration(4), 1500 * time.Millisecond},
		{"duration", v.Duration(5), time.Minute},
		{"bool", v.Bool(6), true},
		{"regexp", v.Regexp(7).MatchString("aa"), true},
		{"text of a regexp", v.Text(7), "^a+$"},
		{"regexp of a text", isNil(v, 0), true},
		{"any", v.Text(8), "0.000001"},
		{"any number", v.Number(8), 0.000001},
		{"rest", strings.Join(v.Texts(9), " "), "b 1000000000000000000000"},
		{"has", v.Has(10), true},
		{"has not", v.Has(11), false},
		{"length", v.Len(), 11},
		{"raw", v.Raw()[0], str("t")},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
}

// What was not given is zero.
func TestValuesMissing(t *testing.T) {
	var v Values
	if v.Text(0) != "" || v.Number(0) != 0 || v.Int(0) != 0 || v.Bool(0) || v.Duration(0) != 0 ||
		!isNil(v, 0) || v.Texts(0) != nil || v.Has(0) || v.Len() != 0 {
		t.Error("a missing argument is not zero")
	}
}

func TestTypeString(t *testing.T) {
	var seen []string
	for typ := Text; typ <= Any; typ++ {
		s := typ.String()
		if s == "" || slices.Contains(seen, s) {
			t.Errorf("type %d is called %q", typ, s)
		}
		seen = append(seen, s)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(uint8(Regexp), "^a(b|c)*$", 0.0, false)
	f.Add(uint8(CIDR), "10.0.0.0/8", 0.0, false)
	f.Add(uint8(Duration), "1.5s", 0.0, false)
	f.Add(uint8(Int), "", 1e300, true)
	f.Fuzz(func(t *testing.T, typ uint8, text string, number float64, isNumber bool) {
		typ %= uint8(Any) + 1
		a := str(text)
		if isNumber {
			a = num(number)
		}
		v, err := Check([]Param{{Name: "x", Type: Type(typ), OneOf: []string{"one", "two"}}}, []eskip.Arg{a})
		if err != nil {
			if len(err.Error()) > 2000 {
				t.Fatalf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		switch Type(typ) {
		case Regexp:
			if v.Regexp(0) == nil {
				t.Fatalf("%q was accepted and does not compile", text)
			}
		case Int:
			if float64(v.Int(0)) != number {
				t.Fatalf("%v became %d", number, v.Int(0))
			}
		case Duration:
			if isNumber && (number > 0) != (v.Duration(0) > 0) && math.Abs(number) >= 1 {
				t.Fatalf("%v became %v", number, v.Duration(0))
			}
		}
	})
}
