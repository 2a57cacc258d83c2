package eskip

import (
	"bytes"
	"fmt"
	"io"
)

// maxDefinition bounds the length of one definition, and so what a Splitter
// keeps in memory.
const maxDefinition = 16 << 20

// splitBuffer is what a Splitter reads at once.
const splitBuffer = 64 << 10

// Splitter cuts a document into its definitions without parsing them: the
// reader of a big document that changed a little needs to parse only the pieces
// that changed. It reads in small steps and never holds the whole document.
//
// Each piece parses to what it is in the document. A document whose only piece
// is not Terminated may be a lone route expression.
type Splitter struct {
	r    io.Reader
	eof  bool
	err  error
	buf  []byte
	from int // buf[from:] is not consumed

	line, col int32 // place of buf[from]

	piece               []byte
	pieceLine, pieceCol int32
	terminated          bool
}

// NewSplitter returns a splitter of the document that r delivers.
func NewSplitter(r io.Reader) *Splitter {
	s := new(Splitter)
	s.Reset(r)
	return s
}

// Reset makes s read another document; it keeps its memory.
func (s *Splitter) Reset(r io.Reader) { *s = Splitter{r: r, buf: s.buf[:0], line: 1, col: 1} }

// Next goes to the next definition that is not empty. It returns false at the
// end of the document or when Err returns an error.
func (s *Splitter) Next() bool {
	n, ok := blank(s.rest(), s.eof)
	for s.consume(n); !ok; s.consume(n) {
		if !s.fill() {
			return false
		}
		n, ok = blank(s.rest(), s.eof)
	}
	if len(s.rest()) == 0 {
		return false
	}
	for n, ok = definition(s.rest(), s.eof); !ok; n, ok = definition(s.rest(), s.eof) {
		if !s.fill() {
			return false
		}
	}
	s.piece, s.terminated = s.rest()[:n], n < len(s.rest())
	s.pieceLine, s.pieceCol = s.line, s.col
	s.consume(n)
	return true
}

// Definition returns the current definition: what stands between the blanks
// and comments before it and the semicolon after it. It is valid until the next
// call of Next.
func (s *Splitter) Definition() []byte { return s.piece }

// Place returns where the current definition starts, line and column counted
// from 1.
func (s *Splitter) Place() (line, col int32) { return s.pieceLine, s.pieceCol }

// Terminated reports whether a semicolon follows the current definition.
func (s *Splitter) Terminated() bool { return s.terminated }

// Err returns why Next gave up: an error of the reader, or a definition of more
// than 16 MiB. It returns nil at the end of the document.
func (s *Splitter) Err() error { return s.err }

func (s *Splitter) rest() []byte { return s.buf[s.from:] }

// consume moves on by n bytes and keeps count of lines and columns.
func (s *Splitter) consume(n int) {
	passed := s.buf[s.from : s.from+n]
	s.from += n
	if lines := bytes.Count(passed, newline); lines > 0 {
		s.line += int32(lines)
		s.col = int32(len(passed) - bytes.LastIndexByte(passed, '\n'))
		return
	}
	s.col += int32(n)
}

var newline = []byte{'\n'}

// fill reads more. It returns false after an error; the end of the document is
// none.
func (s *Splitter) fill() bool {
	if s.err != nil {
		return false
	}
	kept := len(s.rest())
	if kept > maxDefinition {
		s.err = fmt.Errorf("the definition at line %d, column %d is longer than %d bytes: is a closing quote missing?", s.line, s.col, maxDefinition)
		return false
	}
	if kept > cap(s.buf)/2 || cap(s.buf) == 0 {
		s.buf = append(make([]byte, 0, max(splitBuffer, 2*cap(s.buf))), s.rest()...)
	} else {
		s.buf = s.buf[:copy(s.buf[:cap(s.buf)], s.rest())]
	}
	s.from = 0
	for range 100 {
		n, err := s.r.Read(s.buf[kept:cap(s.buf)])
		s.buf = s.buf[:kept+n]
		if err == io.EOF {
			s.eof = true
			return true
		}
		if err != nil {
			s.err = err
			return false
		}
		if n > 0 {
			return true
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// blank returns the length of the blanks, comments and semicolons at the start
// of b. ok is false when more of the document must be read to tell.
func blank(b []byte, eof bool) (n int, ok bool) {
	for n < len(b) {
		switch c := b[n]; {
		case c == ';' || isBlank(c):
			n++
		case c != '/':
			return n, true
		case n+1 == len(b):
			return n, eof
		case b[n+1] != '/':
			return n, true
		default:
			end := bytes.IndexByte(b[n:], '\n')
			if end < 0 && !eof {
				return n, false
			}
			if end < 0 {
				return len(b), true
			}
			n += end + 1
		}
	}
	return n, eof
}

// isBlank reports white space as the language knows it (spec 1.5).
func isBlank(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r' || c == 0x85 || c == 0xa0
}

// opens are the bytes at which something starts that may hide a semicolon, and
// the semicolon.
var opens = [256]bool{'"': true, '`': true, '/': true, ';': true}

// definition returns the length of the definition at the start of b. ok is
// false when more of the document must be read to tell.
func definition(b []byte, eof bool) (n int, ok bool) {
	for n < len(b) {
		if !opens[b[n]] {
			n++
			continue
		}
		c := b[n]
		if c == ';' {
			return n, true
		}
		length := 0
		switch {
		case c != '/':
			length = quoted(b[n:])
		case n+1 == len(b):
		case b[n+1] == '/':
			length = bytes.IndexByte(b[n:], '\n') + 1
		default:
			length = regexpLiteral(b[n:])
		}
		if length == 0 { // its end is not in b
			return len(b), eof
		}
		n += length
	}
	return n, eof
}

// quoted returns the length of the string at the start of b, 0 when b ends
// before it.
func quoted(b []byte) int {
	n := 1
	for {
		end := bytes.IndexByte(b[n:], b[0])
		if end < 0 {
			return 0
		}
		escape := bytes.IndexByte(b[n:n+end], '\\')
		if escape < 0 {
			return n + end + 1
		}
		n += escape + 2
		if n > len(b) {
			return 0
		}
	}
}

// regexpLiteral returns the length of the regular expression at the start of
// b, 0 when b ends before it. A slash in brackets does not end it (spec 1.5).
func regexpLiteral(b []byte) int {
	class := false
	for n := 1; n < len(b); n++ {
		switch b[n] {
		case '\\':
			n++
		case '[':
			class = true
		case ']':
			class = false
		case '/':
			if !class {
				return n + 1
			}
		}
	}
	return 0
}
