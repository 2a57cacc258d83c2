package compress

import (
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// decoder returns a reader that decodes while it reads.
func decoder(t *testing.T, coding string, r io.Reader) io.Reader {
	t.Helper()
	var d io.Reader
	var err error
	switch coding {
	case "gzip":
		d, err = gzip.NewReader(r)
	case "deflate":
		d, err = zlib.NewReader(r)
	case "br":
		d = brotli.NewReader(r)
	case "zstd":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1)); err == nil {
			t.Cleanup(z.Close)
			d = z
		}
	default:
		t.Fatalf("unexpected coding %q", coding)
	}
	if err != nil {
		t.Fatalf("%s: %v", coding, err)
	}
	return d
}

// source is a body that remembers whether it was closed.
type source struct {
	io.Reader
	closed int
}

func (s *source) Close() error {
	s.closed++
	return nil
}

// run sends a text of the length through the filter.
func run(t *testing.T, accept string, text string, args []any, change func(*filtertest.Exchange, *message.Response)) (*filtertest.Exchange, *source) {
	t.Helper()
	x := filtertest.New(t)
	if accept != "" {
		x.Request.Header.Add("Accept-Encoding", accept)
	}
	src := &source{Reader: strings.NewReader(text)}
	x.Backend = func(*message.Request) *message.Response {
		r := &message.Response{Status: 200}
		r.SetBody(src, int64(len(text)))
		r.Header.Add("Content-Type", "text/plain; charset=utf-8")
		r.Header.Add("Content-Length", "1")
		if change != nil {
			change(x, r)
		}
		return r
	}
	x.Run(filtertest.Build(t, "compress", args...))
	return x, src
}

var lorem = strings.Repeat("The quick brown fox jumps over the lazy dog. ", 2000)

func TestCodings(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		for _, level := range []any{nil, 0, 1, 6, 9, 11, -1, -2} {
			for _, text := range []string{lorem, lorem[:smallest]} {
				for _, known := range []bool{true, false} {
					var args []any
					if level != nil {
						args = []any{level}
					}
					x, src := run(t, coding, text, args, func(_ *filtertest.Exchange, r *message.Response) {
						if !known {
							r.ContentLength = message.Unknown
						}
					})
					h := &x.Response.Header
					if h.Get("Content-Encoding") != coding || h.Has("Content-Length") || h.Get("Vary") != "Accept-Encoding" || x.Response.ContentLength != message.Unknown {
						t.Fatalf("%s: got %+v", coding, x.Response)
					}
					packed := x.ResponseBody()
					got, err := io.ReadAll(decoder(t, coding, strings.NewReader(packed)))
					if err != nil || string(got) != text {
						t.Errorf("%s %v %d: decoded %d bytes, %v", coding, level, len(text), len(got), err)
					}
					if len(text) > 1000 && level != 0 && len(packed) > len(text)*7/10 {
						t.Errorf("%s %v: %d bytes became %d", coding, level, len(text), len(packed))
					}
					if src.closed != 1 {
						t.Errorf("%s: source closed %d times", coding, src.closed)
					}
				}
			}
		}
	}
}

// An event stream: each event can be decoded before the next one is read.
func TestStreams(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		in, out := io.Pipe()
		defer out.Close()
		x, _ := run(t, coding, "", []any{"...", "text/event-stream"}, func(_ *filtertest.Exchange, r *message.Response) {
			r.SetBody(in, message.Unknown)
			r.Header.Set("Content-Type", "text/event-stream")
		})
		events := []string{"data: 1\n\n", "data: two\n\n", "data: 3\n\n"}
		fed := make(chan error, 1)
		send := func(s string) {
			go func() {
				_, err := io.WriteString(out, s)
				fed <- err
			}()
		}
		send(events[0])
		d := decoder(t, coding, x.Response.Body)
		for i, e := range events {
			got := make([]byte, len(e))
			if _, err := io.ReadFull(d, got); err != nil || string(got) != e {
				t.Fatalf("%s: event %d is %q, %v", coding, i, got, err)
			}
			if err := <-fed; err != nil {
				t.Fatal(err)
			}
			if i+1 < len(events) {
				send(events[i+1])
			}
		}
		if err := x.Response.Body.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLeftAlone(t *testing.T) {
	header := func(name, value string) func(*filtertest.Exchange, *message.Response) {
		return func(_ *filtertest.Exchange, r *message.Response) { r.Header.Set(name, value) }
	}
	status := func(n int) func(*filtertest.Exchange, *message.Response) {
		return func(_ *filtertest.Exchange, r *message.Response) { r.Status = n }
	}
	for _, tt := range []struct {
		name   string
		accept string
		change func(*filtertest.Exchange, *message.Response)
		vary   string
	}{
		{"not asked for", "", nil, "Accept-Encoding"},
		{"anything", "*", nil, "Accept-Encoding"},
		{"unknown", "compress, lzma", nil, "Accept-Encoding"},
		{"refused", "gzip;q=0", nil, "Accept-Encoding"},
		{"rather not", "gzip;q=0.5, identity", nil, "Accept-Encoding"},
		{"encoded", "gzip", header("Content-Encoding", "br"), ""},
		{"type", "gzip", header("Content-Type", "image/png"), ""},
		{"no type", "gzip", header("Content-Type", ""), ""},
		{"no-transform", "gzip", header("Cache-Control", "max-age=1, No-Transform"), ""},
		{"range", "gzip", header("Content-Range", "bytes 0-1/2"), ""},
		{"206", "gzip", status(206), ""},
		{"204", "gzip", status(204), ""},
		{"304", "gzip", status(304), ""},
		{"101", "gzip", status(101), ""},
		{"HEAD", "gzip", func(x *filtertest.Exchange, _ *message.Response) { x.Request.Method = "HEAD" }, ""},
		{"no body", "gzip", func(_ *filtertest.Exchange, r *message.Response) { r.Body = nil }, ""},
		{"small", "gzip", func(_ *filtertest.Exchange, r *message.Response) { r.ContentLength = smallest - 1 }, ""},
	} {
		x, _ := run(t, tt.accept, lorem, nil, tt.change)
		r := x.Response
		if ce := r.Header.Get("Content-Encoding"); ce == "gzip" || !r.Header.Has("Content-Length") || r.ContentLength == message.Unknown {
			t.Errorf("%s: got %+v", tt.name, r)
		}
		if got := r.Header.Get("Vary"); got != tt.vary {
			t.Errorf("%s: Vary is %q, want %q", tt.name, got, tt.vary)
		}
	}
}

func TestFields(t *testing.T) {
	x, _ := run(t, "gzip", lorem, nil, func(_ *filtertest.Exchange, r *message.Response) {
		r.Header.Add("ETag", `"abc"`)
		r.Header.Add("Content-Encoding", "identity")
		r.Header.Add("Accept-Ranges", "bytes")
		r.Header.Add("Content-Digest", "sha-256=:x:")
		r.Header.Add("Vary", "origin, accept-encoding")
		r.Header.Add("X-Kept", "yes")
	})
	var got []string
	for _, f := range x.Response.Header.Fields() {
		got = append(got, f.Name+": "+f.Value)
	}
	want := []string{
		"Content-Type: text/plain; charset=utf-8", `ETag: W/"abc"`, "Content-Encoding: gzip",
		"Vary: origin, accept-encoding", "X-Kept: yes",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	y, _ := run(t, "gzip", lorem, nil, func(_ *filtertest.Exchange, r *message.Response) { r.Header.Add("ETag", `W/"abc"`) })
	if got := y.Response.Header.Get("ETag"); got != `W/"abc"` {
		t.Errorf("a weak ETag became %q", got)
	}
}

func TestTypes(t *testing.T) {
	for _, tt := range []struct {
		args []any
		want map[string]bool
	}{
		{nil, map[string]bool{"text/html": true, "TEXT/HTML ; x": true, "application/json": true, "image/tiff": false}},
		{[]any{3}, map[string]bool{"text/html": true, "image/tiff": false}},
		{[]any{"..."}, map[string]bool{"text/html": true, "image/tiff": false}},
		{[]any{"...", "image/tiff"}, map[string]bool{"text/html": true, "image/tiff": true}},
		{[]any{2, "...", "image/tiff"}, map[string]bool{"text/html": true, "image/tiff": true}},
		{[]any{"image/tiff"}, map[string]bool{"text/html": false, "image/tiff": true}},
		{[]any{2, "image/tiff", "a/b"}, map[string]bool{"text/html": false, "image/tiff": true, "a/b": true}},
	} {
		for contentType, want := range tt.want {
			x, _ := run(t, "gzip", lorem, tt.args, func(_ *filtertest.Exchange, r *message.Response) { r.Header.Set("Content-Type", contentType) })
			if got := x.Response.Header.Has("Content-Encoding"); got != want {
				t.Errorf("%v: %q is compressed: %v", tt.args, contentType, got)
			}
		}
	}
}

func TestEncodingsOption(t *testing.T) {
	set := option.NewSet()
	Options.From(set).Encodings = []string{"zstd", "br"}
	env := filter.NewEnv(set, nil)
	for accept, want := range map[string]string{"gzip, br, zstd": "zstd", "gzip": ""} {
		x := filtertest.New(t)
		x.Request.Header.Add("Accept-Encoding", accept)
		x.Answer(200, lorem, "Content-Type", "text/plain")
		x.Run(filtertest.BuildEnv(t, env, "compress"))
		if got := x.Response.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: got %q, want %q", accept, got, want)
		}
		x.ResponseBody()
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		args []any
	}{
		{"found the level 12", []any{12}},
		{"found the level 1.5", []any{1.5}},
		{"found the level -3", []any{-3}},
		{"the level comes first", []any{"text/html", 3}},
		{"the level comes first", []any{3, 3}},
		{`found "html"`, []any{"html"}},
		{`found "text/*"`, []any{"text/*"}},
		{`found ""`, []any{"...", ""}},
		{`found "text/html; charset=utf-8"`, []any{"text/html; charset=utf-8"}},
		{`found "..."`, []any{"text/html", "..."}},
	} {
		if err := filtertest.BuildError(t, "compress", tt.args...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.args, err, tt.want)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	set := option.NewSet()
	Options.From(set).MaxMemory = 2 * weight("gzip", 1)
	env := filter.NewEnv(set, nil)
	f := filtertest.BuildEnv(t, env, "compress")
	ask := func() *filtertest.Exchange {
		x := filtertest.New(t)
		x.Request.Header.Add("Accept-Encoding", "gzip")
		x.Answer(200, lorem, "Content-Type", "text/plain")
		x.Run(f)
		return x
	}
	first, second, third := ask(), ask(), ask()
	for i, x := range []*filtertest.Exchange{first, second} {
		if !x.Response.Header.Has("Content-Encoding") {
			t.Errorf("response %d is not compressed", i+1)
		}
	}
	if third.Response.Header.Has("Content-Encoding") || third.ResponseBody() != lorem {
		t.Error("the third response takes more than is allowed")
	}
	if first.ResponseBody(); !ask().Response.Header.Has("Content-Encoding") {
		t.Error("the memory of a response that ended is lost")
	}
}
