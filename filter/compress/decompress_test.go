package compress

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// coder returns a writer that encodes.
func coder(t testing.TB, coding string, w io.Writer) io.WriteCloser {
	t.Helper()
	switch coding {
	case "gzip":
		return gzip.NewWriter(w)
	case "deflate":
		return zlib.NewWriter(w)
	case "raw":
		return must(flate.NewWriter(w, 6))
	case "br":
		return brotli.NewWriter(w)
	case "zstd":
		return must(zstd.NewWriter(w, zstd.WithEncoderConcurrency(1)))
	}
	t.Fatalf("unexpected coding %q", coding)
	return nil
}

func encode(t testing.TB, text, coding string) string {
	t.Helper()
	var b bytes.Buffer
	w := coder(t, coding, &b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// undo sends an encoded body through decompress.
func undo(t testing.TB, env *filter.Env, encoding string, body io.Reader) (*filtertest.Exchange, *source, string, error) {
	t.Helper()
	x := filtertest.New(t)
	src := &source{Reader: body}
	x.Backend = func(*message.Request) *message.Response {
		r := &message.Response{Status: 200}
		r.SetBody(src, 5)
		r.Header.Add("Content-Encoding", encoding)
		r.Header.Add("Content-Length", "5")
		r.Header.Add("ETag", `"1"`)
		r.Header.Add("Vary", "Accept-Encoding")
		return r
	}
	x.Run(filtertest.BuildEnv(t, env, "decompress"))
	got, err := io.ReadAll(x.Response.Body)
	if err := x.Response.Body.(io.Closer).Close(); err != nil {
		t.Error(err)
	}
	return x, src, string(got), err
}

func transformed(err error) bool {
	var be *filter.BodyError
	return errors.As(err, &be) && be.Reason == message.ReasonBodyTransform
}

func TestDecompress(t *testing.T) {
	env := filter.NewEnv(nil, nil)
	for name, coding := range map[string]string{"gzip": "gzip", "X-GZip": "gzip", "deflate": "deflate", "Deflate": "raw", "br": "br", "zstd": "zstd"} {
		for _, text := range []string{"", "short", lorem} {
			for range 2 { // the second time with a used decoder
				for _, cut := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader} {
					body := encode(t, text, coding)
					x, src, got, err := undo(t, env, name, cut(strings.NewReader(body)))
					if err != nil || got != text || src.closed != 1 {
						t.Fatalf("%s, %d bytes: got %d, %v, closed %d times", name, len(text), len(got), err, src.closed)
					}
					h := &x.Response.Header
					if h.Has("Content-Encoding") || h.Has("Content-Length") || h.Get("ETag") != `W/"1"` || !h.Has("Vary") || x.Response.ContentLength != message.Unknown {
						t.Errorf("%s: head %v, length %d", name, h.Fields(), x.Response.ContentLength)
					}
					// What is cut or goes on is broken.
					if _, _, got, err := undo(t, env, name, cut(strings.NewReader(body[:len(body)-1]))); !transformed(err) && len(body) > 1 {
						t.Errorf("%s, %d bytes, cut: got %d, %v", name, len(text), len(got), err)
					}
					if _, _, got, err := undo(t, env, name, cut(strings.NewReader(body+"x"))); !transformed(err) {
						t.Errorf("%s, %d bytes, with more: got %d, %v", name, len(text), len(got), err)
					}
				}
			}
		}
		if _, _, got, err := undo(t, env, name, strings.NewReader("this is not "+name)); !transformed(err) {
			t.Errorf("%s: garbage became %q, %v", name, got, err)
		}
		if _, _, got, err := undo(t, env, name, strings.NewReader("")); got != "" || err != nil {
			t.Errorf("%s: nothing became %q, %v", name, got, err)
		}
		broken := io.MultiReader(strings.NewReader(encode(t, lorem, coding)[:50]), iotest.ErrReader(io.ErrClosedPipe))
		if _, _, got, err := undo(t, env, name, broken); err != io.ErrClosedPipe {
			t.Errorf("%s: a broken source became %d bytes, %v", name, len(got), err)
		}
	}
	if used := sharedBudget(env).used.Load(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
}

func TestDecompressStacked(t *testing.T) {
	body := encode(t, encode(t, encode(t, lorem, "gzip"), "deflate"), "zstd")
	for _, encoding := range []string{"gzip, deflate,zstd", "identity, gzip, deflate, zstd, identity"} {
		if _, _, got, err := undo(t, nil, encoding, strings.NewReader(body)); got != lorem || err != nil {
			t.Errorf("%s: got %d bytes, %v", encoding, len(got), err)
		}
	}
}

func TestNotDecompressed(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*filtertest.Exchange, *message.Response)
		head   string // Content-Encoding afterwards
	}{
		"not encoded":        {func(_ *filtertest.Exchange, r *message.Response) { r.Header.Del("Content-Encoding") }, ""},
		"identity":           {func(_ *filtertest.Exchange, r *message.Response) { r.Header.Set("Content-Encoding", "identity") }, "identity"},
		"unknown":            {func(_ *filtertest.Exchange, r *message.Response) { r.Header.Set("Content-Encoding", "compress, gzip") }, "compress, gzip"},
		"too many":           {func(_ *filtertest.Exchange, r *message.Response) { r.Header.Set("Content-Encoding", "br,br,br,br,br") }, "br,br,br,br,br"},
		"a part":             {func(_ *filtertest.Exchange, r *message.Response) { r.Status = 206 }, "gzip"},
		"a part in disguise": {func(_ *filtertest.Exchange, r *message.Response) { r.Header.Add("Content-Range", "bytes 0-4/9") }, "gzip"},
		"HEAD":               {func(x *filtertest.Exchange, r *message.Response) { x.Request.Method = "HEAD"; r.SetBody(nil, 9) }, ""},
		"not modified":       {func(_ *filtertest.Exchange, r *message.Response) { r.Status = 304; r.SetBody(nil, 0) }, ""},
		"no body":            {func(_ *filtertest.Exchange, r *message.Response) { r.SetBody(nil, 0) }, ""},
	} {
		x := filtertest.New(t)
		x.Backend = func(*message.Request) *message.Response {
			r := &message.Response{Status: 200}
			r.SetBody(strings.NewReader("12345"), 5)
			r.Header.Add("Content-Encoding", "gzip")
			tt.change(x, r)
			return r
		}
		x.Run(filtertest.Build(t, "decompress"))
		if got := x.Response.Header.Get("Content-Encoding"); got != tt.head {
			t.Errorf("%s: Content-Encoding is %q, want %q", name, got, tt.head)
		}
		if got := x.ResponseBody(); x.Response.Body != nil && got != "12345" {
			t.Errorf("%s: got %q", name, got)
		}
		if name == "HEAD" && x.Response.ContentLength != message.Unknown {
			t.Errorf("%s: length %d", name, x.Response.ContentLength)
		}
	}
}

// endless is zeros without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestBomb(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		z := gzip.NewWriter(w)
		_, err := io.Copy(z, endless{})
		w.CloseWithError(err)
	}()
	_, _, got, err := undo(t, nil, "gzip", r)
	if !transformed(err) || len(got) > freeOutput+64<<10 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	r.Close()
	// Without a limit it is passed on.
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-decompress-max-ratio=0"}); err != nil {
		t.Fatal(err)
	}
	body := encode(t, strings.Repeat("\x00", 2*freeOutput), "gzip")
	if _, _, got, err := undo(t, filter.NewEnv(set, nil), "gzip", strings.NewReader(body)); len(got) != 2*freeOutput || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

// A stream of events is decoded as it comes.
func TestDecompressStreams(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		r, w := io.Pipe()
		x := filtertest.New(t)
		x.Backend = func(*message.Request) *message.Response {
			resp := &message.Response{Status: 200}
			resp.SetBody(r, message.Unknown)
			resp.Header.Add("Content-Encoding", coding)
			return resp
		}
		x.Run(filtertest.Build(t, "decompress"))
		done := make(chan error)
		more := make(chan bool)
		go func() {
			z := coder(t, coding, w)
			for range more {
				_, err := io.WriteString(z, "event\n")
				if err == nil {
					err = z.(interface{ Flush() error }).Flush()
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- errors.Join(z.Close(), w.Close())
		}()
		p := make([]byte, 6)
		for range 3 {
			more <- true
			if _, err := io.ReadFull(x.Response.Body, p); err != nil || string(p) != "event\n" {
				t.Errorf("%s: got %q, %v", coding, p, err)
			}
		}
		close(more)
		if n, err := x.Response.Body.Read(p); n != 0 || err != io.EOF {
			t.Errorf("%s: got %q, %v at the end", coding, p[:n], err)
		}
		if err := <-done; err != nil {
			t.Error(coding, err)
		}
		if err := x.Response.Body.(io.Closer).Close(); err != nil {
			t.Error(coding, err)
		}
	}
}

// Memory that is not there is not taken: the response passes as it is.
func TestDecompressBudget(t *testing.T) {
	set := option.NewSet()
	if _, _, err := set.ApplyFlags([]string{"-compress-max-memory=1000"}); err != nil {
		t.Fatal(err)
	}
	body := encode(t, lorem, "gzip")
	x, _, got, err := undo(t, filter.NewEnv(set, nil), "gzip", strings.NewReader(body))
	if got != body || err != nil || x.Response.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("got %d bytes, %v, %v", len(got), err, x.Response.Header.Fields())
	}
}

func BenchmarkDecompress(b *testing.B) {
	env := filter.NewEnv(nil, nil)
	p := make([]byte, 16<<10)
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		body := []byte(encode(b, lorem, coding))
		f := filtertest.BuildEnv(b, env, "decompress")
		b.Run(coding, func(b *testing.B) {
			x := filtertest.New(b)
			b.ReportAllocs()
			b.SetBytes(int64(len(lorem)))
			for b.Loop() {
				x.Response = &message.Response{Status: 200}
				x.Response.Header.Add("Content-Encoding", coding)
				x.Response.SetBody(bytes.NewReader(body), message.Unknown)
				x.RunResponse(f)
				for {
					if _, err := x.Response.Body.Read(p); err != nil {
						break
					}
				}
				_ = x.Response.Body.(io.Closer).Close()
			}
		})
	}
}
