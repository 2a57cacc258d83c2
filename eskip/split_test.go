package eskip_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/eskip"
)

// split cuts text and writes each piece as line:col:terminated:text.
func split(t testing.TB, r io.Reader) []string {
	t.Helper()
	var pieces []string
	s := eskip.NewSplitter(r)
	for s.Next() {
		line, col := s.Place()
		pieces = append(pieces, fmt.Sprintf("%d:%d:%t:%s", line, col, s.Terminated(), s.Definition()))
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return pieces
}

func TestSplitter(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"blanks and comments only", " \n// a; b\n\t;; // end", nil},
		{"lone", `* -> <shunt>`, []string{"1:1:false:* -> <shunt>"}},
		{"two", "a: x;\nb: y", []string{"1:1:true:a: x", "2:1:false:b: y"}},
		{"last terminated", "a;", []string{"1:1:true:a"}},
		{"empty ones", ";;a;;b;;", []string{"1:3:true:a", "1:6:true:b"}},
		{"place after a comment", "// c\n\n  a;", []string{"3:3:true:a"}},
		{"place after a piece of two lines", "a\nb; c", []string{"1:1:true:a\nb", "2:4:false:c"}},
		{"semicolon in a string", `a(";"); b`, []string{`1:1:true:a(";")`, "1:9:false:b"}},
		{"semicolon in a raw string", "a(`;`); b", []string{"1:1:true:a(`;`)", "1:9:false:b"}},
		{"escaped quote", `a("\";"); b`, []string{`1:1:true:a("\";")`, "1:11:false:b"}},
		{"escaped backslash", `a("\\"); b`, []string{`1:1:true:a("\\")`, "1:10:false:b"}},
		{"escaped raw quote", "a(`\\`;`); b", []string{"1:1:true:a(`\\`;`)", "1:11:false:b"}},
		{"semicolon in a regexp", `a(/;/); b`, []string{`1:1:true:a(/;/)`, "1:9:false:b"}},
		{"slash in a class", `a(/[/;]/); b`, []string{`1:1:true:a(/[/;]/)`, "1:12:false:b"}},
		{"escaped slash", `a(/\/;/); b`, []string{`1:1:true:a(/\/;/)`, "1:11:false:b"}},
		{"escaped bracket", `a(/\[;/); b`, []string{`1:1:true:a(/\[;/)`, "1:11:false:b"}},
		{"quote in a regexp", `a(/"/); b`, []string{`1:1:true:a(/"/)`, "1:9:false:b"}},
		{"semicolon in a comment", "a // ;\n; b", []string{"1:1:true:a // ;\n", "2:3:false:b"}},
		{"quote in a comment", "a // \"\n; b", []string{"1:1:true:a // \"\n", "2:3:false:b"}},
		{"url in a string", `a -> "http://x"; b`, []string{`1:1:true:a -> "http://x"`, "1:18:false:b"}},
		{"open string", `a("; b`, []string{`1:1:false:a("; b`}},
		{"open regexp", `a(/[/; b`, []string{`1:1:false:a(/[/; b`}},
		{"open escape", `a("\`, []string{`1:1:false:a("\`}},
		{"slash at the end", `a; /`, []string{"1:1:true:a", "1:4:false:/"}},
		{"comment at the end", `a //`, []string{"1:1:false:a //"}},
		{"odd blanks", "\x85\xa0a;\x85", []string{"1:3:true:a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, split(t, strings.NewReader(c.in))); diff != "" {
				t.Errorf("at once (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(c.want, split(t, iotest.OneByteReader(strings.NewReader(c.in)))); diff != "" {
				t.Errorf("byte by byte (-want +got)\n%s", diff)
			}
		})
	}
}

// TestSplitterLong reads definitions around the size of the buffer.
func TestSplitterLong(t *testing.T) {
	var want []string
	var doc strings.Builder
	for n := 64<<10 - 40; n < 64<<10+40; n++ {
		piece := "a(\"" + strings.Repeat(";", n) + "\")"
		want = append(want, fmt.Sprintf("%d:1:true:%s", len(want)+1, piece))
		doc.WriteString(piece + ";\n")
	}
	if diff := cmp.Diff(want, split(t, strings.NewReader(doc.String()))); diff != "" {
		t.Error(diff)
	}
}

func TestSplitterErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		in         io.Reader
	}{
		{"reader", "timeout", iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a; b")))},
		{"endless definition", "line 2, column 3 is longer", io.MultiReader(strings.NewReader("a;\n  b(\""), &endless{})},
		{"stuck", "no data", stuck{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := eskip.NewSplitter(c.in)
			for s.Next() {
			}
			if s.Err() == nil || !strings.Contains(s.Err().Error(), c.want) {
				t.Errorf("got %v, want an error with %q", s.Err(), c.want)
			}
			if s.Next() {
				t.Error("it goes on after an error")
			}
		})
	}
}

// endless delivers up to 1 GiB, more than any buffer may take.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	if e.n += len(p); e.n > 1<<30 {
		return 0, errors.New("read without a bound")
	}
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func BenchmarkSplitter(b *testing.B) {
	doc := strings.Repeat(`kube_ns__name__host_example_org____svc_0: Host("^(host[.]example[.]org[.]?(:[0-9]+)?)$") && PathSubtree("/api") -> setRequestHeader("X-A", "b") -> setPath("/x") -> <roundRobin, "http://10.2.0.1:8080", "http://10.2.0.2:8080">;`+"\n", 100_000)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	r := strings.NewReader(doc)
	s := eskip.NewSplitter(r)
	for b.Loop() {
		r.Reset(doc)
		s.Reset(r)
		for s.Next() {
		}
	}
}

// FuzzSplitter checks that the size of the reads makes no difference, that no
// piece is blank, and that the pieces stand where they say.
func FuzzSplitter(f *testing.F) {
	for _, s := range []string{"", "a: * -> <shunt>; b", "a(\"\\\";\", `;`, /[/;]\\/;/); // ;\n\n b", "\"", "/", "//", "a/", "\\;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pieces := split(t, strings.NewReader(text))
		if diff := cmp.Diff(pieces, split(t, iotest.OneByteReader(strings.NewReader(text)))); diff != "" {
			t.Fatalf("byte by byte (-at once +got)\n%s", diff)
		}
		lines := strings.SplitAfter(text, "\n")
		s := eskip.NewSplitter(strings.NewReader(text))
		for s.Next() {
			line, col := s.Place()
			rest := lines[line-1][col-1:] + strings.Join(lines[line:], "")
			if len(s.Definition()) == 0 || !strings.HasPrefix(rest, string(s.Definition())) {
				t.Fatalf("%q does not stand at %d:%d", s.Definition(), line, col)
			}
		}
	})
}
