package http2

import "fairlead.dev/fairlead/kit/buf"

// input is the reading side of a connection. It holds memory only while there is
// something in it.
type input struct {
	conn Conn
	b    []byte
	r, w int // unread: b[r:w]
}

// begin starts with what was read already.
func (in *input) begin(conn Conn, unread []byte) {
	*in = input{conn: conn}
	if len(unread) > 0 {
		in.b = buf.Get(len(unread))
		in.w = copy(in.b, unread)
	}
}

// unread returns what has arrived and was not consumed.
func (in *input) unread() []byte { return in.b[in.r:in.w] }

// take consumes n bytes and returns them. They are valid until the next call of
// more.
func (in *input) take(n int) []byte {
	p := in.b[in.r : in.r+n]
	in.r += n
	return p
}

// more reads more behind what is unread, with room for need bytes in one piece.
// end is true at the end of the connection. size is how much memory to take when
// there is nothing.
func (in *input) more(need, size int) (end bool, err error) {
	if in.r == in.w {
		in.release()
		b, n, err := in.conn.Fill(max(size, need))
		if err != nil || n == 0 {
			return err == nil, err
		}
		in.b, in.w = b, n
		return false, nil
	}
	in.makeRoom(need)
	n, err := in.conn.Read(in.b[in.w:])
	if err != nil || n == 0 {
		return err == nil, err
	}
	in.w += n
	return false, nil
}

// makeRoom moves what is unread to the start of memory that takes need bytes.
func (in *input) makeRoom(need int) {
	if in.r+need <= len(in.b) && in.w < len(in.b) {
		return
	}
	n := in.w - in.r
	if need <= len(in.b) && n < len(in.b) {
		copy(in.b, in.b[in.r:in.w])
	} else {
		next := buf.Get(max(need, n+1))
		copy(next, in.b[in.r:in.w])
		buf.Put(in.b)
		in.b = next
	}
	in.r, in.w = 0, n
}

// release gives back the memory and what is in it.
func (in *input) release() {
	if in.b != nil {
		buf.Put(in.b)
	}
	in.b, in.r, in.w = nil, 0, 0
}
