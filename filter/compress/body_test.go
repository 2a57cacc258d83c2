package compress

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

// A source that breaks off must not look like one that ended.
func TestBrokenSource(t *testing.T) {
	broken := errors.New("broken")
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		x, _ := run(t, coding, "", nil, func(_ *filtertest.Exchange, r *message.Response) {
			r.SetBody(io.MultiReader(strings.NewReader(lorem), failing{broken}), message.Unknown)
		})
		packed, err := io.ReadAll(x.Response.Body)
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v, want %v", coding, err, broken)
		}
		got, err := io.ReadAll(decoder(t, coding, bytes.NewReader(packed)))
		if err == nil {
			t.Errorf("%s: the cut stream decodes as a whole one", coding)
		}
		if string(got) != lorem {
			t.Errorf("%s: %d bytes were passed on before the break, want %d", coding, len(got), len(lorem))
		}
		if _, err := x.Response.Body.Read(make([]byte, 1)); !errors.Is(err, broken) {
			t.Errorf("%s: then %v", coding, err)
		}
		if err := x.Response.Body.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestLazySource(t *testing.T) {
	x, _ := run(t, "gzip", "", nil, func(_ *filtertest.Exchange, r *message.Response) {
		r.SetBody(failing{nil}, message.Unknown)
	})
	if _, err := x.Response.Body.Read(make([]byte, 100)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want %v", err, io.ErrNoProgress)
	}
}

func TestCloseEarly(t *testing.T) {
	env := filter.NewEnv(nil, nil)
	p, err := sharedPool(env, "gzip", 1)
	if err != nil {
		t.Fatal(err)
	}
	src := &source{Reader: strings.NewReader(lorem)}
	b := newBody(src, message.Unknown, p)
	if _, err := b.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if len(p.free) != 0 {
		t.Error("the encoder is used and rests")
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(p.free) != 1 {
		t.Errorf("%d encoders rest after closing twice, want 1", len(p.free))
	}
	if _, err := b.Read(make([]byte, 3)); err == nil {
		t.Error("a closed body can be read")
	}
	// A body that nobody reads takes no encoder.
	unread := newBody(src, message.Unknown, p)
	if err := unread.Close(); err != nil || len(p.free) != 1 {
		t.Errorf("%v, %d encoders", err, len(p.free))
	}
}

func TestPoolIsBoundedAndShared(t *testing.T) {
	env := filter.NewEnv(nil, nil)
	p, err := sharedPool(env, "gzip", 1)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := sharedPool(env.ForRoute("other"), "gzip", 1); again != p {
		t.Error("each route has a pool of its own")
	}
	var used []*encoder
	for range cap(p.free) + 5 {
		used = append(used, p.get())
	}
	for _, e := range used {
		e.out = make([]byte, 0, 10*mostOutput)
		p.put(e)
	}
	if len(p.free) != cap(p.free) {
		t.Errorf("%d encoders rest, want %d", len(p.free), cap(p.free))
	}
	if heavy, _ := sharedPool(env, "br", 11); cap(heavy.free) != 1 {
		t.Errorf("%d heavy encoders may rest", cap(heavy.free))
	}
	if e := p.get(); cap(e.out) > mostOutput {
		t.Errorf("a resting encoder keeps %d bytes", cap(e.out))
	}
}

func TestAllocations(t *testing.T) {
	env := filter.NewEnv(nil, nil)
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		p, err := sharedPool(env, name, 1)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 32<<10)
		text := strings.NewReader(lorem)
		n := testing.AllocsPerRun(20, func() {
			text.Reset(lorem)
			b := newBody(text, int64(len(lorem)), p)
			for {
				if _, err := b.Read(buf); err != nil {
					break
				}
			}
			_ = b.Close()
		})
		// The body itself; some codecs take a little per stream.
		if n > 12 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
