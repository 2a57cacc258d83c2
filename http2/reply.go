package http2

import (
	"errors"
	"io"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// Reply implements exchange.Downstream.
func (s *stream) Reply(resp *message.Response) error {
	if s.replied {
		return exchange.ErrReplied
	}
	s.replied, s.status = true, resp.Status
	s.beginWriting()
	switch b, ok := resp.Body.(exchange.Body); {
	case resp.Body == nil || s.bodiless(resp):
		return s.replyBare(resp)
	case ok && (resp.ContentLength < 0 || resp.ContentLength == b.Left()):
		return s.replyBody(resp, b)
	}
	return s.replyReader(resp)
}

// beginWriting starts the limit of the whole response.
func (s *stream) beginWriting() {
	if s.writeFor == 0 {
		return
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.writeBy = s.c.srv.now() + int64(s.writeFor)
}

// bodiless reports whether the response has no body whatever it says (RFC 9110
// 6.4.1).
func (s *stream) bodiless(resp *message.Response) bool {
	return s.head.isHead || resp.Status < 200 || resp.Status == 204 || resp.Status == 304
}

// replyBare sends a response without a body.
func (s *stream) replyBare(resp *message.Response) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.sendHead(resp, resp.Trailer.Len() == 0 || s.bodiless(resp)); err != nil {
		return err
	}
	s.end(&resp.Trailer)
	s.giveUpRest()
	c.w.flush(c.running > 1)
	return nil
}

// replyBody sends a body that lies in the memory of an engine.
func (s *stream) replyBody(resp *message.Response, b exchange.Body) error {
	data, err := b.Arrived()
	if err != nil && err != io.EOF { //nolint:errorlint // Arrived returns it bare
		s.replied, s.status = false, 0 // nothing was promised to the client yet
		return &exchange.ReplyError{Err: err, Backend: true}
	}
	c := s.c
	ended := err == io.EOF || b.Ends(len(data)) //nolint:errorlint // Arrived returns it bare
	c.mu.Lock()
	defer c.mu.Unlock()
	err = s.sendHead(resp, ended && len(data) == 0 && resp.Trailer.Len() == 0)
	for err == nil {
		if err = s.put(data, ended && resp.Trailer.Len() == 0); err != nil {
			return err
		}
		c.mu.Unlock()
		b.Consume(len(data))
		if ended {
			c.mu.Lock()
			break
		}
		data, ended, err = s.following(b)
		c.mu.Lock()
	}
	if err != nil {
		return err
	}
	s.end(&resp.Trailer)
	s.giveUpRest()
	c.w.flush(c.running > 1)
	return nil
}

// following returns what follows of a body. What was gathered leaves when that
// has to be waited for.
func (s *stream) following(b exchange.Body) (data []byte, ended bool, err error) {
	data, err = b.Arrived()
	if len(data) == 0 && err == nil {
		s.c.mu.Lock()
		s.c.w.flush(s.c.running > 1)
		s.c.mu.Unlock()
		data, err = b.Next(buf.Medium)
	}
	switch {
	case err == io.EOF: //nolint:errorlint // Next returns it bare
		return nil, true, nil
	case err != nil:
		return nil, false, &exchange.ReplyError{Err: err, Backend: true}
	}
	return data, b.Ends(len(data)), nil
}

// replyReader sends a body that a filter made or changed.
func (s *stream) replyReader(resp *message.Response) error {
	p := buf.Get(buf.Medium)
	defer buf.Put(p)
	c := s.c
	for first := true; ; first = false {
		n, err := resp.Body.Read(p)
		length := resp.ContentLength
		if length >= 0 && s.sent+int64(n) > length {
			return &exchange.ReplyError{Err: errors.New("a filter delivers more than it promised"), Backend: true}
		}
		ended := err == io.EOF || (length >= 0 && s.sent+int64(n) == length)
		if ended && length >= 0 && s.sent+int64(n) < length {
			ended, err = false, io.ErrUnexpectedEOF
		}
		if werr := s.sendPiece(resp, p[:n], first, ended); werr != nil {
			return werr
		}
		switch {
		case ended:
			return nil
		case err != nil:
			c.mu.Lock()
			c.w.flush(false)
			c.mu.Unlock()
			return &exchange.ReplyError{Err: err, Backend: true}
		}
	}
}

func (s *stream) sendPiece(resp *message.Response, p []byte, first, ended bool) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if first {
		if err := s.sendHead(resp, ended && len(p) == 0 && resp.Trailer.Len() == 0); err != nil {
			return err
		}
	}
	if err := s.put(p, ended && resp.Trailer.Len() == 0); err != nil {
		return err
	}
	if ended {
		s.end(&resp.Trailer)
		s.giveUpRest()
	}
	c.w.flush(c.running > 1)
	return nil
}

// open waits until the stream may append a head, or returns why it never will.
func (s *stream) open() error {
	c := s.c
	if s.err == nil && c.w.full() {
		c.w.wait()
	}
	switch {
	case s.err != nil:
		return &exchange.ReplyError{Err: s.err}
	case c.w.err != nil:
		return &exchange.ReplyError{Err: c.w.err}
	case c.w.closed:
		return &exchange.ReplyError{Err: errConnEnded}
	}
	return nil
}

// sendHead gathers the head of the response; end says that nothing follows.
func (s *stream) sendHead(resp *message.Response, end bool) error {
	if err := s.open(); err != nil {
		return err
	}
	c := s.c
	c.w.reserve(headRoom)
	b := c.w.out
	start := beginBlock(&b, c.first)
	c.first = false
	b = appendStatus(b, resp.Status)
	said := false
	for i := range resp.Header.Fields() {
		f := &resp.Header.Fields()[i]
		switch {
		case passes(f):
			b = appendField(b, f.Name, f.Value)
		case f.Kind == message.KindContentLength:
			said = true
		}
	}
	if s.saysLength(resp, said) {
		b = appendLength(b, resp.ContentLength)
	}
	c.w.out = endBlock(b, start, s.id, end)
	if end {
		s.weEnded()
	}
	return nil
}

// headRoom is what most heads fit in.
const headRoom = 1 << 10

// saysLength reports whether the response has a Content-Length; said is true
// when it had one before.
func (s *stream) saysLength(resp *message.Response, said bool) bool {
	switch {
	case resp.ContentLength < 0 || resp.Status < 200 || resp.Status == 204:
		return false
	case s.bodiless(resp):
		return said // of the body that a GET would have got
	case resp.Body == nil:
		return said && resp.ContentLength == 0
	}
	return true
}

// put gathers data in DATA frames, as the windows allow; end says that nothing
// follows. It waits for windows, with the lock released.
func (s *stream) put(data []byte, end bool) error {
	c := s.c
	for len(data) > 0 {
		if err := s.open(); err != nil {
			return err
		}
		n := min(len(data), s.send.left(), c.send.left(), maxFrame)
		if n == 0 {
			s.awaitWindow()
			continue
		}
		s.send.take(n)
		c.send.take(n)
		c.w.reserve(frameHeadLen + n)
		flags := uint8(0)
		if end && n == len(data) {
			flags = flagEndStream
			s.weEnded()
		}
		c.w.out = append(appendFrameHead(c.w.out, n, frameData, flags, s.id), data[:n]...)
		c.flood.chatter.earn(earnData)
		c.flood.sent(n)
		data = data[n:]
		s.sent += int64(n)
		s.progress(n)
	}
	s.stalled = 0
	return nil
}

// progressBytes is what a client has to take within the write timeout.
const progressBytes = 1 << 10

// progress says that n bytes could be gathered.
func (s *stream) progress(n int) {
	if s.stalled == 0 {
		return
	}
	if s.trickle += n; s.trickle >= progressBytes {
		s.stalled, s.trickle = 0, 0
	}
}

// awaitWindow waits for a window, with the lock released.
func (s *stream) awaitWindow() {
	c := s.c
	c.w.flush(false)
	if s.err != nil || c.w.closed || (s.send.left() > 0 && c.send.left() > 0) {
		return
	}
	if s.stalled == 0 {
		s.stalled, s.trickle = c.srv.now(), 0
	}
	s.waiting = true
	s.canSend.Wait()
	s.waiting = false
}

// end ends the stream unless a frame did: with trailers or an empty frame.
func (s *stream) end(trailer *message.Header) {
	c := s.c
	if s.localEnded || s.err != nil || c.w.closed {
		return
	}
	s.weEnded()
	if trailer == nil || trailer.Len() == 0 {
		c.w.out = appendFrameHead(c.w.roomFor(frameHeadLen), 0, frameData, flagEndStream, s.id)
		return
	}
	c.w.reserve(headRoom)
	b := c.w.out
	start := beginBlock(&b, false)
	for _, f := range trailer.Fields() {
		if message.TrailerAllowed(f) {
			b = appendField(b, f.Name, f.Value)
		}
	}
	c.w.out = endBlock(b, start, s.id, true)
}

// End implements exchange.Ender.
func (s *stream) End(trailer *message.Header) bool {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.status == 0 || s.localEnded || s.open() != nil {
		return false
	}
	s.end(trailer)
	s.giveUpRest()
	c.w.flush(c.running > 1)
	return true
}

// sayContinue answers "Expect: 100-continue" when the body is first asked for.
func (s *stream) sayContinue() error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	s.body.onRead = nil
	if s.replied || s.remoteEnded || s.body.got > 0 {
		return nil
	}
	return s.interim(100, nil)
}

// sendInterim passes on an interim response (RFC 9110 15.2).
func (s *stream) sendInterim(resp *message.Response) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.replied {
		_ = s.interim(resp.Status, &resp.Header)
	}
}

func (s *stream) interim(status int, header *message.Header) error {
	if err := s.open(); err != nil {
		return err
	}
	c := s.c
	c.w.reserve(headRoom)
	b := c.w.out
	start := beginBlock(&b, c.first)
	c.first = false
	b = appendStatus(b, status)
	if header != nil {
		for _, f := range header.Fields() {
			if f.Kind == message.KindOther {
				b = appendField(b, f.Name, f.Value)
			}
		}
	}
	c.w.out = endBlock(b, start, s.id, false)
	c.w.flush(c.running > 1)
	return nil
}
