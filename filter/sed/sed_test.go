package sed_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	_ "fairlead.dev/fairlead/filter/sed"
	"fairlead.dev/fairlead/message"
)

// edited sends body through the filter of a response.
func edited(t testing.TB, f filter.Filter, body io.Reader) (string, error) {
	t.Helper()
	x := filtertest.New(t)
	x.Backend = func(*message.Request) *message.Response {
		r := &message.Response{Status: 200}
		r.SetBody(body, message.Unknown)
		return r
	}
	x.Run(f)
	b, err := io.ReadAll(x.Response.Body)
	return string(b), err
}

var cuts = map[string]func(io.Reader) io.Reader{
	"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader,
	"halves": iotest.HalfReader, "with its end": iotest.DataErrReader,
}

func TestSed(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		call       []any
		body, want string
	}{
		{[]any{"sed", "foo", "bar"}, "", ""},
		{[]any{"sed", "foo", "bar"}, "foo", "bar"},
		{[]any{"sed", "foo", "bar"}, "fofoo foofo", "fobar barfo"},
		{[]any{"sed", "foo", ""}, "a foo b", "a  b"},
		{[]any{"sed", "foo", "$0 ${1}"}, "foo", "$0 ${1}"},
		{[]any{"sed", "f(o+)", "X"}, "foo fooo f", "X X f"},
		{[]any{"sed", "o+", "0"}, "foo fooo", "f0 f0"},
		{[]any{"sed", "o+?", "0"}, "foo", "f00"},
		{[]any{"sed", "o*", "0"}, "foo", "f0"},
		{[]any{"sed", "|a", "X"}, "banana", "bXnXnX"},
		{[]any{"sed", "", "X"}, "abc", "abc"},
		{[]any{"sed", "a.*b|a", "X"}, "a12b3 a", "X3 X"},
		{[]any{"sed", "a.*b|a", "X"}, "a12", "X12"},
		{[]any{"sed", "(?s).*", ""}, long, ""},
		{[]any{"sed", "(?s).+", "X"}, "a\nb", "X"},
		{[]any{"sed", ".+", "X"}, "a\nb\n", "X\nX\n"},
		{[]any{"sed", "^foo", "X"}, "foo foo\nfoo", "X foo\nfoo"},
		{[]any{"sed", "foo$", "X"}, "foo foo\nfoo", "foo foo\nX"},
		{[]any{"sed", "(?m)^foo$", "X"}, "foo\nfoo foo\nfoo", "X\nfoo foo\nX"},
		{[]any{"sed", `\bfoo\b`, "X"}, "foo barfoo foobar foo", "X barfoo foobar X"},
		{[]any{"sed", `\b`, "X"}, "foo", "foo"},
		{[]any{"sed", `(?i)straße`, "X"}, "STRAßE straße", "X X"},
		{[]any{"sed", `ü`, "ue"}, "über für ü", "ueber fuer ue"},
		{[]any{"sed", `[äöü]`, "?"}, "aäöüa\xc3", "a???a\xc3"},
		{[]any{"sed", `.`, "?"}, "aä\xff\xc3", "????"},
		{[]any{"sed", "x{3}", "3"}, "xxxxxxxx", "33xx"},
		{[]any{"sed", "needle", "pin"}, long + "needle" + long, long + "pin" + long},
		{[]any{"sed", "a", "12345678"}, "aaa", strings.Repeat("12345678", 3)},
		{[]any{"sedDelim", "^.", "X", "\n"}, "ab\ncd\ne", "Xb\nXd\nX"},
		{[]any{"sedDelim", "b\nc", "X", "\n"}, "ab\ncd", "ab\ncd"},
		{[]any{"sedDelim", "a+", "X", "aa"}, "aaaaa", "XXX"},
		{[]any{"sedDelim", `b--$`, "X", "--"}, "ab--b-b--ab", "aXb-Xab"},
		{[]any{"sedDelim", "foo", "bar", ""}, "foo\nfoo", "bar\nbar"},
		{[]any{"sedDelim", "(?s).+", "line\n", "\n"}, "1\n2\n\n3", "line\nline\nline\nline\n"},
		// The buffer: a match as long as it is taken, longer ones are not known.
		{[]any{"sed", "a+b", "X", 4}, "aab aaaaaab", "X aaaaX"},
		{[]any{"sed", "(?s).*", "", 4}, "123456789", ""},
		{[]any{"sed", "(?s).*", "X", 4}, "123456789", "XXX"},
		{[]any{"sed", "foo", "bar", 1}, "foo", "foo"},
		{[]any{"sed", "foo", "bar", 0}, "foo", "bar"},
		{[]any{"sed", "foo", "bar", 3, "abort"}, "foo foo", "bar bar"},
		{[]any{"sedDelim", "foo", "bar", "\n", 3, "best-effort"}, long + "foo\nfoo", long + "bar\nbar"},
	} {
		f := filtertest.Build(t, tt.call[0].(string), tt.call[1:]...)
		for name, cut := range cuts {
			if got, err := edited(t, f, cut(strings.NewReader(tt.body))); err != nil || got != tt.want {
				t.Errorf("%v, %.20q in %s: got %.100q, %v, want %.100q", tt.call, tt.body, name, got, err, tt.want)
			}
		}
	}
}

func TestAbort(t *testing.T) {
	f := filtertest.Build(t, "sed", "a+b", "X", 4, "abort")
	for name, cut := range cuts {
		got, err := edited(t, f, cut(strings.NewReader("12 ab 34 aaaaaaaaaaab")))
		var be *filter.BodyError
		if !errors.As(err, &be) || be.Reason != message.ReasonBodyTransform || !strings.HasPrefix("12 X 34 ", got) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// An expression that must look at everything behind each match costs no more than
// a bounded number of looks.
func TestWork(t *testing.T) {
	body := strings.Repeat("a", 128<<10)
	f := filtertest.Build(t, "sed", "(?s)a.*b|a", "X")
	got, err := edited(t, f, strings.NewReader(body))
	if err != nil || len(got) != len(body) || !strings.HasPrefix(got, "X") || strings.Trim(got, "aX") != "" {
		t.Errorf("got %.20q, %d bytes, %v", got, len(got), err)
	}
	_, err = edited(t, filtertest.Build(t, "sed", "(?s)a.*b|a", "X", 4<<20, "abort"), strings.NewReader(body))
	if err == nil {
		t.Error("it was not cut")
	}
}

// What cannot be a part of a match does not wait.
func TestStreams(t *testing.T) {
	for _, rx := range []string{"foo", "^foo", "fo+", "[f]oo", `\bfoo`} {
		r, w := io.Pipe()
		x := filtertest.New(t)
		x.Backend = func(*message.Request) *message.Response {
			resp := &message.Response{Status: 200}
			resp.SetBody(r, message.Unknown)
			return resp
		}
		x.Run(filtertest.Build(t, "sed", rx, "bar"))
		go func() { _, _ = w.Write([]byte("event 1\nf")) }()
		p := make([]byte, 100)
		if n, err := io.ReadAtLeast(x.Response.Body, p, 8); n != 8 && rx != "^foo" || err != nil {
			t.Errorf("%s: got %q, %v", rx, p[:n], err)
		}
		go func() { w.CloseWithError(io.ErrUnexpectedEOF) }()
		if n, err := x.Response.Body.Read(p); n != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %q, %v", rx, p[:n], err)
		}
		if err := x.Response.Body.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
		if _, err := w.Write([]byte("x")); err == nil {
			t.Errorf("%s: the source was not closed", rx)
		}
	}
}

func TestResponseHead(t *testing.T) {
	f := filtertest.Build(t, "sed", "foo", "bar")
	for _, tt := range []struct {
		name, method, body string
		status             int
		fields             []string
		want               string
		length             int64
		tag                string
	}{
		{"usual", "GET", "foo", 200, nil, "bar", message.Unknown, `W/"1"`},
		{"error", "GET", "foo", 500, nil, "bar", message.Unknown, `W/"1"`},
		{"part", "GET", "foo", 206, nil, "foo", 3, `"1"`},
		{"compressed", "GET", "foo", 200, []string{"Content-Encoding", "gzip"}, "foo", 3, `"1"`},
		{"identity", "GET", "foo", 200, []string{"Content-Encoding", "identity"}, "bar", message.Unknown, `W/"1"`},
		{"HEAD", "HEAD", "", 200, nil, "", message.Unknown, `W/"1"`},
		{"no content", "GET", "", 204, nil, "", 0, `"1"`},
		{"not modified", "GET", "", 304, nil, "", 0, `"1"`},
	} {
		x := filtertest.New(t)
		x.Request.Method = tt.method
		x.Request.Header.Add("Range", "bytes=0-1")
		x.Answer(tt.status, tt.body, append([]string{"ETag", `"1"`}, tt.fields...)...)
		x.Run(f)
		r := x.Response
		if r.ContentLength != tt.length || r.Header.Get("ETag") != tt.tag {
			t.Errorf("%s: length %d, tag %s", tt.name, r.ContentLength, r.Header.Get("ETag"))
		}
		if got := x.ResponseBody(); got != tt.want {
			t.Errorf("%s: got %q", tt.name, got)
		}
		if x.Request.Header.Has("Range") {
			t.Errorf("%s: a part was asked for", tt.name)
		}
	}
}

func TestRequest(t *testing.T) {
	for call, want := range map[string]string{"sedRequest": "bar\nbar", "sedRequestDelim": "bar\nfoo"} {
		x := filtertest.New(t)
		x.Request.Method = "POST"
		x.Request.Header.Add("Content-MD5", "x")
		x.Request.SetBody(strings.NewReader("foo\nfoo"), 7)
		if call == "sedRequest" {
			x.Run(filtertest.Build(t, call, "foo", "bar"))
		} else {
			x.Run(filtertest.Build(t, call, "foo\n", "bar\n", "\n"))
		}
		b, err := io.ReadAll(x.Request.Body)
		if string(b) != want || err != nil || x.Request.ContentLength != message.Unknown || x.Request.Header.Has("Content-MD5") {
			t.Errorf("%s: got %q, %v, %+v", call, b, err, x.Request)
		}
	}
	x := filtertest.New(t)
	x.Run(filtertest.Build(t, "sedRequest", "foo", "bar"))
	if x.Request.Body != nil || x.Request.ContentLength != 0 {
		t.Error("a request got a body")
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{"found 1 argument", []any{"sed", "a"}},
		{"argument 1 (expression)", []any{"sed", "(", "b"}},
		{"argument 1 (expression)", []any{"sed", 1, "b"}},
		{"argument 2 (replacement)", []any{"sedRequest", "a", 1}},
		{"argument 3 (buffer)", []any{"sed", "a", "b", -1}},
		{"argument 3 (buffer)", []any{"sed", "a", "b", "c"}},
		{`argument 4 (when full): found "abrot", did you mean "abort"?`, []any{"sed", "a", "b", 1, "abrot"}},
		{"argument 3 (delimiter)", []any{"sedDelim", "a", "b", 1}},
		{"argument 4 (buffer)", []any{"sedRequestDelim", "a", "b", "c", 1.5}},
		{"found 6 arguments", []any{"sedDelim", "a", "b", "c", 1, "abort", "x"}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

// pieces reads s in pieces of random lengths.
type pieces struct {
	s string
	r *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.s == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.r.IntN(9))], p.s)
	p.s = p.s[n:]
	return n, nil
}

// FuzzSed compares random cuts with one piece, and both with Go's regexp where
// that finds no empty match.
func FuzzSed(f *testing.F) {
	f.Add("fo+", "X", "", "foofoo", 0, uint64(1))
	f.Add("a.*b|a", "", "\n", "a12b\na", 5, uint64(2))
	f.Add(`\bx$|(?m)^y`, "12", "", "x\ny x", 0, uint64(3))
	f.Add(`(?i)k|ſ|[^a-z]`, "-", "é", "kKéſ\xff", 3, uint64(4))
	f.Fuzz(func(t *testing.T, rx, repl, delim, body string, most int, seed uint64) {
		re, err := regexp.Compile(rx)
		if err != nil || len(rx) > 100 || len(body) > 1000 || len(repl) > 100 || most < 0 || most > 100 {
			t.Skip()
		}
		fl := filtertest.Build(t, "sedDelim", rx, repl, delim, most)
		whole, err := edited(t, fl, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		cut, err := edited(t, fl, &pieces{body, rand.New(rand.NewPCG(seed, 0))})
		if err != nil || cut != whole {
			t.Errorf("sedDelim(%q, %q, %q, %d) of %q: %q, cut %q, %v", rx, repl, delim, most, body, whole, cut, err)
		}
		if delim != "" || most != 0 {
			return
		}
		for _, m := range re.FindAllStringIndex(body, -1) {
			if m[0] == m[1] {
				return
			}
		}
		if want := re.ReplaceAllLiteralString(body, repl); want != whole {
			t.Errorf("sed(%q, %q) of %q: %q, want %q", rx, repl, body, whole, want)
		}
	})
}

func BenchmarkSed(b *testing.B) {
	body := []byte(strings.Repeat("The quick brown fox jumps over the lazy dog. <a href=\"https://example.org/1\">1</a>\n", 800))
	p := make([]byte, 16<<10)
	for _, rx := range []string{"https://example", "no such text", "[0-9]+", `(?i)\bfox\b`} {
		f := filtertest.Build(b, "sed", rx, "X")
		x := filtertest.New(b)
		b.Run(rx, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				x.Response = &message.Response{Status: 200}
				x.Response.SetBody(bytes.NewReader(body), message.Unknown)
				x.RunResponse(f)
				for {
					if _, err := x.Response.Body.Read(p); err != nil {
						break
					}
				}
			}
		})
	}
}
