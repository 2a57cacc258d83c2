package http2

import (
	"errors"
	"io"
	"sync"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// stream is one request and the answer to it. It implements
// exchange.Downstream. It is used again and again: begin clears it.
type stream struct {
	record exchange.Record
	body   body
	head   requestHead // of the reader, until the handler runs
	inform func(*message.Response)
	ask    func() error

	// Of the goroutine of the handler.
	replied  bool
	status   int
	sent     int64
	writeFor time.Duration // see Limit

	// What follows is guarded by the connection's lock.
	c           *conn
	id          uint32
	next        *stream // in the table
	canSend     sync.Cond
	send        sendWindow
	remoteEnded bool
	localEnded  bool
	counted     bool // among those that the client may have at a time
	over        bool // reset, or the connection is gone
	away        bool // the client went away
	how         closing
	err         error // why nothing can be sent
	size        int   // of the head
	waiting     bool  // for a window
	stalled     int64 // nothing could be sent since, 0: all could
	trickle     int   // bytes sent since then
	readBy      int64 // when the body has to be complete, 0: any time
	writeBy     int64 // when the response has to be sent, 0: any time
	lingers     int64 // the rest of the request is waited for until then; negative: no more

	fn      func()            // see OnGone
	up      exchange.Upstream // see Pair
	struck  bool              // up was interrupted, or is about to be
	telling bool              // tellGone runs or is about to
}

var streams = sync.Pool{New: func() any { return new(stream) }}

// begin prepares s for stream id of c.
func (s *stream) begin(c *conn, id uint32) {
	s.record.Request.Reset()
	s.record.Begun, s.record.Answered, s.record.Ended = 0, 0, 0
	s.head = requestHead{length: message.Unknown, lineMost: c.srv.cfg.LineBytes}
	s.replied, s.status, s.sent = false, 0, 0
	s.c, s.id, s.next = c, id, nil
	s.canSend.L = &c.mu
	s.send = sendWindow{}
	s.remoteEnded, s.localEnded, s.over, s.away, s.how, s.err = false, false, false, false, closedUnknown, nil
	s.size, s.waiting, s.stalled, s.trickle, s.readBy, s.lingers = 0, false, 0, 0, 0, 0
	s.writeFor, s.writeBy = 0, 0
	s.fn, s.up, s.struck, s.telling = nil, nil, false, false
	s.body.begin(&c.common, id, streamWindow, message.Unknown)
	if s.inform == nil {
		s.inform, s.ask = s.sendInterim, s.sayContinue
	}
}

// serve has the request answered. It runs in a worker.
func (s *stream) serve() {
	c := s.c
	defer s.finish()
	defer func() {
		if v := recover(); v != nil {
			c.srv.rescue(c, v)
		}
	}()
	if s.head.bad != nil {
		c.srv.handler.Refuse(s, s.head.bad)
		return
	}
	c.srv.handler.Handle(s)
}

// finish ends the exchange: what is left of the stream is reset.
func (s *stream) finish() {
	c := s.c
	c.mu.Lock()
	s.awaitTold()
	s.fn, s.up = nil, nil
	s.linger()
	gone := s.endSides()
	s.body.release()
	c.streams.remove(s)
	c.past.add(s.id, s.how)
	c.heads -= s.size
	s.uncount()
	c.running--
	gone = append(gone, c.streamEnded()...)
	c.w.flush(c.running > 0)
	c.mu.Unlock()
	gone.tell()
	s.record.Request.Reset()
	s.c, s.fn, s.up, s.err, s.body.c = nil, nil, nil, nil, nil
	s.head = requestHead{}
	streams.Put(s)
	c.mu.Lock()
	c.done()
	c.mu.Unlock()
}

// earlyGrace is how long the rest of a request that was answered early may take
// before the stream is reset: most clients end it by themselves, and what they do
// wrong until then has its own code.
const earlyGrace = 200 * time.Millisecond

// linger waits for the end of a request that was answered before it was complete.
// What comes of it is dropped.
func (s *stream) linger() {
	if !s.localEnded || s.remoteEnded || s.over || s.err != nil || s.malformed() {
		return
	}
	s.c.w.flush(s.c.running > 1)
	s.body.drop()
	s.lingers = s.c.srv.now() + int64(earlyGrace)
	for s.lingers > 0 && !s.remoteEnded && !s.over {
		s.canSend.Wait()
	}
}

// errAnswered is why the rest of a request cannot be read.
var errAnswered = errors.New("the request was answered before it was complete")

// giveUpRest resets the stream behind its response when the rest of the request
// is more than the client may send now. It leaves together with the response:
// clients that learn later that they need not wait for a window may never look.
func (s *stream) giveUpRest() {
	left := s.body.length - s.body.got
	if !s.localEnded || s.remoteEnded || s.over || s.malformed() || s.c.w.closed ||
		s.body.length < 0 || left <= int64(min(s.body.win.left, s.c.recv.left)) {
		return
	}
	s.c.w.out = appendReset(s.c.w.roomFor(frameHeadLen+4), s.id, CodeNone)
	s.over, s.how, s.err = true, closedHere, errAnswered
	s.body.abort(errAnswered)
	s.uncount()
}

// weEnded says that the response is complete.
func (s *stream) weEnded() {
	s.localEnded = true
	if s.remoteEnded && !s.over {
		s.uncount()
	}
}

// uncount lets the client begin another stream: this one is over for both sides,
// or its handler has ended. A stream that was reset counts until then.
func (s *stream) uncount() {
	if s.counted {
		s.counted = false
		s.c.open--
	}
}

// endSides resets what neither side ended.
func (s *stream) endSides() departures {
	if s.over {
		return nil
	}
	if s.localEnded && s.remoteEnded && !s.malformed() {
		s.how = closedWell
		s.c.flood.resets.earn(earnResponse)
		return nil
	}
	s.how = closedHere
	if !s.c.w.closed {
		s.c.w.out = appendReset(s.c.w.roomFor(frameHeadLen+4), s.id, s.lastCode())
	}
	if !s.malformed() {
		return nil
	}
	return s.c.shutFor(s.c.gaveUp("malformed: " + s.head.bad.Detail))
}

// lastCode says why the stream is reset when its exchange ends.
func (s *stream) lastCode() Code {
	switch {
	case s.malformed():
		return CodeProtocol // RFC 9113 8.1.1
	case s.err == sock.ErrTimeout: //nolint:errorlint // set here
		return CodeCancel
	case !s.localEnded:
		return CodeInternal
	}
	return CodeNone // the rest of the request is not wanted
}

// malformed reports whether the request was not what HTTP/2 allows. What only
// goes beyond our limits, or asks for what we do not serve, is a request.
func (s *stream) malformed() bool {
	return s.head.bad != nil && s.head.bad.Reason.Status() == 400
}

// leave gives up the stream: what waits, and all that follows, fails. The lock is
// held. The stream is added to gone when somebody has to be told.
func (s *stream) leave(err error, gone departures) departures {
	if s.over {
		return gone
	}
	s.over, s.err = true, err
	switch e := err.(type) { //nolint:errorlint // they are made here
	case *StreamError:
		reason := e.Reason
		if reason == message.ReasonNone {
			reason = message.ReasonBodyMalformed
		}
		s.body.abort(&exchange.ProtocolError{Reason: reason, Detail: e.Detail})
	default:
		s.away = true
		s.body.abort(exchange.ErrUnexpectedEnd)
	}
	s.canSend.Broadcast()
	if s.fn == nil && s.up == nil {
		return gone
	}
	s.telling, s.struck = true, s.up != nil
	return append(gone, s)
}

// tellGone calls those who wanted to know.
func (s *stream) tellGone() {
	if s.fn != nil {
		s.fn()
	}
	if s.up != nil {
		s.up.Interrupt()
	}
	c := s.c
	c.mu.Lock()
	s.telling = false
	s.canSend.Broadcast()
	c.mu.Unlock()
}

// Record implements exchange.Downstream.
func (s *stream) Record() *exchange.Record { return &s.record }

// Upgrade implements exchange.Downstream: an extended CONNECT asks for it.
func (s *stream) Upgrade() string { return s.head.protocol }

// SendOptions implements exchange.Downstream.
func (s *stream) SendOptions(o *exchange.SendOptions) {
	o.Trailers = s.head.trailersOK
	o.Expect, o.From, o.Continue = false, nil, nil
	if s.record.Request.ContentLength != 0 {
		o.From = &s.body
	}
	if s.head.expect {
		s.c.mu.Lock()
		o.Expect = s.body.onRead != nil
		s.c.mu.Unlock()
		o.Continue = s.ask
	}
	o.Upgrade = ""
	o.Inform = s.inform
}

// Limit implements exchange.Limiter. The watch may be a little late.
func (s *stream) Limit(read, write time.Duration) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if read > 0 && !s.remoteEnded && s.head.protocol == "" {
		s.readBy = s.c.srv.now() + int64(read)
	}
	if write > 0 {
		s.writeFor = write
	}
}

// CloseAfter implements exchange.Downstream.
func (s *stream) CloseAfter() {
	s.c.mu.Lock()
	gone := s.c.beginDrain()
	s.c.w.flush(false)
	s.c.mu.Unlock()
	gone.tell()
}

// Sent implements exchange.Downstream.
func (s *stream) Sent() (status int, bytes int64) { return s.status, s.sent }

// Gone implements exchange.Downstream.
func (s *stream) Gone() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.away
}

// OnGone implements exchange.Downstream.
func (s *stream) OnGone(fn func()) {
	s.c.mu.Lock()
	s.awaitTold()
	s.fn = fn
	over := s.over
	s.c.mu.Unlock()
	if over && fn != nil {
		fn()
	}
}

// Pair implements exchange.Downstream.
func (s *stream) Pair(u exchange.Upstream) {
	s.c.mu.Lock()
	s.awaitTold()
	s.up, s.struck = u, s.over
	over := s.over
	s.c.mu.Unlock()
	if over {
		u.Interrupt()
	}
}

// Unpair implements exchange.Downstream.
func (s *stream) Unpair() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.awaitTold()
	alone := !s.struck
	s.up, s.struck = nil, false
	return alone
}

// awaitTold waits for a tellGone under way.
func (s *stream) awaitTold() {
	for s.telling {
		s.canSend.Wait()
	}
}

// BodyError implements exchange.Downstream.
func (s *stream) BodyError() error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.body.err == io.EOF { //nolint:errorlint // stored bare
		return nil
	}
	return s.body.err
}

// interrupt makes all that waits on the stream fail.
func (s *stream) interrupt() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.interrupted()
}

func (s *stream) interrupted() {
	if s.err == nil {
		s.err = sock.ErrTimeout
	}
	s.body.abort(sock.ErrTimeout)
	s.canSend.Broadcast()
}
