package shadow

import (
	"errors"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
)

// errOverflow is what the reader of a tape gets that was too slow.
var errOverflow = errors.New("the shadow is slower than the exchange and was cut")

// errCut is what it gets when the exchange did not read its body to the end.
var errCut = errors.New("the exchange did not read the body to its end")

// errMissing is for bodies that end before their promised length.
var errMissing = errors.New("the body ended early")

// budget bounds the bytes of all tapes.
type budget struct{ left atomic.Int64 }

func (b *budget) take(n int64) bool {
	if b.left.Add(-n) < 0 {
		b.left.Add(n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.left.Add(n) }

// tape keeps what one side wrote and the other has not read yet. The writer never
// waits. It implements io.ReadCloser for the shadow.
type tape struct {
	limit  int
	budget *budget
	full   func() // called once when the tape overflows

	mu     sync.Mutex
	come   sync.Cond
	ring   []byte
	start  int // of what is unread
	n      int
	err    error // behind what is unread; io.EOF at the end
	closed bool
}

func newTape(limit int, b *budget, full func()) *tape {
	t := &tape{limit: limit, budget: b, full: full}
	t.come.L = &t.mu
	return t
}

// write adds p, or cuts the tape when there is no room.
func (t *tape) write(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.err != nil {
		return
	}
	if !t.room(t.n + len(p)) {
		t.err, t.n = errOverflow, 0
		t.release()
		t.come.Signal()
		t.full()
		return
	}
	end := (t.start + t.n) % len(t.ring)
	k := copy(t.ring[end:], p)
	copy(t.ring, p[k:])
	t.n += len(p)
	t.come.Signal()
}

// smallest is the memory that a tape begins with.
const smallest = 4 << 10

// room makes room for n bytes in all.
func (t *tape) room(n int) bool {
	size := len(t.ring)
	if n <= size && size > 0 {
		return true
	}
	if n > t.limit {
		return false
	}
	grown := min(max(2*size, smallest, n), t.limit)
	if !t.budget.take(int64(grown - size)) {
		return false
	}
	ring := make([]byte, grown)
	k := copy(ring[:t.n], t.ring[t.start:])
	copy(ring[k:t.n], t.ring[:t.start])
	t.ring, t.start = ring, 0
	return true
}

// end says that nothing more comes, because of err, or io.EOF.
func (t *tape) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
		t.come.Signal()
	}
}

// Read implements io.Reader for the shadow: it waits for data.
func (t *tape) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.n == 0 && t.err == nil && !t.closed {
		t.come.Wait()
	}
	switch {
	case t.closed:
		return 0, fs.ErrClosed
	case t.n == 0:
		t.release()
		return 0, t.err
	}
	n := copy(p, t.ring[t.start:min(t.start+t.n, len(t.ring))])
	t.n -= n
	if t.start += n; t.start == len(t.ring) || t.n == 0 {
		t.start = 0
	}
	return n, nil
}

// Close implements io.Closer for the shadow: it wants no more.
func (t *tape) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed, t.n = true, 0
	t.release()
	t.come.Broadcast()
	return nil
}

func (t *tape) release() {
	t.budget.give(int64(len(t.ring)))
	t.ring, t.start = nil, 0
}

// copied is a body that is written onto a tape while it is read.
type copied struct {
	src  io.Reader
	tape *tape
	left int64 // negative when it is not known
}

// Read implements io.Reader.
func (b *copied) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if n > 0 {
		b.tape.write(p[:n])
	}
	known := b.left >= 0
	if known {
		b.left = max(b.left-int64(n), 0)
	}
	switch {
	case known && b.left == 0:
		b.tape.end(io.EOF) // who knows the length may not ask for the end
	case err == io.EOF && known:
		b.tape.end(errMissing)
	case err != nil:
		b.tape.end(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *copied) Close() error {
	b.tape.end(errCut)
	if c, ok := b.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
