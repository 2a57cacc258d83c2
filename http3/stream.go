package http3

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// stream is one request and the answer to it. It implements exchange.Downstream.
type stream struct {
	record exchange.Record
	c      *conn
	q      *quic.Stream
	in     input
	head   requestHead
	body   body
	readBy time.Time // when the request must be complete; zero: any time
	// See Limit.
	writeFor time.Duration
	writeBy  time.Time
	// For MinBodyRate: since when the body is waited for, and for how long it was
	// before.
	waitBegan time.Time
	waited    time.Duration
	watch     *watch // of this exchange alone: it may be told late

	mu      sync.Mutex // guards replied and the order of heads
	replied bool
	broken  bool // it cannot end well any more
	method  string
	status  int
	sent    int64
	bodyErr atomic.Pointer[error]
	inform  func(*message.Response)
	enc     encoder
}

var streams = sync.Pool{New: func() any { return new(stream) }}

// take returns a stream for q.
func take(c *conn, q *quic.Stream) *stream {
	st := streams.Get().(*stream)
	st.c, st.q = c, q
	st.in.s = q
	st.watch = &watch{}
	if st.inform == nil {
		st.inform = st.sendInterim
	}
	return st
}

// giveBack lets st be used again unless somebody may still read its body.
func (st *stream) giveBack() {
	if b := st.record.Request.Body; b != nil && b != io.Reader(&st.body) {
		return
	}
	st.in.release()
	r := &st.record
	r.Request.Reset()
	*st = stream{record: exchange.Record{Request: r.Request, Own: r.Own}, head: requestHead{cookies: st.head.cookies[:0]}, enc: st.enc}
	streams.Put(st)
}

// serve reads the request and has it answered.
func (st *stream) serve() {
	srv := st.c.srv
	if t := srv.cfg.HeadTimeout; t > 0 {
		st.readBy = time.Now().Add(t)
		st.limitRead()
	}
	err := st.readHead()
	var pe *exchange.ProtocolError
	switch {
	case err == nil:
		st.begin()
		srv.handler.Handle(st)
	case errors.As(err, &pe):
		st.broken = true
		st.addresses()
		srv.handler.Refuse(st, pe)
	default:
		st.headFailed(err)
		return
	}
	st.end()
}

// readHead reads up to the body. The error is a *ProtocolError when somebody can
// be told about it.
func (st *stream) readHead() error {
	length, err := st.awaitHead()
	if err != nil {
		return err
	}
	lim := st.c.srv.cfg.Limits
	if length > uint64(lim.HeadBytes) {
		return message.Malformed(message.ReasonHeaderTooLarge, "a field section of %d bytes, at most %d are read", length, lim.HeadBytes)
	}
	n := int(length)
	if err := st.in.need(n, true); err != nil {
		return cutHead(err)
	}
	err = st.head.decode(st.in.unread()[:n], &st.record.Request, lim)
	st.in.r += n
	if err != nil {
		return err
	}
	st.method = st.record.Request.Method
	return st.awaitBody()
}

// awaitHead waits for the HEADERS frame and returns its length.
func (st *stream) awaitHead() (uint64, error) {
	for {
		kind, length, err := st.in.frame(true)
		switch {
		case err == io.EOF: //nolint:errorlint // returned bare
			return 0, errIncomplete
		case err != nil:
			return 0, cutHead(err)
		case kind == frameHeaders:
			return length, nil
		case kind == frameData || notOnRequests(kind):
			return 0, connError(CodeFrameUnexpected, "frame 0x%x before HEADERS", kind)
		}
		if err := st.chat(1, "a frame that nobody knows"); err != nil {
			return 0, err
		}
		for length > 0 {
			if length -= st.in.skip(length); length == 0 {
				break
			}
			if err := st.in.fill(buf.Small); err != nil {
				return 0, cutHead(err)
			}
		}
	}
}

// errIncomplete is returned when a stream ends before its request began.
var errIncomplete = errors.New("the stream ended before HEADERS")

func cutHead(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // returned bare
		return connError(CodeFrame, "the stream ended within a frame")
	}
	return err
}

// awaitBody settles whether there is a body. A request that promises one and
// ends there never reaches a handler (CVE-2026-33555, CVE-2026-48743).
func (st *stream) awaitBody() error {
	r, h := &st.record.Request, &st.head
	st.body.begin(st, &st.in, r.ContentLength, &r.Trailer)
	if h.protocol != "" {
		st.body.tunnel = true
		r.ContentLength = 0
		return nil
	}
	_, err := st.body.Arrived()
	if wait := h.length > 0 || h.length < 0 && bodiless(r.Method); wait && !h.expect {
		for err == nil && st.body.frame == 0 && !st.body.done {
			_, err = st.body.Next(buf.Small)
		}
	}
	switch {
	case err == io.EOF && r.Trailer.Len() > 0: //nolint:errorlint // returned bare
		// Trailers pass on with a body only, be it an empty one.
	case err == io.EOF: //nolint:errorlint // returned bare
		r.ContentLength = 0
		return nil
	case err != nil:
		return err
	case h.length == 0:
		return nil
	}
	if n := int(st.body.frame); h.length < 0 && n > 0 && st.body.Ends(n) {
		st.body.length = st.body.framed // all of it is here
		r.ContentLength = st.body.framed
	}
	r.Body = &st.body
	if h.expect {
		st.body.onRead = st.sayContinue
	}
	return nil
}

// bodiless reports whether requests with the method have no body as a rule: then
// it pays to wait for the end of the stream.
func bodiless(method string) bool {
	switch method {
	case "GET", "HEAD", "DELETE", "OPTIONS", "TRACE":
		return true
	}
	return false
}

// headFailed ends a stream on which nothing can be answered.
func (st *stream) headFailed(err error) {
	if st.c.ended(err) {
		return
	}
	code := CodeRequestIncomplete
	if errors.Is(err, errReset) {
		code = CodeRequestCancelled
	}
	st.reset(code)
	st.c.gaveUp("a request that never was complete")
}

// begin settles the request after its head was read.
func (st *stream) begin() {
	srv := st.c.srv
	now := srv.sweeper.Now()
	st.record.Begun = now
	st.addresses()
	st.record.Request.Received = srv.sweeper.Time(now)
	st.readBy = time.Time{}
	if t := srv.cfg.ReadTimeout; t > 0 && st.head.protocol == "" {
		st.readBy = time.Now().Add(t)
	}
	st.limitRead()
}

func (st *stream) addresses() {
	r := &st.record.Request
	r.Remote, r.Local, r.TLS = addrPort(st.c.q.RemoteAddr()), addrPort(st.c.q.LocalAddr()), st.c.tls
}

// past is a deadline that makes what waits fail at once.
func past() time.Time { return time.Unix(1, 0) }

// Limit implements exchange.Limiter.
func (st *stream) Limit(read, write time.Duration) {
	if read > 0 && st.head.protocol == "" {
		st.readBy = time.Now().Add(read)
		st.limitRead()
	}
	if write > 0 {
		st.writeFor = write
	}
}

// limitRead sets the deadline of reading.
func (st *stream) limitRead() {
	if st.body.held.Load() {
		_ = st.q.SetReadDeadline(past())
		return
	}
	_ = st.q.SetReadDeadline(st.readBy)
}

// beginWait bounds the wait for more of a body of which got bytes were read.
func (st *stream) beginWait(got int64) {
	cfg := &st.c.srv.cfg
	if cfg.MinBodyRate <= 0 || st.head.protocol != "" {
		return
	}
	st.waitBegan = time.Now()
	by := st.waitBegan.Add(cfg.BodyPatience(got) - st.waited)
	if !st.readBy.IsZero() && st.readBy.Before(by) {
		by = st.readBy
	}
	if !st.body.held.Load() {
		_ = st.q.SetReadDeadline(by)
	}
	if st.body.held.Load() { // meanwhile
		_ = st.q.SetReadDeadline(past())
	}
}

// endWait counts it.
func (st *stream) endWait() {
	if !st.waitBegan.IsZero() {
		st.waited += time.Since(st.waitBegan)
		st.waitBegan = time.Time{}
	}
}

// end closes what is open of the stream after the handler.
func (st *stream) end() {
	st.watch.end()
	switch {
	case st.watch.left():
		st.reset(CodeRequestCancelled)
		st.c.gaveUp("a request that was cancelled")
	case !st.replied:
		st.reset(CodeInternal)
	case st.broken:
		st.q.CancelRead(CodeMessage.stream())
		st.c.gaveUp("a malformed request")
	default:
		st.q.CancelRead(CodeNoError.stream())
		st.c.answered()
	}
}

// reset gives up both directions.
func (st *stream) reset(code Code) {
	st.q.CancelRead(code.stream())
	st.q.CancelWrite(code.stream())
}

func (st *stream) chat(n int, what string) error { return st.c.chat(n, what) }

// bodyFailed is told why the body cannot be read.
func (st *stream) bodyFailed(err error) {
	st.bodyErr.Store(&err)
	var pe *exchange.ProtocolError
	switch {
	case errors.As(err, &pe):
		st.q.CancelRead(CodeMessage.stream())
	case errors.Is(err, errReset):
		st.watch.fired()
	default:
		st.c.ended(err)
	}
}

// Record implements exchange.Downstream.
func (st *stream) Record() *exchange.Record { return &st.record }

// Upgrade implements exchange.Downstream (RFC 9220).
func (st *stream) Upgrade() string { return st.head.protocol }

// SendOptions implements exchange.Downstream.
func (st *stream) SendOptions(o *exchange.SendOptions) {
	o.Trailers = st.head.trailersOK
	o.Expect, o.From = st.body.onRead != nil, &st.body
	if o.Expect {
		o.Continue = st.sayContinue
	}
	o.Upgrade = ""
	o.Inform = st.inform
}

// CloseAfter implements exchange.Downstream. A tunnel has its own stream: what
// else the connection carries goes on.
func (st *stream) CloseAfter() {
	if st.head.protocol == "" {
		st.c.leave()
	}
}

// Sent implements exchange.Downstream.
func (st *stream) Sent() (status int, bytes int64) { return st.status, st.sent }

// BodyError implements exchange.Downstream.
func (st *stream) BodyError() error {
	if err := st.bodyErr.Load(); err != nil {
		return *err
	}
	return nil
}
