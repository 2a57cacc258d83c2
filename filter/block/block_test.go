package block_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"fairlead.dev/fairlead/filter"
	_ "fairlead.dev/fairlead/filter/block"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// through sends body through the filter and returns what the backend got of it.
func through(t testing.TB, f filter.Filter, body io.Reader) (string, error) {
	t.Helper()
	x := filtertest.New(t)
	x.Request.Method = "POST"
	x.Request.SetBody(body, message.Unknown)
	x.RunRequest(f)
	if x.Served() {
		t.Fatal("it was answered before its body came")
	}
	b, err := io.ReadAll(x.Request.Body)
	return string(b), err
}

func blocked(err error) bool {
	var be *filter.BodyError
	return errors.As(err, &be) && be.Reason == message.ReasonBodyBlocked
}

func TestBlock(t *testing.T) {
	for _, tt := range []struct {
		call    []any
		body    string
		blocked bool
		passed  string // when blocked: what was passed on at most
	}{
		{[]any{"blockContent", "evil"}, "all is well", false, ""},
		{[]any{"blockContent", "evil"}, "some evil here", true, "some "},
		{[]any{"blockContent", "evil"}, "evil", true, ""},
		{[]any{"blockContent", "evil"}, "evievil", true, "evi"},
		{[]any{"blockContent", "evil"}, "ends with evi", false, ""},
		{[]any{"blockContent", "evil"}, "EVIL", false, ""},
		{[]any{"blockContent", "evil"}, "", false, ""},
		{[]any{"blockContent", "a"}, "bbba", true, "bbb"},
		{[]any{"blockContent", "aaab"}, "aaaaaaab", true, "aaaa"},
		{[]any{"blockContent", "ababac"}, "abababac", true, "ab"},
		{[]any{"blockContent", "aabaaac"}, "aabaabaaac", true, "aab"},
		{[]any{"blockContent", "one", "two"}, "a two", true, "a "},
		{[]any{"blockContent", "one", "two"}, "a on tw", false, ""},
		{[]any{"blockContent", "abcdef", "cd"}, "abcde", true, "ab"},
		{[]any{"blockContentHex", "000a"}, "x\x00\x0ay", true, "x"},
		{[]any{"blockContentHex", "000a"}, "x\x00y\x0a", false, ""},
		{[]any{"blockContentHex", "DEADbeef"}, "\xde\xad\xbe\xef", true, ""},
	} {
		f := filtertest.Build(t, tt.call[0].(string), tt.call[1:]...)
		for name, cut := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader,
			"halves": iotest.HalfReader, "with its end": iotest.DataErrReader,
		} {
			got, err := through(t, f, cut(strings.NewReader(tt.body)))
			switch {
			case !tt.blocked && (err != nil || got != tt.body):
				t.Errorf("%v, %q in %s: got %q, %v", tt.call, tt.body, name, got, err)
			case tt.blocked && (!blocked(err) || !strings.HasPrefix(tt.passed, got)):
				t.Errorf("%v, %q in %s: got %q, %v", tt.call, tt.body, name, got, err)
			}
		}
	}
}

// whole is a body that has arrived.
type whole struct {
	*bytes.Reader
	b []byte
}

func (w *whole) Whole() ([]byte, bool)    { return w.b, true }
func (w *whole) Next(int) ([]byte, error) { return w.b, nil }
func (w *whole) Arrived() ([]byte, error) { return w.b, nil }
func (w *whole) Consume(int)              {}
func (w *whole) Left() int64              { return int64(len(w.b)) }
func (w *whole) Ends(n int) bool          { return n == len(w.b) }

// A body that is here is answered, or passes as it is, before anything is sent.
func TestArrived(t *testing.T) {
	f := filtertest.Build(t, "blockContent", "evil")
	for body, refused := range map[string]bool{"some evil here": true, "all is well": false} {
		x := filtertest.New(t)
		w := &whole{bytes.NewReader([]byte(body)), []byte(body)}
		x.Request.SetBody(w, int64(len(body)))
		x.Run(f)
		if x.Forwarded == refused || refused && (x.Response.Status != 400 || x.Refused() != message.ReasonBodyBlocked) {
			t.Errorf("%q: forwarded %v, %+v", body, x.Forwarded, x.Response)
		}
		if !refused && x.Request.Body != io.Reader(w) {
			t.Errorf("%q: the body was replaced", body)
		}
	}
}

func TestNoBody(t *testing.T) {
	x := filtertest.New(t)
	x.Run(filtertest.Build(t, "blockContent", "evil"))
	if !x.Forwarded || x.Request.Body != nil {
		t.Error("a request without a body was changed")
	}
}

// What cannot be a beginning does not wait.
func TestStreams(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	x := filtertest.New(t)
	x.Request.SetBody(r, message.Unknown)
	x.RunRequest(filtertest.Build(t, "blockContent", "evil"))
	go func() { _, _ = w.Write([]byte("event 1\nev")) }()
	p := make([]byte, 100)
	if n, err := io.ReadAtLeast(x.Request.Body, p, 8); n != 8 || err != nil {
		t.Errorf("got %q, %v", p[:n], err)
	}
	go func() { w.CloseWithError(io.ErrUnexpectedEOF) }()
	if n, err := x.Request.Body.Read(p); n != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v: what was held back must not look like the end", p[:n], err)
	}
}

func TestLongTexts(t *testing.T) {
	long := strings.Repeat("ab", 50_000)
	f := filtertest.Build(t, "blockContent", long+"c")
	body := long + long + "c"
	got, err := through(t, f, iotest.HalfReader(strings.NewReader(body)))
	if !blocked(err) || !strings.HasPrefix(body, got) || len(got) > len(long) {
		t.Errorf("passed %d bytes, %v", len(got), err)
	}
	got, err = through(t, f, iotest.HalfReader(strings.NewReader(long+long)))
	if err != nil || got != long+long {
		t.Errorf("passed %d bytes, %v", len(got), err)
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{"found 0 arguments", []any{"blockContent"}},
		{"argument 2 (text): found nothing", []any{"blockContent", "a", ""}},
		{"argument 1 (text)", []any{"blockContent", 5}},
		{"argument 2 (bytes): found \"0g\", expected pairs of hexadecimal digits", []any{"blockContentHex", "00", "0g"}},
		{"argument 1 (bytes): found \"0\", expected pairs", []any{"blockContentHex", "0"}},
		{"expected at most the 2097152 of -max-matcher-buffer-size", []any{"blockContent", strings.Repeat("x", 2<<20+1)}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestMaxBuffer(t *testing.T) {
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-max-matcher-buffer-size=4"}); err != nil {
		t.Fatal(err)
	}
	filtertest.BuildEnv(t, filter.NewEnv(set, nil), "blockContent", "evil")
}

// pieces reads s in pieces whose lengths come from cuts.
type pieces struct {
	s    string
	cuts []byte
	i    int
}

func (p *pieces) Read(b []byte) (int, error) {
	n := len(b)
	if len(p.cuts) > 0 {
		n = min(n, int(p.cuts[p.i%len(p.cuts)]))
		p.i++
	}
	n = copy(b[:n], p.s)
	if p.s = p.s[n:]; n == 0 && p.s == "" {
		return 0, io.EOF
	}
	return n, nil
}

// However a body is cut, a text is found when it is there, and no other byte is
// changed.
func FuzzBlock(f *testing.F) {
	f.Add("evil", "aaab", "some aaaaab", []byte{1, 2, 3})
	f.Add("abab", "ba", "ababab", []byte{1})
	f.Add("\x00", "x", "", []byte{})
	f.Fuzz(func(t *testing.T, one, two, body string, cuts []byte) {
		if one == "" || two == "" || bytes.Count(cuts, []byte{0}) == len(cuts) && len(cuts) > 0 || len(cuts) > 64 {
			t.Skip()
		}
		fl := filtertest.Build(t, "blockContent", one, two)
		got, err := through(t, fl, &pieces{s: body, cuts: cuts})
		there := strings.Contains(body, one) || strings.Contains(body, two)
		switch {
		case there && (!blocked(err) || !strings.HasPrefix(body, got) || strings.Contains(got, one) || strings.Contains(got, two)):
			t.Errorf("%q, %q in %q: passed %q, %v", one, two, body, got, err)
		case !there && (err != nil || got != body):
			t.Errorf("%q, %q not in %q: passed %q, %v", one, two, body, got, err)
		}
	})
}

func BenchmarkBlock(b *testing.B) {
	f := filtertest.Build(b, "blockContent", "<!ENTITY", "${jndi:")
	body := strings.Repeat("The quick brown fox jumps over the lazy dog. <p>$1</p>\n", 1200)
	x := filtertest.New(b)
	p := make([]byte, 16<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		x.Request.SetBody(strings.NewReader(body), message.Unknown)
		x.RunRequest(f)
		for {
			if _, err := x.Request.Body.Read(p); err != nil {
				break
			}
		}
	}
}
