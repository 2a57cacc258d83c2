package http2

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// clientReader reads the frames of a connection. It has a goroutine of its own, which
// ends with the connection.
type clientReader struct {
	c    *ClientConn
	b    []byte // pooled memory, nil when all of it was used
	r, w int    // b[r:w] was not used

	heads   headDecoder
	head    respHead
	block   uint32 // the stream whose header block is being read, 0: none
	blockE  bool   // it has END_STREAM
	work    idleWork
	greeted bool // the first frame was SETTINGS
}

func (r *clientReader) begin(c *ClientConn) {
	r.c = c
	r.heads.begin(c.cfg.Limits)
	r.work.begin(c.cfg.Now())
}

func (r *clientReader) run() {
	err := r.loop()
	if r.b != nil {
		buf.Put(r.b)
	}
	r.heads.drop()
	r.c.cleanUp(err)
}

func (r *clientReader) loop() error {
	c := r.c
	for {
		if err := r.fill(); err != nil {
			return err
		}
		c.mu.Lock()
		now := c.cfg.Now()
		c.clock.heard(now)
		r.work.refill(now)
		err := r.frames()
		c.w.kick()
		ended := c.err
		c.mu.Unlock()
		c.notify() // streams may have ended
		if err != nil {
			return err
		}
		if ended != nil {
			return ended
		}
	}
}

// fill reads more behind what is left of the input.
func (r *clientReader) fill() error {
	if r.r == r.w {
		if r.b != nil {
			buf.Put(r.b)
		}
		size := buf.Medium
		if r.w >= buf.Medium { // there is a lot to read
			size = buf.Large
		}
		r.b, r.r, r.w = nil, 0, 0
		b, n, err := r.c.conn.Fill(size)
		if err == nil && n == 0 {
			err = r.ended()
		}
		if err != nil {
			return fmt.Errorf("read from the backend: %w", err)
		}
		r.b, r.w = b, n
		return nil
	}
	if len(r.b) < frameHeadLen+maxFrame || r.r > len(r.b)-(frameHeadLen+maxFrame) {
		b := r.b
		if len(b) < frameHeadLen+maxFrame {
			b = buf.Get(buf.Large)
		}
		n := copy(b, r.b[r.r:r.w])
		if &b[0] != &r.b[0] {
			buf.Put(r.b)
		}
		r.b, r.r, r.w = b, 0, n
	}
	n, err := r.c.conn.Read(r.b[r.w:])
	if err == nil && n == 0 {
		err = r.ended()
	}
	if err != nil {
		return fmt.Errorf("read from the backend: %w", err)
	}
	r.w += n
	return nil
}

// ended says what the end of the connection means.
func (r *clientReader) ended() error {
	if !r.greeted {
		return fmt.Errorf("%w before its SETTINGS: does the backend speak HTTP/2?", exchange.ErrUnexpectedEnd)
	}
	return exchange.ErrUnexpectedEnd
}

// frames deals with all frames that are complete.
func (r *clientReader) frames() error {
	for {
		in := r.b[r.r:r.w]
		if !r.greeted {
			if err := greeting(in); err != nil {
				return err
			}
		}
		if len(in) < frameHeadLen {
			return nil
		}
		h := parseFrameHead(in)
		err := h.check()
		if _, ofStream := err.(*StreamError); err != nil && !ofStream { //nolint:errorlint // check returns it bare
			return err
		}
		if len(in) < frameHeadLen+h.length {
			return nil
		}
		r.r += frameHeadLen + h.length
		r.greeted = true
		if err == nil {
			err = r.frame(h, in[frameHeadLen:frameHeadLen+h.length])
		}
		if err != nil {
			if err = r.c.refuse(err); err != nil {
				return err
			}
		}
	}
}

// greeting checks that the backend begins with SETTINGS (RFC 9113 3.4).
func greeting(in []byte) error {
	const http1 = "HTTP/"
	n := min(len(in), len(http1))
	first := len(in) >= frameHeadLen && (frameType(in[3]) != frameSettings || in[4]&flagAck != 0)
	if (n > 0 && bytes.HasPrefix(in, []byte(http1)[:n]) && n == len(http1)) || first {
		return connError(CodeProtocol, "the backend does not speak HTTP/2: it began with %q", message.Show(string(in)))
	}
	return nil
}

// frame deals with one frame. The error is a *StreamError or a *ConnError.
func (r *clientReader) frame(h frameHead, p []byte) error {
	if r.block != 0 && (h.kind != frameContinuation || h.stream != r.block) {
		return connError(CodeProtocol, "a frame of type %#x within the header block of stream %d", h.kind, r.block)
	}
	switch h.kind {
	case frameData:
		return r.data(h, p)
	case frameHeaders:
		return r.headers(h, p)
	case frameContinuation:
		return r.continuation(h, p)
	case frameRSTStream:
		return r.reset(h.stream, Code(binary.BigEndian.Uint32(p)))
	case frameSettings:
		return r.settings(h, p)
	case framePing:
		return r.ping(h, p)
	case frameGoAway:
		return r.goAway(p)
	case frameWindowUpdate:
		return r.windowUpdate(h.stream, binary.BigEndian.Uint32(p)&mostWindow)
	case framePushPromise:
		return connError(CodeProtocol, "PUSH_PROMISE, which our SETTINGS forbid")
	}
	return r.work.charge(1) // PRIORITY and what is not known
}

// known refuses frames on streams that were never opened (RFC 9113 5.1).
func (r *clientReader) known(h frameType, id uint32) error {
	if id%2 == 0 || id >= r.c.nextID {
		return connError(CodeProtocol, "a frame of type %#x on stream %d, which was not opened", h, id)
	}
	return nil
}

func (r *clientReader) data(h frameHead, p []byte) error {
	c := r.c
	if err := r.known(h.kind, h.stream); err != nil {
		return err
	}
	if !c.recv.take(len(p)) {
		return connError(CodeFlowControl, "DATA beyond the window of the connection")
	}
	content, err := h.unpad(p)
	if err != nil {
		return err
	}
	s := c.streams[h.stream]
	if s == nil || s.recvEnd {
		c.credit(len(p))
		if s != nil {
			return streamError(h.stream, CodeStreamClosed, "DATA behind the end of the response")
		}
		return r.work.charge(1)
	}
	if err := s.mayTake(h, len(p), len(content)); err != nil {
		c.credit(len(p))
		return err
	}
	if pad := len(p) - len(content); pad > 0 {
		c.credit(pad)
		if inc := s.body.win.give(pad); inc > 0 {
			c.w.reserve(frameHeadLen + 4)
			c.w.out = appendWindowUpdate(c.w.out, s.id, inc)
		}
	}
	if len(content) == 0 && !h.has(flagEndStream) {
		return r.work.charge(1)
	}
	c.clock.answered()
	s.body.arrive(content)
	if h.has(flagEndStream) {
		s.received()
	}
	return nil
}

// mayTake checks a DATA frame: size with padding, content without.
func (s *ClientStream) mayTake(h frameHead, size, content int) error {
	end := h.has(flagEndStream)
	switch {
	case !s.gotHead:
		return streamError(s.id, CodeProtocol, "DATA before the head of the response")
	case !s.body.win.take(size):
		return streamError(s.id, CodeFlowControl, "DATA beyond the window of the stream")
	case s.bodiless && content > 0:
		return streamError(s.id, CodeProtocol, "DATA in a response that has no body")
	case !s.bodiless && !s.body.fits(content, end):
		return streamError(s.id, CodeProtocol, "a body that is not as long as its Content-Length of %d", s.body.length)
	}
	return nil
}

func (r *clientReader) headers(h frameHead, p []byte) error {
	if err := r.known(h.kind, h.stream); err != nil {
		return err
	}
	p, err := h.unpad(p)
	if err != nil {
		return err
	}
	if h.has(flagPriority) {
		if len(p) < 5 {
			return connError(CodeFrameSize, "HEADERS with a priority of %d bytes", len(p))
		}
		p = p[5:]
	}
	r.block, r.blockE = h.stream, h.has(flagEndStream)
	return r.fragment(p, h.has(flagEndHeaders))
}

func (r *clientReader) continuation(h frameHead, p []byte) error {
	if r.block == 0 {
		return connError(CodeProtocol, "CONTINUATION without HEADERS")
	}
	return r.fragment(p, h.has(flagEndHeaders))
}

// fragment takes a part of a header block; with the last one, the head or the
// trailers of a response are complete.
func (r *clientReader) fragment(p []byte, last bool) error {
	s := r.c.streams[r.block]
	if s != nil && s.recvEnd {
		s = nil
	}
	if last {
		r.head.begin(s)
	}
	if err := r.heads.add(p, last, &r.head); err != nil {
		return err
	}
	if !last {
		return nil
	}
	id := r.block
	r.block = 0
	if s == nil {
		if r.c.streams[id] != nil {
			return streamError(id, CodeStreamClosed, "HEADERS behind the end of the response")
		}
		return r.work.charge(1)
	}
	r.c.clock.answered()
	if r.heads.tooLarge() || r.heads.tooMany() {
		return &StreamError{
			Stream: id, Code: CodeEnhanceYourCalm, Reason: message.ReasonBackendHeaderTooLarge,
			Detail: fmt.Sprintf("response head of %d bytes in %d fields", r.heads.size, r.heads.fields),
		}
	}
	return r.head.end(s, r.blockE)
}

// refuse ends a stream for what is wrong with it; errors of the connection are
// returned.
func (c *ClientConn) refuse(err error) error {
	se, ok := err.(*StreamError) //nolint:errorlint // frame returns it bare
	if !ok {
		return err
	}
	s := c.streams[se.Stream]
	if s == nil {
		return nil
	}
	reason := se.Reason
	if reason == message.ReasonNone {
		reason = message.ReasonBackendMalformed
	}
	s.fail(&exchange.ProtocolError{Reason: reason, Detail: se.Error()}, se.Code)
	return nil
}
