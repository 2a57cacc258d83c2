package compress

import (
	"io"
	"io/fs"
)

// body compresses what it reads. It holds an encoder from the first Read to
// Close, and the memory for it that was taken from the budget before.
type body struct {
	src  io.Reader
	pool *pool
	enc  *encoder
	// left is how much of src is to come; negative when that is not known.
	left int64
	// err is what Read returns once the output is used up.
	err    error
	closed bool
}

// newBody returns a body; the caller took the pool's weight from its budget.
func newBody(src io.Reader, length int64, p *pool) *body {
	return &body{src: src, pool: p, left: length}
}

// mostEmptyReads of the source in a row are borne.
const mostEmptyReads = 100

// Read returns compressed data as soon as there is some.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.enc == nil && b.err == nil {
		b.enc = b.pool.get()
	}
	for range mostEmptyReads {
		if b.enc != nil {
			if n := b.enc.take(p); n > 0 {
				return n, nil
			}
		}
		if b.err != nil {
			return 0, b.err
		}
		b.err = b.fill()
	}
	return 0, io.ErrNoProgress
}

// fill compresses one piece of the source. What was read is flushed, because
// the next piece may be long in coming; the last one need not be.
func (b *body) fill() error {
	n, err := b.src.Read(b.enc.in)
	if n > 0 {
		b.left -= int64(n)
		if _, err := b.enc.codec.Write(b.enc.in[:n]); err != nil {
			return err
		}
	}
	switch {
	case err == io.EOF: // wrapped, it would not be the end but a fault
		if err := b.enc.codec.Close(); err != nil {
			return err
		}
		return io.EOF
	case err != nil:
		return err
	case n > 0 && b.left != 0:
		return b.enc.codec.Flush()
	}
	return nil
}

// Close gives encoder and memory back and closes the source.
func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed, b.err = true, fs.ErrClosed
	if b.enc != nil {
		b.pool.put(b.enc)
		b.enc = nil
	}
	b.pool.budget.give(b.pool.weight)
	if c, ok := b.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
