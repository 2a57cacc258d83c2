package sed

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"regexp/syntax"
	"unicode/utf8"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// nothing stands for the rune before the first and behind the last.
const nothing rune = -1

const (
	// pieceSize is how much of a body is read at once.
	pieceSize = 8 << 10
	// mostOutput is how much output is made before it is taken.
	mostOutput = 32 << 10
	// mostEmptyReads of the source in a row are borne.
	mostEmptyReads = 100
	// Bytes behind a match may have to be looked at again: so many times as many
	// as there are, and some at the beginning.
	mostAgain = 4
	freeAgain = 64 << 10
)

// errFull says that a match was longer than the buffer.
var errFull = errors.New("what may be a match is longer than the buffer of sed, or takes too much work")

// editor is a body in which the matches are replaced.
type editor struct {
	*edit
	src io.Reader
	m   *machine

	// b[keep:w] was not passed on; b[pos:w] was not looked at. base is the place of
	// b[0] in the body.
	b            []byte
	keep, pos, w int
	base         int64
	prev         rune // before pos, as far as it matters
	settled      bool // the machine knows pos
	again        int64

	sought int // no delimiter begins before it
	end    int // of the piece up to a delimiter; 0: not known

	out   []byte
	taken int   // of out
	err   error // behind b[:w]
	over  bool  // all was passed on, or is not to be
}

// Read returns edited text as soon as there is some.
func (e *editor) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for empty := 0; empty < mostEmptyReads; {
		if e.taken < len(e.out) {
			n := copy(p, e.out[e.taken:])
			e.taken += n
			return n, nil
		}
		e.out, e.taken = e.out[:0], 0
		if e.over {
			return 0, e.err
		}
		e.run()
		switch {
		case len(e.out) > 0 || e.over:
		case e.err != nil: // what was kept of a broken body may be half a match
			e.over = true
		case e.fill() == 0:
			empty++
		default:
			empty = 0
		}
	}
	return 0, io.ErrNoProgress
}

// fill reads a piece behind what is kept.
func (e *editor) fill() int {
	switch room := len(e.b) - e.w; {
	case e.keep == e.w:
		e.shift(e.keep)
	case room >= pieceSize/2:
	case e.keep >= e.w-e.keep:
		copy(e.b, e.b[e.keep:e.w])
		e.shift(e.keep)
	default:
		next := make([]byte, max(2*len(e.b), pieceSize))
		copy(next, e.b[e.keep:e.w])
		e.b = next
		e.shift(e.keep)
	}
	if e.b == nil {
		e.b = make([]byte, pieceSize)
	}
	n, err := e.src.Read(e.b[e.w:min(len(e.b), e.w+pieceSize)])
	e.w += n
	e.err = err
	return n
}

// shift makes by the new beginning of the buffer.
func (e *editor) shift(by int) {
	e.base += int64(by)
	e.pos, e.w, e.sought = e.pos-by, e.w-by, max(e.sought-by, 0)
	e.keep = 0
	e.m.from, e.m.to = e.m.from-by, e.m.to-by
	for _, threads := range [...][]thread{e.m.next, e.m.live} {
		for i := range threads {
			threads[i].start -= by
		}
	}
	if e.end > 0 {
		e.end -= by
	}
}

// run edits what is there, until there is enough output.
func (e *editor) run() {
	for !e.over && len(e.out) < mostOutput {
		if !e.scan(e.piece()) {
			break
		}
	}
	if !e.over {
		e.pass(e.m.low(e.pos))
	}
}

// piece returns up to where the text is to be edited by itself; final says that
// it ends there.
func (e *editor) piece() (limit int, final bool) {
	if len(e.delimiter) > 0 && e.end == 0 {
		if i := bytes.Index(e.b[e.sought:e.w], e.delimiter); i >= 0 {
			e.end = e.sought + i + len(e.delimiter)
			e.sought = e.end
		} else {
			e.sought = max(e.sought, e.w-len(e.delimiter)+1)
		}
	}
	if e.end > 0 {
		return e.end, true
	}
	return e.w, e.err == io.EOF //nolint:errorlint // readers return it bare
}

// scan runs the machine up to limit, or up to the end of a match. It returns
// false when more input is needed.
func (e *editor) scan(limit int, final bool) bool {
	for {
		if !e.settled && !e.settle(limit, final) {
			return false
		}
		m := e.m
		if m.matched && (len(m.live) == 0 || final && e.pos == limit) {
			e.replace()
			return true
		}
		if e.pos == limit && final {
			e.endPiece(limit)
			return true
		}
		if m.idle(e.pos) && e.skip(limit) {
			continue
		}
		if e.pos-m.low(e.pos) >= e.most {
			e.overflow()
			return true
		}
		if e.pos == limit {
			return false
		}
		r, n := rune(e.b[e.pos]), 1
		if r >= utf8.RuneSelf {
			if !final && !utf8.FullRune(e.b[e.pos:limit]) {
				return false
			}
			r, n = utf8.DecodeRune(e.b[e.pos:limit])
		}
		m.step(r)
		e.pos += n
		e.prev, e.settled = r, false
	}
}

// settle tells the machine what stands around pos. It returns false when that is
// not known.
func (e *editor) settle(limit int, final bool) bool {
	var around syntax.EmptyOp
	if e.m.looks {
		next := nothing
		switch {
		case e.pos < limit:
			next = around1(e.b[e.pos])
		case !final:
			return false
		}
		around = syntax.EmptyOpContext(e.prev, next)
	}
	e.m.settle(e.pos, around)
	e.settled = true
	return true
}

// around1 returns the rune that begins with c, or one that means the same to the
// conditions on what stands around a place, which know ASCII only.
func around1(c byte) rune {
	if c < utf8.RuneSelf {
		return rune(c)
	}
	return utf8.RuneError
}

// skip goes to the next place where a match can begin, if that is not here.
func (e *editor) skip(limit int) bool {
	data, p := e.b[e.pos:limit], e.prog
	n := 0
	switch {
	case p.anchored && e.prev != nothing:
		n = len(data)
	case len(p.prefix) > 0:
		if n = bytes.Index(data, p.prefix); n < 0 {
			n = max(len(data)-len(p.prefix)+1, 0)
		}
	default:
		for n < len(data) && !p.first[data[n]] {
			n++
		}
	}
	if n == 0 {
		return false
	}
	e.restart(e.pos + n)
	return true
}

// restart goes on at pos as if nothing were known.
func (e *editor) restart(pos int) {
	e.m.reset()
	e.pos, e.settled = pos, false
	if pos > 0 {
		e.prev = around1(e.b[pos-1])
	}
}

// replace replaces the match and goes on behind it.
func (e *editor) replace() {
	e.pass(e.m.from)
	e.out = append(e.out, e.replacement...)
	at, pos := e.m.to, e.pos
	e.keep = at
	if e.again += int64(pos - at); e.again > freeAgain+mostAgain*(e.base+int64(pos)) {
		if e.abort {
			e.fail()
			return
		}
		e.pass(pos)
		at = pos
	}
	e.restart(at)
}

// pass passes on what stands before upTo as it is.
func (e *editor) pass(upTo int) {
	e.out = append(e.out, e.b[e.keep:upTo]...)
	e.keep = upTo
}

// endPiece passes on the rest of a piece and begins the next.
func (e *editor) endPiece(limit int) {
	e.pass(limit)
	e.m.reset()
	if e.over = e.end == 0; !e.over {
		e.end, e.prev, e.settled = 0, nothing, false
	}
}

// overflow decides about what is as long as the buffer.
func (e *editor) overflow() {
	switch {
	case e.abort:
		e.fail()
	case e.m.matched:
		e.replace()
	default:
		e.pass(e.pos)
		e.restart(e.pos)
	}
}

// fail cuts the body.
func (e *editor) fail() {
	e.err = &filter.BodyError{Reason: message.ReasonBodyTransform, Err: errFull}
	e.over = true
}

// Close closes the source.
func (e *editor) Close() error {
	if e.src == nil {
		return nil
	}
	c, ok := e.src.(io.Closer)
	e.src, e.b, e.out, e.over, e.err = nil, nil, nil, true, fs.ErrClosed
	e.taken = 0
	if ok {
		return c.Close()
	}
	return nil
}
