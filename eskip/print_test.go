package eskip

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrint(t *testing.T) {
	one := &Route{ID: "one", Predicates: []Call{call("P", str("x")), call("Q")}, Filters: []Call{call("f", num(1)), call("g")}, Backend: Backend{Type: Shunt}}
	two := &Route{ID: "two", Backend: Backend{Address: "http://a"}}
	lone := &Route{Filters: one.Filters, Backend: two.Backend}
	for _, c := range []struct {
		name   string
		o      Printer
		routes []*Route
		want   string
	}{
		{"nothing", Printer{}, nil, ""},
		{"lone", Printer{}, []*Route{lone}, `* -> f(1) -> g() -> "http://a"`},
		{"one", Printer{}, []*Route{two}, `two: * -> "http://a";`},
		{"list", Printer{}, []*Route{one, two}, "one: P(\"x\") && Q() -> f(1) -> g() -> <shunt>;\ntwo: * -> \"http://a\";"},
		{"pretty", Printer{Pretty: true}, []*Route{one, two}, "one: P(\"x\") && Q()\n  -> f(1)\n  -> g()\n  -> <shunt>;\n\ntwo: *\n  -> \"http://a\";"},
		{"indent", Printer{Pretty: true, Indent: "\t"}, []*Route{lone}, "*\n\t-> f(1)\n\t-> g()\n\t-> \"http://a\""},
	} {
		if d := cmp.Diff(c.want, string(c.o.Append(nil, c.routes...))); d != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, d)
		}
		var b bytes.Buffer
		if err := c.o.Print(&b, c.routes...); err != nil || b.String() != c.want {
			t.Errorf("%s: got %v and %q, want %q", c.name, err, &b, c.want)
		}
	}
}

// TestPrintInPieces checks that Print to a writer gives what Append gives, and
// the writer's error.
func TestPrintInPieces(t *testing.T) {
	routes := make([]*Route, 5000)
	for i := range routes {
		routes[i] = &Route{ID: "r" + strconv.Itoa(i), Filters: []Call{call("f", str(strings.Repeat("x", i%100)))}}
	}
	for _, o := range []Printer{{}, {Pretty: true}} {
		var b countingWriter
		if err := o.Print(&b, routes...); err != nil || b.writes < 3 || b.String() != string(o.Append(nil, routes...)) {
			t.Errorf("%d writes: %v", b.writes, err)
		}
	}
	broken := countingWriter{err: errors.New("disk full")}
	if err := (Printer{}).Print(&broken, routes...); !errors.Is(err, broken.err) || broken.writes != 1 {
		t.Errorf("%d writes: %v", broken.writes, err)
	}
}

type countingWriter struct {
	bytes.Buffer
	writes int
	err    error
}

func (w *countingWriter) Write(p []byte) (int, error) {
	if w.writes++; w.err != nil {
		return 0, w.err
	}
	return w.Buffer.Write(p)
}

func TestStrings(t *testing.T) {
	for want, got := range map[string]string{
		`f()`:                         call("f").String(),
		`f("a", 1)`:                   call("f", str("a"), num(1)).String(),
		`"\a\b\t\n\v\f"`:              str("\a\b\t\n\v\f").String(),
		`"\r\\\"/` + "`'\x00\xff\"":   str("\r\\\"/`'\x00\xff").String(),
		`"\\d"`:                       str(`\d`).String(),
		"0.000001":                    num(1e-6).String(),
		"1234567.5":                   num(1234567.5).String(),
		"1" + strings.Repeat("0", 22): num(1e22).String(),
		"-0.25":                       num(-.25).String(),
		`<shunt>`:                     Backend{Type: Shunt}.String(),
		`<loopback>`:                  Backend{Type: Loopback}.String(),
		`<dynamic>`:                   Backend{Type: Dynamic}.String(),
		`<forward>`:                   Backend{Type: Forward}.String(),
		`"http://a/\"\\"`:             Backend{Address: `http://a/"\`}.String(),
		`<"http://a?zone=x", "http://b?q&zone=%26">`: Backend{Type: LB, Endpoints: []Endpoint{{"http://a", "x"}, {"http://b?q", "&"}}}.String(),
		`<random, "http://a">`:                       Backend{Type: LB, Algorithm: "random", Endpoints: []Endpoint{{"http://a", ""}}}.String(),
		`P() && Q() -> <shunt>`:                      (&Route{ID: "x", Predicates: []Call{call("P"), call("Any"), call("Q")}, Backend: Backend{Type: Shunt}}).String(),
		`* -> <shunt> `:                              (&Route{Predicates: []Call{call("*")}, Backend: Backend{Type: Shunt}}).String() + " ",
		`lb network unknown`:                         LB.String() + " " + Network.String() + " " + BackendType(77).String(),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestRoundTrip prints and reads random routes of everything that the model
// holds.
func TestRoundTrip(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	for range 200 {
		routes := make([]*Route, g.IntN(20))
		for i := range routes {
			routes[i] = g.route("r" + strconv.Itoa(i))
			if err := Check(routes[i]); err != nil {
				t.Fatalf("%s: %v", routes[i], err)
			}
		}
		checkRoundTrip(t, routes)
	}
}

// checkRoundTrip checks that routes survive printing in every layout.
func checkRoundTrip(t *testing.T, routes []*Route) {
	t.Helper()
	for _, o := range []Printer{{}, {Pretty: true}, {Pretty: true, Indent: "\t"}} {
		text := string(o.Append(nil, routes...))
		again, err := Parse("", text)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		if len(again) != len(routes) {
			t.Fatalf("got %d routes, want %d, from:\n%s", len(again), len(routes), text)
		}
		for i := range routes {
			if !Equal(routes[i], again[i]) {
				t.Fatalf("route %d changed: %s", i, cmp.Diff(routes[i], again[i], ignorePos))
			}
		}
		if plainNumbers(text) != text {
			t.Fatalf("the peer's grammar has no exponents:\n%s", text)
		}
	}
}

// plainNumbers leaves away what an exponent would be outside of strings.
func plainNumbers(text string) string {
	l := lexer{text: text, line: 1}
	out := []byte(text)
	for l.next(); l.tok.kind != tokEOF; l.next() {
		if l.tok.kind == tokNumber && strings.ContainsAny(text[l.tok.from:l.tok.to], "eE") {
			out = out[:l.tok.from]
			break
		}
	}
	return string(out)
}

type generator struct{ *rand.Rand }

func (g generator) route(id string) *Route {
	return &Route{ID: id, Predicates: g.calls("P"), Filters: g.calls("f"), Backend: g.backend()}
}

func (g generator) calls(prefix string) []Call {
	var out []Call
	for range g.IntN(4) {
		c := Call{Name: prefix + "_" + strconv.Itoa(g.IntN(5))}
		for range g.IntN(4) {
			c.Args = append(c.Args, g.arg())
		}
		out = append(out, c)
	}
	return out
}

func (g generator) arg() Arg {
	switch g.IntN(4) {
	case 0:
		return Number(float64(g.IntN(2000) - 1000))
	case 1:
		for {
			if n := math.Float64frombits(g.Uint64()); !math.IsNaN(n) && !math.IsInf(n, 0) {
				return Number(n)
			}
		}
	}
	return String(g.text())
}

func (g generator) text() string {
	const nasty = "\"\\`/[]';\n\r\t\a\b\f\v\x00\x7f\x80\x85\xa0\xff->&*<>(){},: abc019\u00a0→"
	b := make([]byte, g.IntN(12))
	for i := range b {
		b[i] = nasty[g.IntN(len(nasty))]
	}
	return string(b)
}

func (g generator) backend() Backend {
	b := Backend{Type: BackendType(g.IntN(6))}
	switch b.Type {
	case Network:
		b.Address = g.address()
	case LB:
		b.Algorithm = []string{"", "random", "shunt", "anything"}[g.IntN(4)]
		for range 1 + g.IntN(3) {
			b.Endpoints = append(b.Endpoints, Endpoint{Address: g.address(), Zone: g.text()})
		}
	}
	return b
}

func (g generator) address() string {
	return "http://host" + strconv.Itoa(g.IntN(9)) + []string{"", ":80", `/"q"\`, "/`x`?a=\"b\"", "\"\\\xff"}[g.IntN(5)]
}
