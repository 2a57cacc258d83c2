package eskip

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds adds the documents of the error cases and some that are fine.
func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/errors/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		document, _, _ := strings.Cut(string(data), errorsSeparator)
		f.Add(document)
	}
	f.Add("// x\na: Path(\"/a\") && Host(/[/]\\./) && * -> setPath(`/b`) -> status(1e3) -> <random, \"http://a?zone=x\", 'http://b'>;\n" +
		"b: Weight(-.5) -> <forward>;\nc: * -> \"http://a/\\\"\";")
	f.Add("* -> <loopback>")
	f.Add("a() -> b(1, \"2\", /3/)")
	f.Add("A(,1) && *")
}

func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		routes, err := Parse("f", text)
		checkPlaces(t, text, err)
		for _, r := range routes {
			if err := Check(r); err != nil {
				t.Fatalf("%s: %v", r, err)
			}
		}
		if len(routes) != 0 && (routes[0].ID != "" || len(routes) == 1) {
			checkRoundTrip(t, routes)
		}
		for _, r := range routes {
			lone := *r
			lone.ID = ""
			checkRoundTrip(t, []*Route{&lone})
		}
		checkPieces(t, text, routes, err)
	})
}

// checkPlaces checks that every fault lies inside the text or right behind it,
// and that they are sorted.
func checkPlaces(t *testing.T, text string, err error) {
	t.Helper()
	lines := strings.Split(strings.TrimPrefix(text, byteOrderMark), "\n")
	last := Pos{}
	for _, e := range errorList(t, err) {
		if e.Line < 1 || int(e.Line) > len(lines) || e.Col < 1 || int(e.Col) > len(lines[e.Line-1])+1 {
			t.Fatalf("outside of the document: %v", e)
		}
		if comparePos(last, e.Pos) > 0 {
			t.Fatalf("not sorted: %v", e)
		}
		if last = e.Pos; e.Found == "" || e.Expected == "" || !utf8.ValidString(e.Hint) {
			t.Fatalf("incomplete: %+v", e)
		}
	}
}

// checkPieces checks that a document without faults parses to the same when a
// Splitter cut it.
func checkPieces(t *testing.T, text string, want []*Route, err error) {
	t.Helper()
	if err != nil || strings.HasPrefix(text, byteOrderMark) {
		return
	}
	s, n := NewSplitter(strings.NewReader(text)), 0
	for ; s.Next(); n++ {
		got, err := Parse("f", string(s.Definition()))
		if err != nil || len(got) != 1 || n >= len(want) || !Equal(got[0], want[n]) {
			t.Fatalf("piece %d, %q: %v: %v", n, s.Definition(), got, err)
		}
	}
	if s.Err() != nil || n != len(want) {
		t.Fatalf("%d pieces, want %d: %v", n, len(want), s.Err())
	}
}

func FuzzParseFilters(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		filters, err := ParseFilters(text)
		checkPlaces(t, text, err)
		if len(filters) > 0 {
			checkRoundTrip(t, []*Route{{Filters: filters, Backend: Backend{Type: Shunt}}})
		}
		predicates, err := ParsePredicates(text)
		checkPlaces(t, text, err)
		r := &Route{Predicates: predicates, Backend: Backend{Type: Forward}}
		if err == nil && Check(r) == nil {
			checkRoundTrip(t, []*Route{r})
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"id":"x","predicates":[{"name":"P","args":["<&>",1.5]},{"name":"Q","args":[]}],"filters":[{"name":"f","args":[]}],"backend":{"type":"network","address":"http://a"}}`)
	f.Add(`{"predicates":[],"filters":[],"backend":{"type":"lb","algorithm":"random","endpoints":["http://a?zone=z","http://b"]}}`)
	f.Add(`{"id":null,"backend":{"type":"shunt"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var r Route
		if r.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		checkJSON(t, &r)
		checkRoundTrip(t, []*Route{&r})
	})
}
