package http1

import (
	"fairlead.dev/fairlead/kit/buf"
)

// input is the reading side of a connection. It holds memory only while there
// is something in it, or while a head that lies in it is in use (pinned).
type input struct {
	s      Stream
	b      []byte // current memory, nil when there is none
	r, w   int    // unread: b[r:w]
	pinned []byte // memory of a head in use; may be b
}

// unread returns what has arrived and was not consumed.
func (in *input) unread() []byte { return in.b[in.r:in.w] }

// pin keeps the current memory until unpin: strings view it.
func (in *input) pin() { in.pinned = in.b }

// unpin ends the use of the pinned memory and gives back what is empty.
func (in *input) unpin() {
	if in.pinned != nil && !same(in.pinned, in.b) {
		buf.Put(in.pinned)
	}
	in.pinned = nil
	in.dropEmpty()
}

// dropEmpty gives back the current memory when all of it was consumed.
func (in *input) dropEmpty() {
	if in.r < in.w || in.b == nil {
		return
	}
	if !same(in.pinned, in.b) {
		buf.Put(in.b)
	}
	in.b, in.r, in.w = nil, 0, 0
}

func same(a, b []byte) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

// fill waits for more input after everything was consumed. end is true at the
// end of the stream.
func (in *input) fill(size int) (end bool, err error) {
	in.dropEmpty()
	b, n, err := in.s.Fill(size)
	if err != nil || n == 0 {
		return err == nil, err
	}
	in.b, in.r, in.w = b, 0, n
	return false, nil
}

// accept takes over memory that an Exchange read.
func (in *input) accept(b []byte, n int) {
	in.dropEmpty()
	in.b, in.r, in.w = b, 0, n
}

// grow reads more behind what is unread, which stays contiguous; most bounds
// it. The memory must not be pinned. full is true when there is no room.
func (in *input) grow(most int) (end, full bool, err error) {
	if in.w == len(in.b) {
		n := in.w - in.r
		if n >= most {
			return false, true, nil
		}
		in.move(min(max(2*n, buf.Small), max(most, buf.Small)))
	}
	n, err := in.s.Read(in.b[in.w:])
	if err != nil {
		return false, false, err
	}
	in.w += n
	return n == 0, false, nil
}

// move copies what is unread to the start of memory with room for more.
func (in *input) move(size int) {
	n := in.w - in.r
	if in.r > 0 && n < len(in.b)/2 {
		copy(in.b, in.b[in.r:in.w])
	} else {
		next := buf.Get(max(size, n+1))
		copy(next, in.b[in.r:in.w])
		buf.Put(in.b)
		in.b = next
	}
	in.r, in.w = 0, n
}

// release gives back all memory.
func (in *input) release() {
	if in.pinned != nil && !same(in.pinned, in.b) {
		buf.Put(in.pinned)
	}
	if in.b != nil {
		buf.Put(in.b)
	}
	in.b, in.pinned, in.r, in.w = nil, nil, 0, 0
}
