package http2

import (
	"encoding/binary"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// openHead is the header block that is arriving. id is 0 when there is none.
type openHead struct {
	id       uint32
	end      bool    // the stream ends with it
	s        *stream // of a new request
	trailers bool    // they go to c.trailer
	trailer  trailerSink
	problem  error // to be returned when the block was decoded
}

// headers takes a HEADERS frame.
func (c *conn) headers(h frameHead, p []byte) error {
	p, err := h.unpad(p)
	if err != nil {
		return err
	}
	var problem error
	if h.has(flagPriority) {
		if len(p) < 5 {
			return connError(CodeFrameSize, "HEADERS with %d bytes, too few for a priority", len(p))
		}
		if binary.BigEndian.Uint32(p)&maxID == h.stream {
			problem = streamError(h.stream, CodeProtocol, "the stream depends on itself")
		}
		p = p[5:]
	}
	o := &c.head
	o.id, o.end, o.problem = h.stream, h.has(flagEndStream), problem
	c.mu.Lock()
	if !h.has(flagEndHeaders) {
		if err := c.chat(2, "HEADERS without an end"); err != nil {
			c.mu.Unlock()
			return err
		}
		c.times.head = c.srv.now()
	}
	err = c.openBlock(o)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.block(p, h.has(flagEndHeaders))
}

// openBlock decides what the block is for (RFC 9113 5.1 and 5.1.1). Whatever it
// is, it has to be decoded.
func (c *conn) openBlock(o *openHead) error {
	if o.id%2 == 0 {
		return connError(CodeProtocol, "a client opened the even stream %d", o.id)
	}
	if o.id > c.maxID {
		c.maxID = o.id
		if c.ended || o.id > c.lastID {
			return c.chat(2, "HEADERS after GOAWAY") // that said that it is not served
		}
		if o.problem == nil {
			o.s = streams.Get().(*stream)
			o.s.begin(c, o.id)
			c.opening = true
		}
		return nil
	}
	s := c.streams.get(o.id)
	how := closedUnknown
	if s == nil {
		how = c.past.how(o.id)
	} else if s.over {
		how = s.how
	}
	switch {
	case how == closedHere:
		if !o.end { // trailers may have crossed the reset, this is none
			o.problem = streamError(o.id, CodeProtocol, "HEADERS within a body that do not end the stream")
		}
		return c.chat(2, "HEADERS of a stream that we reset")
	case s != nil && !s.over && !s.remoteEnded:
		o.trailers = true
	case s != nil && !s.over && s.localEnded:
		return connError(CodeStreamClosed, "HEADERS on the closed stream %d", o.id)
	case s != nil && !s.over:
		o.problem = streamError(o.id, CodeStreamClosed, "HEADERS on a stream that the client has ended")
	case how == closedUnknown:
		return connError(CodeProtocol, "HEADERS on stream %d, behind stream %d", o.id, c.maxID)
	default:
		return connError(CodeStreamClosed, "HEADERS on the closed stream %d", o.id)
	}
	return nil
}

// nothing takes the fields of blocks that belong to no stream.
type nothing struct{}

func (nothing) field(string, string) {}

// block takes a fragment of the header block.
func (c *conn) block(p []byte, last bool) error {
	o := &c.head
	var sink fieldSink = nothing{}
	switch {
	case o.s != nil:
		sink = o.s
	case o.trailers:
		sink = &o.trailer
	}
	if len(p) == 0 && !last {
		c.mu.Lock()
		err := c.chat(16, "an empty fragment of a header block")
		c.mu.Unlock()
		if err != nil {
			return err
		}
	}
	if err := c.dec.add(p, last, sink); err != nil || !last {
		return err
	}
	return c.closeBlock()
}

// closeBlock goes on when a header block is complete.
func (c *conn) closeBlock() error {
	o := c.head
	c.head.reset()
	c.waitsForHead(false)
	switch {
	case o.problem != nil:
		return o.problem
	case o.trailers:
		defer c.head.trailer.header.Reset()
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.takeTrailers(&o)
	case o.s != nil:
		o.s.size = c.dec.size
		o.s.tooLarge(&c.dec)
		o.s.settleHead(o.end)
		return c.start(o.s, o.end)
	}
	return nil
}

// reset keeps the memory of the trailer fields.
func (o *openHead) reset() {
	h := o.trailer.header
	*o = openHead{}
	o.trailer.header = h
}

// trailerSink takes trailer fields.
type trailerSink struct {
	header message.Header
	bad    string // what is wrong
}

func (t *trailerSink) field(name, value string) {
	if t.bad != "" {
		return
	}
	if name != "" && name[0] == ':' {
		t.bad = "a pseudo-header field in the trailers"
		return
	}
	f, err := checkField(name, value)
	if err != nil {
		t.bad = err.Error()
		return
	}
	if message.TrailerAllowed(f) {
		t.header.AddField(f)
	}
}

// takeTrailers gives trailers to their stream, which ends with them.
func (c *conn) takeTrailers(o *openHead) error {
	s := c.streams.get(o.id)
	if s == nil || s.over {
		return nil
	}
	t := &o.trailer
	switch {
	case !o.end:
		return streamError(o.id, CodeProtocol, "HEADERS within a body that do not end the stream")
	case t.bad != "":
		return &StreamError{Stream: o.id, Code: CodeProtocol, Reason: message.ReasonBadTrailer, Detail: t.bad}
	case c.dec.tooLarge() || c.dec.tooMany() || c.heads+c.dec.size > headsMost*c.srv.cfg.HeadBytes:
		return &StreamError{Stream: o.id, Code: CodeEnhanceYourCalm, Reason: message.ReasonBadTrailer,
			Detail: "the trailers are larger than a head may be"}
	case s.head.protocol == "" && !s.body.fits(0, true):
		return &StreamError{Stream: o.id, Code: CodeProtocol, Reason: message.ReasonConflictingLength,
			Detail: "the DATA frames are not as long as the Content-Length says"}
	}
	s.size += c.dec.size
	c.heads += c.dec.size
	for _, f := range t.header.Fields() {
		s.record.Request.Trailer.AddField(f)
	}
	c.bodyEnded(o.id)
	return nil
}

// start begins a request whose head is complete.
func (c *conn) start(s *stream, end bool) error {
	c.mu.Lock()
	c.opening = false
	cfg := &c.srv.cfg
	refuse := ""
	switch {
	case c.w.closed || s.id > c.lastID:
		c.mu.Unlock()
		streams.Put(s)
		return nil
	case c.open >= cfg.MaxStreams, c.running >= 2*cfg.MaxStreams:
		refuse = "one above the limit of concurrent streams"
	case c.heads+s.size > headsMost*cfg.HeadBytes:
		refuse = "one whose head does not fit beside the others"
	}
	if refuse != "" {
		defer c.mu.Unlock()
		c.past.add(s.id, closedHere)
		err := c.reply(appendReset(c.w.roomFor(frameHeadLen+4), s.id, CodeRefusedStream))
		streams.Put(s)
		if err == nil {
			err = c.gaveUp(refuse)
		}
		return err
	}
	if s.id > c.maxID {
		c.maxID = s.id
	}
	s.send.n = c.peer
	s.remoteEnded = end
	if end {
		s.body.end()
	}
	s.begun()
	c.flood.chatter.earn(earnRequest)
	c.heads += s.size
	c.streams.add(s)
	c.running++
	c.open++
	s.counted = true
	c.busy++
	c.started++
	c.times.idle = 0
	c.moved(exchange.ConnActive)
	if cfg.MaxRequests > 0 && c.started >= cfg.MaxRequests {
		c.beginDrain()
	}
	c.mu.Unlock()
	c.srv.workers.start(s)
	return nil
}

// headsMost bounds the heads of all streams of a connection, in heads of the
// largest size.
const headsMost = 4
