package http2

import (
	"io"
	"sync"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// common is what the streams of one connection share.
type common struct {
	mu   sync.Mutex // guards all of it, and the streams' parts that say so
	w    writer
	send sendWindow
	recv recvWindow
}

// chunk is a piece of a body in pooled memory; b[r:w] was not consumed.
type chunk struct {
	b    []byte
	r, w int
}

// body is a body that arrives in DATA frames. It implements exchange.Body: the
// exported methods are for the one who reads, the others for the connection and
// are called with the connection's lock held.
type body struct {
	c    *common
	id   uint32
	cond sync.Cond

	chunks []chunk
	win    recvWindow
	length int64 // as declared, or message.Unknown
	got    int64 // bytes that came
	read   int64 // bytes that were consumed
	ended  bool  // all of it came
	held   bool  // see HoldRead
	drops  bool  // nobody reads what still comes
	err    error // why there is no more

	// wanted is set while somebody waits for data; waited is how long that was
	// before wantedAt, on the sweeper's clock.
	wanted   bool
	wantedAt int64
	waited   int64

	// onRead runs, without the lock, before data is first waited for.
	onRead func() error
}

// begin prepares b for a body of stream id.
func (b *body) begin(c *common, id uint32, window int, length int64) {
	*b = body{c: c, id: id, length: length, chunks: b.chunks[:0]}
	b.cond.L = &c.mu
	b.win.begin(window)
}

// arrive takes data of a DATA frame whose windows were charged before. It is
// copied.
func (b *body) arrive(data []byte) {
	b.got += int64(len(data))
	if b.drops {
		b.read = b.got
		b.c.credit(len(data))
		return
	}
	for len(data) > 0 {
		if n := len(b.chunks); n == 0 || b.chunks[n-1].w == len(b.chunks[n-1].b) {
			b.chunks = append(b.chunks, chunk{b: buf.Get(b.chunkSize(len(data)))})
		}
		last := &b.chunks[len(b.chunks)-1]
		n := copy(last.b[last.w:], data)
		last.w += n
		data = data[n:]
	}
	b.cond.Broadcast()
}

// chunkSize returns how much memory to take when n bytes are at hand and more
// may come.
func (b *body) chunkSize(n int) int {
	if n >= buf.Small || (b.length < 0 && len(b.chunks) > 0) {
		return buf.Medium
	}
	if left := b.length - b.got; b.length >= 0 && left >= buf.Small {
		return buf.Medium
	}
	return buf.Small
}

// end says that all of the body came.
func (b *body) end() {
	b.ended = true
	b.cond.Broadcast()
}

// abort makes reads fail with err unless all of the body came.
func (b *body) abort(err error) {
	if b.err == nil && !b.ended {
		b.err = err
	}
	b.cond.Broadcast()
}

// fits reports whether n more bytes, and the end, agree with the declared length
// (RFC 9113 8.1.1).
func (b *body) fits(n int, end bool) bool {
	if b.length < 0 {
		return true
	}
	total := b.got + int64(n)
	return total == b.length || (total < b.length && !end)
}

// unread returns how many bytes came and were not consumed.
func (b *body) unread() int { return int(b.got - b.read) }

// release gives back the memory and what the connection's window is owed. Nobody
// reads any more.
func (b *body) release() {
	for i := range b.chunks {
		buf.Put(b.chunks[i].b)
		b.chunks[i] = chunk{}
	}
	b.chunks = b.chunks[:0]
	if n := b.unread(); n > 0 {
		b.read = b.got
		b.c.credit(n)
	}
	if b.err == nil && !b.ended {
		b.err = io.ErrClosedPipe
	}
	b.onRead = nil
}

// drop is release for a body of which more may come.
func (b *body) drop() {
	b.release()
	b.drops = true
}

// credit gives n bytes back to the connection's window.
func (c *common) credit(n int) {
	if inc := c.recv.give(n); inc > 0 && !c.w.closed {
		c.w.reserve(frameHeadLen + 4)
		c.w.out = appendWindowUpdate(c.w.out, 0, inc)
	}
}

// Next implements exchange.Body. size does not matter: data was read already.
func (b *body) Next(int) ([]byte, error) {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	for {
		data, err := b.arrived()
		if len(data) > 0 || err != nil {
			return data, err
		}
		if ask := b.onRead; ask != nil {
			b.onRead = nil
			b.c.mu.Unlock()
			err := ask()
			b.c.mu.Lock()
			if err != nil {
				b.abort(err)
			}
			continue
		}
		b.wanted, b.wantedAt = true, b.c.w.now()
		b.cond.Wait()
		if b.wanted {
			b.wanted = false
			b.waited += b.c.w.now() - b.wantedAt
		}
	}
}

// Arrived implements exchange.Body.
func (b *body) Arrived() ([]byte, error) {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	return b.arrived()
}

func (b *body) arrived() ([]byte, error) {
	switch {
	case b.held:
		return nil, sock.ErrTimeout
	case b.err != nil:
		return nil, b.err
	case len(b.chunks) > 0:
		first := &b.chunks[0]
		return first.b[first.r:first.w], nil
	case b.ended:
		return nil, io.EOF
	}
	return nil, nil
}

// Consume implements exchange.Body. The peer may send as much again.
func (b *body) Consume(n int) {
	if n <= 0 {
		return
	}
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	b.read += int64(n)
	first := &b.chunks[0]
	if first.r += n; first.r == first.w {
		buf.Put(first.b)
		k := copy(b.chunks, b.chunks[1:])
		b.chunks[k] = chunk{}
		b.chunks = b.chunks[:k]
	}
	b.credit(n)
	b.c.credit(n)
	b.c.w.flush(true)
}

// credit gives n bytes back to the stream's window.
func (b *body) credit(n int) {
	if inc := b.win.give(n); inc > 0 && !b.ended && b.err == nil && !b.c.w.closed {
		b.c.w.reserve(frameHeadLen + 4)
		b.c.w.out = appendWindowUpdate(b.c.w.out, b.id, inc)
	}
}

// Whole implements exchange.Body.
func (b *body) Whole() ([]byte, bool) {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	if !b.ended || b.err != nil || len(b.chunks) > 1 {
		return nil, false
	}
	data, _ := b.arrived()
	return data, true
}

// Left implements exchange.Body.
func (b *body) Left() int64 {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	switch {
	case b.ended:
		return b.got - b.read
	case b.length >= 0:
		return b.length - b.read
	}
	return message.Unknown
}

// Ends implements exchange.Body.
func (b *body) Ends(n int) bool {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	return b.ended && b.err == nil && b.read+int64(n) == b.got
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	data, err := b.Next(len(p))
	if err != nil {
		return 0, err
	}
	n := copy(p, data)
	b.Consume(n)
	return n, nil
}

// HoldRead implements exchange.BodySource.
func (b *body) HoldRead(on bool) {
	b.c.mu.Lock()
	defer b.c.mu.Unlock()
	b.held = on
	b.cond.Broadcast()
}
