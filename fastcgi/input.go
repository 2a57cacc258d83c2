package fastcgi

import (
	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
)

// input is the reading side of a connection. It holds memory only while there is
// something in it.
type input struct {
	s    *sock.Conn
	b    []byte // nil when there is none
	r, w int    // unread: b[r:w]
}

func (in *input) unread() []byte { return in.b[in.r:in.w] }

// skip drops n unread bytes.
func (in *input) skip(n int) { in.r += n }

// more waits for more behind what is unread, at most the header of a record or
// the content of a short one. The end of the connection is ErrUnexpectedEnd.
func (in *input) more() error {
	if in.r == in.w {
		in.release()
		b, n, err := in.s.Fill(buf.Medium)
		if err == nil && n == 0 {
			err = exchange.ErrUnexpectedEnd
		}
		if err != nil {
			return err
		}
		in.b, in.w = b, n
		return nil
	}
	if in.r > 0 {
		copy(in.b, in.b[in.r:in.w])
		in.r, in.w = 0, in.w-in.r
	}
	n, err := in.s.Read(in.b[in.w:])
	if err == nil && n == 0 {
		err = exchange.ErrUnexpectedEnd
	}
	in.w += n
	return err
}

// release gives back the memory.
func (in *input) release() {
	if in.b != nil {
		buf.Put(in.b)
	}
	in.b, in.r, in.w = nil, 0, 0
}
