package block

import (
	"bytes"
	"io"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// text is a text to block, prepared to be found in one pass (Knuth, Morris,
// Pratt).
type text struct {
	b []byte
	// next[n] is how many bytes of the text are still matched when byte n does not.
	next []int32
}

func newText(b []byte) text {
	t := text{b: b, next: make([]int32, len(b))}
	for i, k := 1, int32(0); i < len(b); i++ {
		t.next[i] = k
		for k > 0 && b[i] != b[k] {
			k = t.next[k]
		}
		if b[i] == b[k] {
			k++
		}
	}
	return t
}

// pass looks at data when the n bytes before it match the beginning of the text.
// It returns how many bytes match at its end: the whole length when the text
// occurs.
func (t *text) pass(data []byte, n int) int {
	for i := 0; i < len(data); i++ {
		if n == 0 {
			k := bytes.IndexByte(data[i:], t.b[0])
			if k < 0 {
				return 0
			}
			i += k
		}
		for n > 0 && data[i] != t.b[n] {
			n = int(t.next[n])
		}
		if data[i] == t.b[n] {
			n++
		}
		if n == len(t.b) {
			return n
		}
	}
	return n
}

// find reports whether one of the texts is in data.
func (f *block) find(data []byte) bool {
	for i := range f.texts {
		if bytes.Contains(data, f.texts[i].b) {
			return true
		}
	}
	return false
}

// pieceSize is how much of a body is read at once.
const pieceSize = 8 << 10

// guarded passes on a body unless a text occurs in it.
type guarded struct {
	src io.Reader
	of  *block
	// matched has for each text how many bytes of it the body ends with so far.
	matched []int
	// b[r:ok] may be passed on, b[ok:w] may be the beginning of a text.
	b        []byte
	r, ok, w int
	err      error // what comes behind b[:ok]
}

func newGuarded(src io.Reader, f *block) *guarded {
	return &guarded{src: src, of: f, matched: make([]int, len(f.texts))}
}

// mostEmptyReads of the source in a row are borne.
const mostEmptyReads = 100

// Read returns what is known to be harmless.
func (g *guarded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for range mostEmptyReads {
		if g.r < g.ok {
			n := copy(p, g.b[g.r:g.ok])
			g.r += n
			return n, nil
		}
		if g.err != nil {
			return 0, g.err
		}
		g.fill()
	}
	return 0, io.ErrNoProgress
}

// fill reads a piece and looks at it. Everything that may be passed on was taken.
func (g *guarded) fill() {
	held := g.w - g.ok
	if len(g.b)-held < pieceSize/2 {
		next := make([]byte, max(2*len(g.b), pieceSize))
		copy(next, g.b[g.ok:g.w])
		g.b = next
	} else {
		copy(g.b, g.b[g.ok:g.w])
	}
	g.r, g.ok, g.w = 0, 0, held
	n, err := g.src.Read(g.b[held:])
	g.w += n
	if g.look(g.b[held:g.w]) {
		g.of.blocked.Add(1)
		g.ok, g.err = 0, &filter.BodyError{Reason: message.ReasonBodyBlocked}
		return
	}
	if err != nil {
		g.err = err
		if err == io.EOF { // readers return it bare
			g.ok = g.w
		}
	}
}

// look passes data to all texts and reports whether one is complete.
func (g *guarded) look(data []byte) bool {
	held := 0
	for i := range g.of.texts {
		t := &g.of.texts[i]
		n := t.pass(data, g.matched[i])
		if n == len(t.b) {
			return true
		}
		g.matched[i] = n
		held = max(held, n)
	}
	g.ok = g.w - held
	return false
}

// Close closes the source.
func (g *guarded) Close() error {
	if c, ok := g.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
