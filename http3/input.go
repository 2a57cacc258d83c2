package http3

import (
	"errors"
	"io"

	"github.com/quic-go/quic-go/quicvarint"

	"fairlead.dev/fairlead/kit/buf"
)

// source is the receiving half of a QUIC stream.
type source interface {
	Read(p []byte) (int, error)
	// Peek waits for len(p) bytes and leaves them.
	Peek(p []byte) (int, error)
}

// errWait says that what is asked for has not arrived.
var errWait = errors.New("not arrived")

// input reads frames from a stream. Memory is taken when there is something to
// put into it.
type input struct {
	s    source
	b    []byte // b[r:w] was not used
	r, w int
	err  error // what comes behind b[:w]; io.EOF is the end of the stream
}

func (in *input) unread() []byte { return in.b[in.r:in.w] }

// fill waits for more. size is the memory to take when there is none.
func (in *input) fill(size int) error {
	if in.err != nil {
		return in.err
	}
	if in.r == in.w {
		in.r, in.w = 0, 0
		if in.b != nil && len(in.b) < size {
			in.release()
		}
	}
	if in.b == nil {
		var one [1]byte
		if _, err := in.s.Peek(one[:]); err != nil && err != io.EOF { //nolint:errorlint // returned bare
			return in.fail(err)
		}
		in.b = buf.Get(size)
	}
	if in.w == len(in.b) {
		in.grow()
	}
	n, err := in.s.Read(in.b[in.w:])
	in.w += n
	if err != nil {
		err = in.fail(err)
	}
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// fail keeps the error unless it is a deadline, after which reading can go on.
func (in *input) fail(err error) error {
	err = clientError(err)
	if !isTimeout(err) {
		in.err = err
	}
	return err
}

// grow makes room behind b[:w], for a block that has to lie in one piece.
func (in *input) grow() {
	if in.r > 0 {
		in.w = copy(in.b, in.unread())
		in.r = 0
		return
	}
	next := buf.Get(2 * len(in.b))
	copy(next, in.b[:in.w])
	buf.Put(in.b)
	in.b = next
}

// need waits until n bytes lie in one piece; errWait if wait is false and they
// have not arrived. io.EOF means that nothing at all came.
func (in *input) need(n int, wait bool) error {
	for in.w-in.r < n {
		if in.err == nil && !wait {
			return errWait
		}
		if err := in.fill(buf.Small); err != nil {
			if err == io.EOF && in.w > in.r { //nolint:errorlint // returned bare
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// varint reads a number (RFC 9000 16) and returns its length at offset at of
// what is unread.
func (in *input) varint(at int, wait bool) (v uint64, n int, err error) {
	if err := in.need(at+1, wait); err != nil {
		return 0, 0, err
	}
	n = 1 << (in.b[in.r+at] >> 6)
	if err := in.need(at+n, wait); err != nil {
		return 0, 0, err
	}
	v, _, err = quicvarint.Parse(in.b[in.r+at : in.r+at+n])
	return v, n, err
}

// frame reads the head of a frame (RFC 9114 7.1). io.EOF means that the stream
// ended between two frames, io.ErrUnexpectedEOF that it ended within one.
func (in *input) frame(wait bool) (kind, length uint64, err error) {
	kind, n, err := in.varint(0, wait)
	if err != nil {
		return 0, 0, err
	}
	length, m, err := in.varint(n, wait)
	if err != nil {
		return 0, 0, err
	}
	in.r += n + m
	return kind, length, nil
}

// skip drops up to n bytes that have arrived and returns how many.
func (in *input) skip(n uint64) uint64 {
	n = min(n, uint64(in.w-in.r))
	in.r += int(n)
	return n
}

// release gives the memory back; what was not used is lost.
func (in *input) release() {
	if in.b != nil {
		buf.Put(in.b)
	}
	in.b, in.r, in.w = nil, 0, 0
}
