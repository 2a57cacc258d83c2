package source_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/source"
)

func read(t testing.TB, d *source.Document, text string) source.Set {
	t.Helper()
	set, err := d.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func ids(set source.Set) string {
	var out []string
	for _, r := range set.Routes {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

func TestDocument(t *testing.T) {
	for _, c := range []struct {
		name, in, ids string
		problems      []string // what each problem says
		unread        string
	}{
		{name: "empty"},
		{name: "lone", in: `* -> <shunt>`, ids: ""},
		{name: "list", in: "a: * -> <shunt>;\nb: * -> <shunt>", ids: "a b"},
		{name: "byte order mark", in: "\ufeffa: * -> <shunt>;", ids: "a"},
		{name: "one broken", in: "a: * -> <shunt>;\nb: x -> <shunt>;\nc: * -> <shunt>", ids: "a c", problems: []string{`f:2:4: route "b"`}, unread: "b"},
		{name: "two faults in one", in: "a: Path(1) && Host(2) -> <shunt>", problems: []string{`route "a"`, `route "a"`}, unread: "a"},
		{name: "closing quote missing", in: "a: Path(\"/x) -> \"http://b\";\nb: Path(\"/y\") -> <shunt>;\nc: * -> <shunt>", ids: "b c", problems: []string{`f:1:`}, unread: "a http b"},
		{name: "lone and more", in: "* -> <shunt>; a: * -> <shunt>", ids: "a", problems: []string{"f:1:"}},
		{name: "second without id", in: "a: * -> <shunt>; * -> <shunt>", ids: "a", problems: []string{"f:1:18: "}},
		{name: "second without id on a line of its own", in: "a: * -> <shunt>;\n* -> <shunt>", ids: "a", problems: []string{"f:2:1: "}},
		{name: "terminated lone", in: "* -> <shunt>;", problems: []string{"f:1:13: "}},
		{name: "same id twice", in: "a: * -> <shunt>; a: * -> <shunt>", ids: "a a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := read(t, source.NewDocument("f"), c.in)
			if got := ids(set); got != c.ids {
				t.Errorf("ids %q, want %q", got, c.ids)
			}
			if len(set.Problems) != len(c.problems) {
				t.Fatalf("problems %v, want %d", set.Problems, len(c.problems))
			}
			for i, p := range set.Problems {
				if !strings.Contains(p.Err.Error(), c.problems[i]) || p.Reason != "other" {
					t.Errorf("problem %q (%s), want one with %q", p.Err, p.Reason, c.problems[i])
				}
			}
			if got := strings.Join(set.Unread, " "); got != c.unread {
				t.Errorf("unread %q, want %q", got, c.unread)
			}
		})
	}
}

func TestDocumentReuses(t *testing.T) {
	d := source.NewDocument("f")
	first := read(t, d, "a: * -> <shunt>;\nb: * -> <shunt>;\nc: * -> <shunt>;\n")
	again := read(t, d, "a: * -> <shunt>;\nb: * -> <shunt>;\nc: * -> <shunt>;\n")
	if again.Version != first.Version {
		t.Error("the same text got another version")
	}
	changed := read(t, d, "// moves\na: * -> <shunt>;\nb: Method(\"GET\") -> <shunt>;\nx: y;\nc: * -> <shunt>;\n")
	if changed.Version == first.Version {
		t.Error("another text got the same version")
	}
	for _, i := range []int{0, 2} {
		if changed.Routes[i] != first.Routes[i] {
			t.Errorf("route %s was read again", changed.Routes[i].ID)
		}
	}
	if changed.Routes[1] == first.Routes[1] {
		t.Error("route b was not read again")
	}
	if diff := cmp.Diff([]int32{2, 3, 5}, changed.Lines); diff != "" {
		t.Errorf("lines (-want +got)\n%s", diff)
	}
	moved := read(t, d, "\n// moves\na: * -> <shunt>;\nb: Method(\"GET\") -> <shunt>;\nx: y;\nc: * -> <shunt>;\n")
	if moved.Version == changed.Version {
		t.Error("a moved mistake kept its version")
	}
	if got := moved.Problems[0].Err.Error(); !strings.HasPrefix(got, "f:5:4: ") {
		t.Errorf("the moved mistake is reported at its old place: %s", got)
	}
}

func TestDocumentReadError(t *testing.T) {
	d := source.NewDocument("f")
	text := "a: * -> <shunt>;\nb: * -> <shunt>;\n"
	first := read(t, d, text)
	cut := io.MultiReader(strings.NewReader("a: * -> <shunt>;\nc"), iotest.ErrReader(errors.New("cut")))
	if _, err := d.Read(cut); err == nil || err.Error() != "cut" {
		t.Fatalf("got %v, want the error of the reader", err)
	}
	if again := read(t, d, text); again.Version != first.Version || again.Routes[1] != first.Routes[1] {
		t.Error("a reading that failed made the document forget")
	}
}

func TestDocumentBecomesGarbage(t *testing.T) {
	d := source.NewDocument("f")
	text := "a: * -> <shunt>;"
	first := read(t, d, text)
	if _, err := d.Read(strings.NewReader("<html><body>Bad Gateway</body></html>")); err == nil || !strings.Contains(err.Error(), "f:1:1: ") {
		t.Errorf("got %v, want an error with the place of the first mistake", err)
	}
	if again := read(t, d, text); again.Version != first.Version {
		t.Error("garbage made the document forget")
	}
	if set := read(t, d, "// none"); len(set.Routes)+len(set.Problems) != 0 {
		t.Errorf("an empty document gave %v", set)
	}
}

func TestDocumentTooLong(t *testing.T) {
	line := []byte("//" + strings.Repeat("x", 1<<20-3) + "\n")
	_, err := source.NewDocument("").Read(&repeat{piece: line, left: eskip.MaxDocument>>20 + 1})
	if err == nil || !strings.Contains(err.Error(), "256 MiB") {
		t.Errorf("got %v", err)
	}
}

type repeat struct {
	piece []byte
	left  int
	rest  []byte
}

func (r *repeat) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = r.piece
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestDocumentManyProblems(t *testing.T) {
	set := read(t, source.NewDocument(""), strings.Repeat("a: b;\n", 5000))
	if n := len(set.Problems); n != 1001 {
		t.Fatalf("%d problems kept, want 1001", n)
	}
	if got := set.Problems[1000].Err.Error(); !strings.Contains(got, "4000 more") {
		t.Errorf("the last is %q", got)
	}
}

// TestDocumentEdits makes random edits and compares with reading anew.
func TestDocumentEdits(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		d := source.NewDocument("f")
		var lines []string
		for i := range rnd.IntN(120) {
			lines = append(lines, fmt.Sprintf("r%d: * -> <shunt>;", i))
		}
		for range 10 {
			lines = edit(rnd, lines)
			text := strings.Join(lines, "\n")
			old, fresh := read(t, d, text), read(t, source.NewDocument("f"), text)
			if err := sameSet(old, fresh); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, text)
			}
		}
	}
}

func edit(rnd *rand.Rand, lines []string) []string {
	at := rnd.IntN(len(lines) + 1)
	end := min(at+rnd.IntN(20), len(lines))
	switch rnd.IntN(7) {
	case 0:
		return slices.Insert(lines, at, fmt.Sprintf("n%d: * -> <shunt>;", rnd.IntN(1000)))
	case 1:
		return slices.Delete(lines, at, end)
	case 2:
		return slices.Insert(lines, at, slices.Clone(lines[at:end])...)
	case 3:
		rnd.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		return lines
	case 4:
		return slices.Insert(lines, at, `broken: Path("/x) -> <shunt>;`)
	case 5:
		return slices.Insert(lines, at, "// comment", "")
	}
	return slices.DeleteFunc(lines, func(s string) bool { return strings.HasPrefix(s, "broken") })
}

// sameSet compares what an old document gave with what a fresh one gave.
func sameSet(got, want source.Set) error {
	seen := map[*eskip.Route]bool{}
	for _, r := range got.Routes {
		if seen[r] {
			return fmt.Errorf("the pointer of %q stands twice", r.ID)
		}
		seen[r] = true
	}
	if !slices.EqualFunc(got.Routes, want.Routes, eskip.Equal) {
		return fmt.Errorf("routes %s, want %s", ids(got), ids(want))
	}
	if diff := cmp.Diff(want.Lines, got.Lines); diff != "" {
		return fmt.Errorf("lines (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(want.Unread, got.Unread); diff != "" {
		return fmt.Errorf("unread (-want +got)\n%s", diff)
	}
	if len(got.Problems) != len(want.Problems) {
		return fmt.Errorf("problems %v, want %v", got.Problems, want.Problems)
	}
	for i := range got.Problems {
		if g, w := got.Problems[i].Err.Error(), want.Problems[i].Err.Error(); g != w {
			return fmt.Errorf("problem %q, want %q", g, w)
		}
	}
	return nil
}

// FuzzDocument compares with eskip.Parse: what is read piece by piece is what
// the whole text gives, and without a mistake in one there is none in the
// other.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{
		"", "* -> <shunt>", "* -> <shunt>;", "a: * -> <shunt>; b: * -> <shunt>", "\ufeff// c\na: * -> <shunt>;\n\n b: Path(\"/;\") -> \"http://x\";",
		"a: Path(`/x`) && Host(/[/;]\\//) -> f(\"\\\";\", 1) -> <roundRobin, \"http://a\", \"http://b\">;", ";;a:*-><shunt>;* -> <shunt>", "a: Path(\"/x) -> \"http://b\";\nb: * -> <shunt>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := source.NewDocument("f").Read(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := eskip.Parse("f", text)
		if err != nil {
			var list eskip.ErrorList
			if !errors.As(err, &list) {
				t.Fatalf("an error that is no list: %v", err)
			}
			twice := slices.ContainsFunc(list, func(e *eskip.Error) bool { return strings.Contains(e.Found, "second time") })
			if len(set.Problems) == 0 && !twice {
				t.Fatalf("no problem found, the whole text has %v", err)
			}
			return
		}
		if len(set.Problems) > 0 {
			t.Fatalf("found %v, the whole text has no mistake", set.Problems)
		}
		if diff := cmp.Diff(whole, set.Routes); diff != "" && len(whole)+len(set.Routes) > 0 {
			t.Fatalf("routes (-whole +pieces)\n%s", diff)
		}
	})
}
