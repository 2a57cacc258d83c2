package sock

import (
	"fairlead.dev/fairlead/kit/buf"
)

// mss is about what one packet carries: what is written in one go and does not
// fit becomes several records at the beginning of a connection.
const mss = 1300

// fillGeneric waits with one byte, because under TLS there is no other way to
// learn that something has come, and takes memory for the rest of the record.
func (c *Conn) fillGeneric(size int) ([]byte, int, error) {
	if c.low == nil {
		return c.fillAbove(size)
	}
	n, err := c.nc.Read(c.one[:])
	if n == 0 {
		if isEOF(err) {
			return nil, 0, nil
		}
		return nil, 0, c.cause(err)
	}
	b := buf.Get(size)
	b[0] = c.one[0]
	// What is left of the record lies in crypto/tls. An error comes again.
	c.low.eager = true
	n, _ = c.nc.Read(b[1:])
	c.low.eager = false
	return b, 1 + n, nil
}

// fillAbove is Fill of a connection about which nothing is known.
func (c *Conn) fillAbove(size int) ([]byte, int, error) {
	b := buf.Get(size)
	n, err := c.nc.Read(b)
	if n > 0 {
		return b, n, nil
	}
	buf.Put(b)
	if isEOF(err) {
		return nil, 0, nil
	}
	return nil, 0, c.cause(err)
}

func (c *Conn) exchangeGeneric(head, body []byte, probe bool, size int) ([]byte, int, int, error) {
	if probe && !c.Alive() {
		return nil, 0, 0, ErrStale
	}
	if err := c.WriteTwo(head, body); err != nil {
		return nil, 0, 1, err
	}
	b, n, err := c.Fill(size)
	return b, n, len(head) + len(body), err
}

// writeGeneric writes in as few records and system calls as it can.
func (c *Conn) writeGeneric(a, b []byte) error {
	total := len(a) + len(b)
	if len(a) > 0 && len(b) > 0 && total <= buf.Medium {
		// One record instead of two: worth a copy under TLS.
		m := buf.Get(total)
		defer buf.Put(m)
		n := copy(m, a)
		n += copy(m[n:], b)
		a, b = m[:n], nil
	}
	if c.low == nil || total <= mss {
		return c.writeAbove(a, b)
	}
	c.low.beginGather()
	err := c.writeAbove(a, b)
	if left := c.low.endGather(); err == nil && left != nil {
		err = c.cause(left)
	}
	return err
}

func (c *Conn) writeAbove(a, b []byte) error {
	for _, p := range [2][]byte{a, b} {
		if len(p) == 0 {
			continue
		}
		if _, err := c.nc.Write(p); err != nil {
			return c.cause(err)
		}
	}
	return nil
}
