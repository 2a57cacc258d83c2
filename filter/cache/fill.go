package cache

import (
	"io"

	"fairlead.dev/fairlead/message"
)

// fill is the body of a response that is stored while the client reads it.
type fill struct {
	src   io.Reader
	visit *visit
	entry *entry
	resp  *message.Response
	left  int64 // of the body; negative when it is not known
	limit int64
	over  bool // stored, or given up
}

// Read implements io.Reader.
func (b *fill) Read(p []byte) (int, error) {
	n, err := b.src.Read(p)
	if b.over {
		return n, err
	}
	if n > 0 {
		b.add(p[:n])
	}
	known := b.left >= 0
	if known {
		b.left -= int64(n)
	}
	switch {
	case b.over:
	case known && b.left == 0, !known && err == io.EOF:
		b.over = true
		b.visit.store(b.entry, b.resp)
	case err != nil, known && b.left < 0:
		b.giveUp()
	}
	return n, err
}

// add keeps p, if there is room.
func (b *fill) add(p []byte) {
	e, f := b.entry, b.visit.filter
	size := len(e.body) + len(p)
	if int64(size) > b.limit {
		f.oversized.Add(1)
		b.giveUp()
		return
	}
	if size > cap(e.body) {
		grown := min(max(2*cap(e.body), size, 4<<10), int(b.limit))
		if b.left >= 0 {
			grown = size + int(b.left) - len(p)
		}
		if !f.take(int64(grown - cap(e.body))) {
			b.giveUp()
			return
		}
		b.visit.taken += int64(grown - cap(e.body))
		e.body = append(make([]byte, 0, grown), e.body...)
	}
	e.body = append(e.body, p...)
}

func (b *fill) giveUp() {
	b.over, b.entry.body = true, nil
	b.visit.land()
}

// Close implements io.Closer.
func (b *fill) Close() error {
	if !b.over {
		b.giveUp()
	}
	if c, ok := b.src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
