package http1

import (
	"io"
	"sync"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// Handler answers requests. It must call Reply, or Tunnel, once; an exchange it
// leaves unanswered ends the connection.
type Handler interface {
	// Handle runs in the goroutine of the connection.
	Handle(x *Exchange)
	// Refuse is told about input that was answered without Handle because it
	// is not HTTP; x.Request holds what could be read of it.
	Refuse(x *Exchange, err *ProtocolError)
}

// Exchange is one request and the answer to it, on an HTTP/1 connection.
type Exchange struct {
	Request message.Request
	// Own is free for the Handler; it stays with the Exchange when it is used
	// again.
	Own any
	// Begun is when the head was complete, on the clock of the sweeper.
	Begun int64
	// Answered may be set by the Handler to the same clock before Reply; it
	// saves a look at the clock.
	Answered int64
	// Ended may be set by the Handler to the same clock when it is done; it
	// saves another look.
	Ended int64

	conn     *conn
	framing  framing
	body     Body
	replied  bool
	close    bool  // the connection ends with this exchange
	sent     int64 // body bytes sent to the client
	status   int   // as sent
	inform   func(*message.Response)
	released bool
	watched  bool
}

var exchanges = sync.Pool{New: func() any { return new(Exchange) }}

// reset prepares x for the next request of c.
func (x *Exchange) reset(c *conn) {
	x.Request.Reset()
	x.conn = c
	x.framing = framing{}
	x.body = Body{}
	x.Begun, x.Answered, x.Ended = 0, 0, 0
	x.replied, x.close, x.sent, x.status, x.released, x.watched = false, false, 0, 0, false, false
}

// Sent returns how many bytes of the response's body were sent, and its status
// (0: none was sent).
func (x *Exchange) Sent() (status int, bytes int64) { return x.status, x.sent }

// Received returns how many bytes of the request's body were read.
func (x *Exchange) Received() int64 { return x.body.read }

// CloseAfter makes the connection end with this exchange.
func (x *Exchange) CloseAfter() { x.close = true }

// Stream returns the client's connection.
func (x *Exchange) Stream() Stream { return x.conn.s }

// SendOptions fills in what the request's own fields say about forwarding it.
func (x *Exchange) SendOptions(o *SendOptions) {
	o.Nominated = x.framing.nominated
	o.Trailers = x.framing.trailersOK
	o.Expect = x.body.onRead != nil
	o.Upgrade = ""
	o.Inform = x.inform
}

// Gone reports whether the client hung up.
func (x *Exchange) Gone() bool { return x.conn.s.HungUp() }

// OnGone calls fn when the client hangs up before the exchange ends.
func (x *Exchange) OnGone(fn func()) {
	x.watched = true
	x.conn.s.OnGone(fn)
}

// BodyError returns why the request's body could not be read, nil as long as
// it could.
func (x *Exchange) BodyError() error {
	if u, ok := x.Request.Body.(*Upload); ok && u.finished() && u.clientFailed.Load() {
		return u.err
	}
	if x.body.err != nil && x.body.err != io.EOF { //nolint:errorlint // stored bare
		return x.body.err
	}
	return nil
}

// Upgrade returns the protocol that the client asks to change to, or "".
// Requests with a body are not upgraded: what follows would be ambiguous.
func (x *Exchange) Upgrade() string {
	if !x.framing.upgrade || x.framing.upgradeTo == "" || x.Request.Minor == 0 || x.Request.ContentLength != 0 {
		return ""
	}
	return x.framing.upgradeTo
}

// begin settles the request after its head was parsed.
func (x *Exchange) begin(now int64) {
	r := &x.Request
	x.Begun = now
	r.Received = x.conn.srv.sweeper.Time(now)
	r.Remote, r.Local = x.conn.s.Remote(), x.conn.s.Local()
	r.Scheme = x.conn.srv.scheme
	if r.ContentLength != 0 {
		x.body.begin(&x.conn.in, r.ContentLength, &r.Trailer)
		x.body.onWait = x.conn.onWait
		r.Body = &x.body
		if x.framing.expect && r.Minor > 0 {
			x.body.onRead = x.sayContinue
		}
	}
	if !x.framing.persistent(r.Minor) {
		x.close = true
	}
	if x.inform == nil {
		x.inform = x.sendInterim
	}
}

// sayContinue answers "Expect: 100-continue" when the body is first asked for.
func (x *Exchange) sayContinue() error {
	if x.replied {
		return nil
	}
	return x.conn.s.WriteTwo(continueLine, nil)
}

var continueLine = []byte("HTTP/1.1 100 Continue\r\n\r\n")

// sendInterim passes on an interim response (RFC 9110 15.2).
func (x *Exchange) sendInterim(resp *message.Response) {
	if x.Request.Minor == 0 || x.replied {
		return
	}
	out := buf.Get(buf.Small)
	b := appendStatus(out[:0], resp.Status, resp.Reason)
	for _, f := range resp.Header.Fields() {
		if f.Kind == message.KindOther {
			b = appendField(b, f.Name, f.Value)
		}
	}
	b = append(b, "\r\n"...)
	_ = x.conn.s.WriteTwo(b, nil)
	if cap(b) == cap(out) {
		buf.Put(out)
	}
}

// complete reports whether nothing of the request is still to come: the
// connection can be closed without a reset that overtakes the response.
func (x *Exchange) complete() bool {
	return (x.Request.ContentLength == 0 || x.body.done) && len(x.conn.in.unread()) == 0
}

// mostDrained bounds what is read and dropped of a request body that nobody
// wanted, to keep the connection.
const mostDrained = 256 << 10

// finish ends the exchange and reports whether the connection lives on.
func (x *Exchange) finish() bool {
	if x.watched {
		x.conn.s.OnGone(nil)
	}
	if u, ok := x.Request.Body.(*Upload); ok && !u.stop() {
		x.close = true
	}
	if !x.replied {
		return false
	}
	if x.close {
		return false
	}
	if x.Request.ContentLength == 0 || x.body.done || x.body.in == nil {
		return true
	}
	if x.body.onRead != nil {
		return false // the client may or may not send the body now
	}
	return x.body.drain(mostDrained)
}
