package drive

import "fmt"

// client is one connection.
type client struct {
	*link
	mux      *mux   // HTTP/2; the fields of an exchange are then its streams'
	out      []byte // rest of the request
	in       []byte // head of the answer as far as it came
	left     int    // bytes of the body still to come, -1: the head is not complete
	busy     bool   // an exchange is going on
	begun    int64  // when it began, nanoseconds of the loop's clock
	answered bool   // something of the answer came
	served   int    // answers this connection brought
	closing  bool   // the answer is complete, the end of the stream is awaited
	watch    uint32
}

// begin takes up an exchange.
func (c *client) begin(request []byte, now int64) {
	c.out, c.left, c.busy, c.begun, c.answered = request, -1, true, now, false
}

// sending says that something waits to be written.
func (c *client) sending() bool { return len(c.out) > 0 || c.unsent() }

// send writes what the socket takes of the request.
func (c *client) send() error {
	for c.sending() {
		n, err := c.write(c.out)
		c.out = c.out[n:]
		if err != nil {
			return err
		}
	}
	return nil
}

// receive reads once and returns the bytes that came and whether the answer
// is complete. It says sock.ErrAgain when nothing is there.
func (c *client) receive(buf []byte, expect int) (n int, done bool, err error) {
	if c.left > 0 {
		n, err = c.discard(c.left, buf)
	} else {
		n, err = c.read(buf)
	}
	switch {
	case err != nil:
		return 0, false, err
	case n == 0:
		return 0, false, errAnswer("connection closed")
	case !c.busy || c.closing:
		return n, false, errAnswer("bytes after the answer")
	}
	c.answered = true
	if c.left > 0 {
		c.left -= n
		return n, c.left == 0, nil
	}
	done, err = c.head(buf[:n], expect)
	return n, done, err
}

// head takes bytes of an answer whose head is not complete.
func (c *client) head(b []byte, expect int) (done bool, err error) {
	if len(c.in) > 0 {
		c.in = append(c.in, b...)
		b = c.in
	}
	end, length, err := readHead(b)
	switch {
	case err != nil:
		return false, err
	case end == 0 && len(b) > 64<<10:
		return false, errAnswer("endless head")
	case end == 0:
		if len(c.in) == 0 {
			c.in = append(c.in, b...)
		}
		return false, nil
	case length != expect:
		return false, errAnswer(fmt.Sprintf("body of %d bytes, want %d", length, expect))
	}
	c.in = c.in[:0]
	c.left = length - (len(b) - end)
	if c.left < 0 {
		return false, errAnswer("bytes after the answer")
	}
	return c.left == 0, nil
}
