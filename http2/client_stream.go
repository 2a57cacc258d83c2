package http2

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// ClientStream carries one exchange with a backend. It implements
// exchange.Upstream and is given back by Close.
type ClientStream struct {
	c     *ClientConn
	id    uint32 // 0 until the request was begun
	again bool   // the connection carried an exchange before
	place bool   // it holds a place among the streams of the connection
	body  respBody

	// send is what may be sent; more signals a change of it, or the end.
	send sendWindow
	more sync.Cond

	// What the reader fills in.
	resp     *message.Response // where the head goes
	gotHead  bool
	bodiless bool // the response to HEAD, 204 and 304
	head     bool // the request is a HEAD
	interims int
	informs  []message.Response
	go100    bool
	trailer  message.Header

	sentEnd, recvEnd bool
	gone             bool  // nothing of the stream is sent any more
	err              error // why the exchange ended before its time
	unsent, silent   bool  // see exchange.SendError
	mark             int   // writes of the connection before the request

	// Points on the sweeper's clock; 0: no limit.
	begun    int64
	headBy   int64
	sendBy   int64 // while it waits for the window
	bodyIdle time.Duration
	bodyBy   int64

	upload *upload // may be nil
	pipe   upPipe
}

// respBody is the body of a response; at its end come the trailers.
type respBody struct {
	body
	s *ClientStream
}

// begin prepares s for an exchange. The lock is held.
func (s *ClientStream) begin(c *ClientConn) {
	chunks, trailer := s.body.chunks, s.trailer
	trailer.Reset()
	*s = ClientStream{c: c, trailer: trailer, again: c.used, place: true}
	s.body.chunks = chunks[:0]
	s.body.s = s
	s.body.begin(&c.common, 0, c.cfg.StreamWindow, message.Unknown)
	s.more.L = &c.mu
}

// LimitBody implements exchange.Upstream.
func (s *ClientStream) LimitBody(idle time.Duration, by int64) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.bodyIdle, s.bodyBy = idle, by
}

// Reused implements exchange.Upstream.
func (s *ClientStream) Reused() bool { return s.again }

// limit returns when the next limit of the exchange is up, or the error when one
// is.
func (s *ClientStream) limit(now int64) (next int64, err error) {
	late := func(at int64) bool {
		if at == 0 {
			return false
		}
		if next == 0 || at < next {
			next = at
		}
		return now >= at
	}
	switch {
	case late(s.bodyBy):
		err = fmt.Errorf("the exchange took too long: %w", sock.ErrTimeout)
	case !s.gotHead && late(s.headBy):
		err = fmt.Errorf("no response in time: %w", sock.ErrTimeout)
	case late(s.sendBy):
		err = fmt.Errorf("the backend did not take the request in time: %w", sock.ErrTimeout)
	case s.gotHead && s.bodyIdle > 0 && s.body.wanted && len(s.body.chunks) == 0 && late(s.body.wantedAt+int64(s.bodyIdle)):
		err = fmt.Errorf("the backend sent nothing for %v: %w", s.bodyIdle, sock.ErrTimeout)
	}
	return next, err
}

// interim takes note of a 1xx response.
func (s *ClientStream) interim(status int) error {
	if s.interims++; s.interims > mostInterim {
		return streamError(s.id, CodeEnhanceYourCalm, "more than %d interim responses", mostInterim)
	}
	if status == 100 {
		s.go100 = true
		s.resp.Header.Reset()
	} else {
		s.informs = append(s.informs, message.Response{Status: status, Header: s.resp.Header})
		s.resp.Header = message.Header{}
	}
	s.body.cond.Broadcast()
	return nil
}

// mostInterim bounds the 1xx responses before a final one.
const mostInterim = 8

// headCame takes note of the final head; length is what Content-Length says.
func (s *ClientStream) headCame(status int, length int64, end bool) error {
	s.bodiless = s.head || status == 204 || status == 304
	if end && length > 0 && !s.bodiless {
		return streamError(s.id, CodeProtocol, "a response without a body, with a Content-Length of %d", length)
	}
	r := s.resp
	r.Status, r.ContentLength = status, length
	if (end && !s.head && status != 304) || status == 204 {
		r.ContentLength = 0
	}
	s.body.length = length
	if s.bodiless {
		s.body.length = message.Unknown
	}
	s.gotHead, s.headBy = true, 0
	if end {
		s.received()
	} else if !s.bodiless {
		r.Body = &s.body
	}
	s.body.cond.Broadcast()
	return nil
}

// received says that the response is complete.
func (s *ClientStream) received() {
	s.recvEnd = true
	s.body.end()
	if s.sentEnd {
		s.leave()
	}
}

// sent says that the request is complete.
func (s *ClientStream) sent() {
	s.sentEnd, s.sendBy = true, 0
	if s.recvEnd {
		s.leave()
	}
}

// leave takes the stream out of its connection: nothing of it is sent any more.
func (s *ClientStream) leave() {
	if s.id != 0 {
		delete(s.c.streams, s.id)
	}
	s.gone = true
	s.more.Broadcast()
	if s.place {
		s.place = false
		s.c.gaveUp()
	}
}

// over ends the exchange for err.
func (s *ClientStream) over(err error) {
	if s.err == nil && !(s.recvEnd && s.sentEnd) {
		s.err = err
	}
	s.body.abort(err)
	s.leave()
	s.c.w.room.Broadcast()
}

// fail ends the exchange for err and tells the backend with a code.
func (s *ClientStream) fail(err error, code Code) {
	c := s.c
	if s.id != 0 && !s.gone && c.w.err == nil && c.err == nil {
		c.w.reserve(frameHeadLen + 4)
		c.w.out = appendReset(c.w.out, s.id, code)
	}
	s.over(err)
}

var (
	errInterrupted = errors.New("the exchange was given up")
	errAbandoned   = errors.New("the exchange ended before the response")
)

// Interrupt implements exchange.Upstream.
func (s *ClientStream) Interrupt() {
	c := s.c
	c.mu.Lock()
	s.fail(errInterrupted, CodeCancel)
	c.w.kick()
	c.mu.Unlock()
}

// Finish implements exchange.Upstream. The connection is good for others
// whatever became of this exchange; true means that it was complete.
func (s *ClientStream) Finish() bool {
	s.endUpload()
	c := s.c
	c.mu.Lock()
	defer c.notify()
	defer c.mu.Unlock()
	if s.sentEnd && s.err == nil && (s.recvEnd || (s.gotHead && s.bodiless)) {
		s.recvEnd = true // of a response without a body only the empty end may be missing
		s.leave()
		return true
	}
	s.fail(errAbandoned, CodeCancel)
	c.w.flush(true)
	return false
}

// Close implements exchange.Upstream. The stream must not be used afterwards.
func (s *ClientStream) Close() error {
	s.endUpload()
	c := s.c
	c.mu.Lock()
	defer c.notify()
	defer c.mu.Unlock()
	s.fail(errAbandoned, CodeCancel)
	s.resp = nil
	s.body.release()
	c.w.flush(true)
	if c.err == nil && len(c.free) < mostFree {
		c.free = append(c.free, s)
	}
	return nil
}

// mostFree bounds the streams that a connection keeps for later exchanges.
const mostFree = 256

// notify tells who waits for a place that there may be one.
func (c *ClientConn) notify() {
	if c.freed != nil {
		c.freed()
	}
}

// Next implements exchange.Body.
func (b *respBody) Next(size int) ([]byte, error) {
	data, err := b.body.Next(size)
	if err == io.EOF { //nolint:errorlint // Next returns it bare
		b.trailers()
	}
	return data, err
}

// Arrived implements exchange.Body.
func (b *respBody) Arrived() ([]byte, error) {
	data, err := b.body.Arrived()
	if err == io.EOF { //nolint:errorlint // Arrived returns it bare
		b.trailers()
	}
	return data, err
}

// Whole implements exchange.Body.
func (b *respBody) Whole() ([]byte, bool) {
	data, all := b.body.Whole()
	if all {
		b.trailers()
	}
	return data, all
}

// Ends implements exchange.Body.
func (b *respBody) Ends(n int) bool {
	ends := b.body.Ends(n)
	if ends {
		b.trailers()
	}
	return ends
}

// Read implements io.Reader.
func (b *respBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	data, err := b.Next(buf.Medium)
	if err != nil {
		return 0, err
	}
	n := copy(p, data)
	b.Consume(n)
	return n, nil
}

// trailers hands them to the response, once. Who reads the body has the response,
// the reader of the connection must not touch it.
func (b *respBody) trailers() {
	s := b.s
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.resp == nil || !s.recvEnd {
		return
	}
	for _, f := range s.trailer.Fields() {
		s.resp.Trailer.AddField(f)
	}
	s.trailer.Reset()
}

var _ exchange.Body = (*respBody)(nil)
