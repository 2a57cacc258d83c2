package http2

import (
	"encoding/binary"
	"errors"
	"io"

	"fairlead.dev/fairlead/kit/buf"
)

// read takes frames until the connection ends. io.EOF is the end of the client's
// direction.
func (c *conn) read() error {
	if err := c.readPreface(); err != nil {
		return err
	}
	for {
		err := c.readFrame()
		if err == nil {
			continue
		}
		var se *StreamError
		if !errors.As(err, &se) {
			return err
		}
		if err := c.resetFor(se); err != nil {
			return err
		}
	}
}

// readPreface expects the first bytes of a client (RFC 9113 3.4).
func (c *conn) readPreface() error {
	for {
		b := c.in.unread()
		n := min(len(b), len(Preface))
		if string(b[:n]) != Preface[:n] {
			return connError(CodeProtocol, "the connection does not begin with the preface of HTTP/2")
		}
		if n == len(Preface) {
			c.in.take(n)
			return nil
		}
		if err := c.more(len(Preface)); err != nil {
			return err
		}
	}
}

// more waits for input. What was gathered for the client leaves before.
func (c *conn) more(need int) error {
	size := buf.Medium
	c.mu.Lock()
	c.w.kick()
	if c.streams.n == 0 {
		size = buf.Small
	}
	closed := c.w.closed
	c.mu.Unlock()
	if closed {
		return io.EOF
	}
	end, err := c.in.more(need, size)
	if end {
		err = io.EOF
	}
	return err
}

// want waits until n bytes are there in one piece; it is a part of a head, or of
// another frame that has to be complete in time.
func (c *conn) want(n int) error {
	waiting := false
	for len(c.in.unread()) < n {
		if !waiting && len(c.in.unread()) > 0 {
			waiting = true
			c.waitsForHead(true)
		}
		if err := c.more(n); err != nil {
			return err
		}
	}
	if waiting && !c.fresh && c.head.id == 0 {
		c.waitsForHead(false)
	}
	return nil
}

// waitsForHead begins or ends the time limit for something that has begun to
// arrive.
func (c *conn) waitsForHead(on bool) {
	if on == (c.times.head != 0) {
		return // only the reader changes it
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times.head = 0
	if on {
		c.times.head = c.srv.now()
	}
}

// readFrame takes one frame. The error may be a *StreamError.
func (c *conn) readFrame() error {
	if err := c.want(frameHeadLen); err != nil {
		return err
	}
	h := parseFrameHead(c.in.take(frameHeadLen))
	problem := h.check()
	if _, fatal := problem.(*ConnError); fatal { //nolint:errorlint // check returns it bare
		return problem
	}
	switch {
	case c.fresh && (h.kind != frameSettings || h.has(flagAck)):
		return connError(CodeProtocol, "the first frame is of type %#x, it has to be SETTINGS", h.kind)
	case c.head.id != 0 && (h.kind != frameContinuation || h.stream != c.head.id):
		return connError(CodeProtocol, "a frame of type %#x within the header block of stream %d", h.kind, c.head.id)
	case h.kind == frameData:
		return c.readData(h)
	}
	if err := c.want(h.length); err != nil {
		return err
	}
	p := c.in.take(h.length)
	if problem != nil {
		return problem
	}
	return c.frame(h, p)
}

// frame takes a frame that is complete.
func (c *conn) frame(h frameHead, p []byte) error {
	switch h.kind {
	case frameHeaders:
		return c.headers(h, p)
	case frameContinuation:
		if c.head.id == 0 {
			return connError(CodeProtocol, "CONTINUATION without HEADERS")
		}
		return c.block(p, h.has(flagEndHeaders))
	case framePushPromise:
		return connError(CodeProtocol, "PUSH_PROMISE from a client")
	case framePriority:
		return c.priority(h, p)
	}
	c.mu.Lock()
	gone, err := c.control(h, p)
	c.mu.Unlock()
	gone.tell()
	return err
}

// control takes a frame about the connection, or about the life of a stream.
func (c *conn) control(h frameHead, p []byte) (gone departures, err error) {
	switch h.kind {
	case frameRSTStream:
		return c.resetByPeer(h.stream, Code(binary.BigEndian.Uint32(p)))
	case frameSettings:
		c.fresh = false
		return nil, c.settings(h, p)
	case framePing:
		return c.ping(h, p)
	case frameWindowUpdate:
		return nil, c.windowUpdate(h.stream, binary.BigEndian.Uint32(p)&maxID)
	case frameGoAway:
		return nil, c.chat(1, "GOAWAY") // nothing is pushed that it could refuse
	case framePriorityUpdate:
		if id := binary.BigEndian.Uint32(p) & maxID; id == 0 {
			return nil, connError(CodeProtocol, "PRIORITY_UPDATE without a stream")
		}
		return nil, c.chat(2, "PRIORITY_UPDATE")
	}
	return nil, c.chat(2, "of an unknown type") // RFC 9113 5.5
}

// priority is read and ignored (RFC 9113 5.3.2).
func (c *conn) priority(h frameHead, p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if binary.BigEndian.Uint32(p)&maxID == h.stream {
		return streamError(h.stream, CodeProtocol, "the stream depends on itself")
	}
	return c.chat(2, "PRIORITY")
}

// ping answers a PING, or learns that what we sent before ours has arrived.
func (c *conn) ping(h frameHead, p []byte) (departures, error) {
	if h.has(flagAck) {
		return c.pingAnswered([8]byte(p)), c.chat(1, "PING")
	}
	if err := c.chat(2, "PING"); err != nil {
		return nil, err
	}
	return nil, c.reply(appendPing(c.w.roomFor(frameHeadLen+8), true, [8]byte(p)))
}

// reply takes over out, which has got an answer to something that the client
// sent. They are bounded: a client that does not read must not make us keep them.
func (c *conn) reply(out []byte) error {
	n := len(out) - len(c.w.out)
	c.w.out = out
	return c.w.asked(n)
}

// windowUpdate opens a window (RFC 9113 6.9).
func (c *conn) windowUpdate(id, n uint32) error {
	if !c.flood.returned(n) {
		cost := 1
		if n < small {
			cost = 4
		}
		if err := c.chat(cost, "WINDOW_UPDATE"); err != nil {
			return err
		}
	}
	if id == 0 {
		if n == 0 {
			return connError(CodeProtocol, "WINDOW_UPDATE by 0")
		}
		if !c.send.add(int64(n)) {
			return connError(CodeFlowControl, "the window of the connection is above 2^31-1")
		}
		c.streams.each(func(s *stream) {
			if s.waiting {
				s.canSend.Signal()
			}
		})
		return nil
	}
	s := c.streams.get(id)
	switch {
	case s == nil && (id > c.maxID || id%2 == 0):
		return connError(CodeProtocol, "WINDOW_UPDATE on the idle stream %d", id)
	case n == 0 && s != nil:
		return streamError(id, CodeProtocol, "WINDOW_UPDATE by 0")
	case s == nil:
		return nil
	case !s.send.add(int64(n)):
		return streamError(id, CodeFlowControl, "the window is above 2^31-1")
	}
	s.canSend.Signal()
	return nil
}

// small is an increment of a window that is hardly worth the frame.
const small = 256

// resetByPeer ends a stream that the client gave up.
func (c *conn) resetByPeer(id uint32, code Code) (gone departures, err error) {
	if id > c.maxID || id%2 == 0 {
		return nil, connError(CodeProtocol, "RST_STREAM on the idle stream %d", id)
	}
	s := c.streams.get(id)
	if s == nil || s.over {
		return nil, c.chat(1, "RST_STREAM of a closed stream")
	}
	s.how = closedThere
	gone = s.leave(errReset, nil)
	if code == CodeNone && s.localEnded {
		return gone, nil
	}
	return gone, c.gaveUp("RST_STREAM")
}

// resetFor ends a stream for a mistake of the client.
func (c *conn) resetFor(e *StreamError) error {
	c.mu.Lock()
	if e.Stream > c.maxID {
		c.mu.Unlock()
		return connError(e.Code, "%s", e.Detail) // an idle stream cannot be reset
	}
	var gone departures
	s := c.streams.get(e.Stream)
	if s == nil && c.past.how(e.Stream) == closedUnknown {
		c.past.add(e.Stream, closedHere)
	}
	if s == nil || s.how != closedHere {
		err := c.reply(appendReset(c.w.roomFor(frameHeadLen+4), e.Stream, e.Code))
		if err == nil {
			err = c.gaveUp("one that we reset: " + e.Detail)
		}
		if err != nil {
			c.mu.Unlock()
			return err
		}
	}
	if s != nil && !s.over {
		s.how = closedHere
		gone = s.leave(e, nil)
	}
	c.mu.Unlock()
	gone.tell()
	return nil
}
