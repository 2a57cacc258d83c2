package static

import (
	"io"
	"os"
)

// body is a piece of a file: from the file's position on, left bytes. The engine
// looks for File to let the kernel send them.
type body struct {
	file *os.File
	left int64
}

// File returns the open file. Its position is the start of what is left.
func (b *body) File() *os.File { return b.file }

// Remaining returns how many bytes are left.
func (b *body) Remaining() int64 { return b.left }

// Read reads from the file. A file that is shorter than it was when the length
// was promised gives io.ErrUnexpectedEOF.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.file.Read(p)
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 { // files return it bare
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close closes the file.
func (b *body) Close() error { return b.file.Close() }
