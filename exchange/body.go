package exchange

import "io"

// Body is a body that lies in the memory of an engine: who sends it on needs no
// copy. All bodies that engines make have these methods; those that filters make
// need not.
type Body interface {
	io.Reader
	// Next returns data that has arrived, waiting when there is none; io.EOF at
	// the end. It stays valid until Consume or the next call. size says how much
	// memory to take for reading more.
	Next(size int) ([]byte, error)
	// Arrived is Next without waiting: nothing and no error means that Next would
	// wait.
	Arrived() ([]byte, error)
	// Consume says that the first n bytes of what Next or Arrived gave were used.
	Consume(n int)
	// Whole returns all that is left if all of it has arrived and its length is
	// known.
	Whole() ([]byte, bool)
	// Left returns how many bytes are left, negative when that is not known.
	Left() int64
	// Ends reports whether the body is known to end behind the first n bytes of
	// what Next or Arrived gave; Ends(0) means that it was read to its end.
	Ends(n int) bool
}
