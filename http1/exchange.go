package http1

import (
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// Exchange is one request and the answer to it, on an HTTP/1 connection. It
// implements exchange.Downstream.
type Exchange struct {
	record exchange.Record

	conn     *conn
	framing  framing
	body     Body
	replied  bool
	close    bool  // the connection ends with this exchange
	sent     int64 // body bytes sent to the client
	status   int   // as sent
	inform   func(*message.Response)
	released bool
	watch    watch
	head     bool          // the client sent HEAD
	mute     bool          // nothing is said to the client
	writeFor time.Duration // see Limit
	writeBy  int64         // when the response must be sent, 0: any time
	cut      bool          // only the end of the connection could say that all was sent
}

var exchanges = sync.Pool{New: func() any { return new(Exchange) }}

// reset prepares x for the next request of c.
func (x *Exchange) reset(c *conn) {
	x.record.Request.Reset()
	x.conn = c
	x.framing = framing{}
	x.body = Body{}
	x.record.Begun, x.record.Answered, x.record.Ended = 0, 0, 0
	x.replied, x.close, x.sent, x.status, x.released, x.head, x.cut = false, false, 0, 0, false, false, false
	x.mute, x.writeFor, x.writeBy = false, 0, 0
}

// Record implements exchange.Downstream.
func (x *Exchange) Record() *exchange.Record { return &x.record }

// Sent implements exchange.Downstream.
func (x *Exchange) Sent() (status int, bytes int64) { return x.status, x.sent }

// Received returns how many bytes of the request's body were read.
func (x *Exchange) Received() int64 { return x.body.read }

// CloseAfter implements exchange.Downstream.
func (x *Exchange) CloseAfter() { x.close = true }

// SendOptions implements exchange.Downstream.
func (x *Exchange) SendOptions(o *exchange.SendOptions) {
	o.Trailers = x.framing.trailersOK
	o.Expect, o.From = x.body.onRead != nil, x
	if o.Expect {
		o.Continue = x.sayContinue
	}
	o.Upgrade = ""
	o.Inform = x.inform
}

// HoldRead implements exchange.BodySource. A read that failed for it can be done
// again.
func (x *Exchange) HoldRead(on bool) {
	x.conn.s.HoldRead(on)
	if !on && errors.Is(x.body.err, sock.ErrTimeout) && !x.conn.s.Expired() {
		x.body.err = nil
	}
}

// Gone implements exchange.Downstream.
func (x *Exchange) Gone() bool { return x.conn.s.HungUp() }

// Limit implements exchange.Limiter.
func (x *Exchange) Limit(read, write time.Duration) {
	if read > 0 {
		x.conn.readBy = x.conn.srv.sweeper.Now() + int64(read)
	}
	if write > 0 {
		x.writeFor = write
	}
}

// BodyError implements exchange.Downstream.
func (x *Exchange) BodyError() error {
	if u, ok := x.record.Request.Body.(exchange.Upload); ok {
		return u.BodyError()
	}
	if x.body.err != nil && x.body.err != io.EOF { //nolint:errorlint // stored bare
		return x.body.err
	}
	return nil
}

// Upgrade implements exchange.Downstream. Requests with a body are not upgraded:
// what follows would be ambiguous. HTTP/2 and TLS are not asked for on a client's
// word. The connection ends with the exchange, accepted or not: what the client
// has sent since may be of the other protocol.
func (x *Exchange) Upgrade() string {
	if !x.framing.upgrade || x.framing.upgradeTo == "" || x.record.Request.Minor == 0 || x.body.in != nil {
		return ""
	}
	for t := range message.Tokens(x.framing.upgradeTo) {
		if name, _, _ := strings.Cut(t, "/"); carriesRequests(name) {
			return ""
		}
	}
	x.close = true
	return x.framing.upgradeTo
}

// carriesRequests reports whether requests could come by the protocol: in a
// tunnel they would pass all routes and filters.
func carriesRequests(protocol string) bool {
	for _, name := range [...]string{"h2c", "h2", "HTTP", "TLS"} {
		if message.EqualName(protocol, name) {
			return true
		}
	}
	return false
}

// begin settles the request after its head was parsed.
func (x *Exchange) begin(now int64) {
	r := &x.record.Request
	x.record.Begun = now
	r.Received = x.conn.srv.sweeper.Time(now)
	r.Remote, r.Local = x.conn.s.Remote(), x.conn.s.Local()
	r.Scheme = "http"
	if r.TLS = x.conn.tls; r.TLS != nil {
		r.Scheme = "https"
	}
	x.head = r.Method == "HEAD"
	if x.framing.nominated {
		// Now, so that the fields that filters set stay.
		dropNominated(&r.Header)
	}
	if r.ContentLength != 0 {
		x.body.begin(&x.conn.in, r.ContentLength, &r.Trailer)
		x.body.onWait = x.conn.onWait
		if x.conn.srv.cfg.MinBodyRate > 0 {
			x.conn.body, x.conn.waited, x.conn.waitBegan = &x.body, 0, 0
			x.body.onWaited = x.conn.onWaited
		}
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
	x.body.onRead = nil
	if x.replied || len(x.conn.in.unread()) > 0 {
		return nil
	}
	return x.informing(continueLine)
}

// informing writes an interim response.
func (x *Exchange) informing(b []byte) error {
	x.conn.s.SetTimeout(x.conn.srv.sweeper.Now(), x.conn.srv.cfg.WriteTimeout)
	err := x.conn.s.WriteTwo(b, nil)
	x.conn.s.SetTimeout(0, 0)
	return err
}

var continueLine = []byte("HTTP/1.1 100 Continue\r\n\r\n")

// sendInterim passes on an interim response (RFC 9110 15.2).
func (x *Exchange) sendInterim(resp *message.Response) {
	if x.record.Request.Minor == 0 || x.replied {
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
	_ = x.informing(b)
	if cap(b) == cap(out) {
		buf.Put(out)
	}
}

// complete reports whether nothing of the request is still to come: the
// connection can be closed without a reset that overtakes the response.
func (x *Exchange) complete() bool {
	return (x.body.in == nil || x.body.done) && len(x.conn.in.unread()) == 0
}

// mostDrained bounds what is read and dropped of a request body that nobody
// wanted, to keep the connection.
const mostDrained = 256 << 10

// finish ends the exchange and reports whether the connection lives on.
func (x *Exchange) finish() bool {
	x.endWatch()
	if u, ok := x.record.Request.Body.(exchange.Upload); ok && !u.Sent() {
		x.close = true
	}
	if !x.replied {
		return false
	}
	if x.close {
		return false
	}
	if x.body.in == nil || x.body.done {
		return true // as the client framed it, whatever filters made of it
	}
	if x.body.onRead != nil {
		return false // the client may or may not send the body now
	}
	x.conn.last = 0 // it may take a while
	return x.body.drain(mostDrained)
}
