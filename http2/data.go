package http2

import "fairlead.dev/fairlead/message"

// readData takes a DATA frame: windows and state are checked by its head, its
// content goes to the stream as it arrives.
func (c *conn) readData(h frameHead) error {
	length, pad := h.length, 0
	if h.has(flagPadded) {
		if length == 0 {
			return connError(CodeFrameSize, "a padded frame without a length of its padding")
		}
		if err := c.want(1); err != nil {
			return err
		}
		pad = int(c.in.take(1)[0])
		length--
		if pad > length {
			return connError(CodeProtocol, "%d bytes of padding in a frame of %d", pad, h.length)
		}
		length -= pad
	}
	c.mu.Lock()
	problem := c.admitData(h, length)
	c.mu.Unlock()
	if _, fatal := problem.(*ConnError); fatal { //nolint:errorlint // made here
		return problem
	}
	if err := c.passData(h.stream, length, problem == nil); err != nil {
		return err
	}
	if err := c.passData(h.stream, pad, false); err != nil {
		return err
	}
	if problem == nil && h.has(flagEndStream) {
		c.mu.Lock()
		c.bodyEnded(h.stream)
		c.mu.Unlock()
	}
	return problem
}

// admitData checks a DATA frame with length bytes of content against windows and
// the state of its stream (RFC 9113 5.1 and 6.9).
func (c *conn) admitData(h frameHead, length int) error {
	if h.stream > c.maxID || h.stream%2 == 0 {
		return connError(CodeProtocol, "DATA on the idle stream %d", h.stream)
	}
	if !c.recv.take(h.length) {
		return connError(CodeFlowControl, "DATA beyond the window of the connection")
	}
	if length == 0 && !h.has(flagEndStream) {
		if err := c.chat(8, "an empty DATA frame"); err != nil {
			return err
		}
	}
	err := c.admitToStream(h, length)
	if h.has(flagPadded) {
		c.credit(1) // passData gives back the rest of the padding
		if s := c.streams.get(h.stream); err == nil && s != nil && !s.over {
			s.body.credit(h.length - length)
		}
	}
	return err
}

func (c *conn) admitToStream(h frameHead, length int) error {
	s := c.streams.get(h.stream)
	how := closedUnknown
	switch {
	case s == nil:
		how = c.past.how(h.stream)
	case s.over:
		how = s.how
	}
	switch {
	case how == closedHere:
		return c.chat(1, "DATA of a stream that we reset") // it may have crossed that; passData drops it
	case s == nil || s.over || s.remoteEnded:
		return streamError(h.stream, CodeStreamClosed, "DATA on a closed stream")
	case s.head.protocol == "" && !s.body.fits(length, h.has(flagEndStream)):
		return &StreamError{Stream: h.stream, Code: CodeProtocol, Reason: message.ReasonConflictingLength,
			Detail: "the DATA frames are not as long as the Content-Length says"}
	case !s.body.win.take(h.length):
		return streamError(h.stream, CodeFlowControl, "DATA beyond the window of the stream")
	}
	if length > 0 {
		c.flood.chatter.earn(earnData)
	}
	return nil
}

// passData takes n bytes of a DATA frame as they arrive. They go to the stream,
// or nowhere, and are given back to the connection's window then.
func (c *conn) passData(id uint32, n int, toStream bool) error {
	for n > 0 {
		for len(c.in.unread()) == 0 {
			if err := c.more(1); err != nil {
				return err
			}
		}
		p := c.in.take(min(n, len(c.in.unread())))
		n -= len(p)
		c.mu.Lock()
		if s := c.streams.get(id); toStream && s != nil && !s.over {
			s.body.arrive(p)
		} else {
			c.credit(len(p))
		}
		c.mu.Unlock()
	}
	return nil
}

// bodyEnded says that the client has sent all of a request.
func (c *conn) bodyEnded(id uint32) {
	s := c.streams.get(id)
	if s == nil || s.over {
		return
	}
	s.remoteEnded = true
	if s.localEnded {
		s.uncount()
	}
	s.readBy = 0
	s.body.end()
	if s.lingers > 0 {
		s.canSend.Broadcast()
	}
}
