package http1

import (
	"bytes"
	"encoding/base64"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// Takeover is what a connection that turns out to be HTTP/2 begins with.
type Takeover struct {
	// Unread was read from the connection and belongs to HTTP/2.
	Unread []byte
	// Request is what asked for the change (RFC 7540 3.2), nil when the client
	// knew before (RFC 9113 3.3); Settings is the payload of its HTTP2-Settings.
	// They stay valid.
	Request  *message.Request
	Settings []byte
}

// preface is how a client that knows HTTP/2 begins (RFC 9113 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// prefaceHead is as much of it as tells it from any request.
const prefaceHead = len("PRI * HTTP/2.0\r\n\r\n")

// asksForHTTP2 reports whether input that is no request begins HTTP/2, or may
// begin it once there is more.
func (c *conn) asksForHTTP2(b []byte) (yes, maybe bool) {
	if c.srv.cfg.HTTP2 == nil || c.requests > 0 || c.tls != nil {
		return false, false
	}
	n := min(len(b), prefaceHead)
	same := string(b[:n]) == preface[:n]
	return same && n == prefaceHead, same && n < prefaceHead
}

// neither reports whether the first input of a connection is neither HTTP/1 nor
// HTTP/2, where both are spoken: who sent it would not understand an answer (RFC
// 9113 3.4).
func (c *conn) neither() bool {
	if c.srv.cfg.HTTP2 == nil || c.requests > 0 || c.tls != nil {
		return false
	}
	line, _, _ := bytes.Cut(c.in.unread(), []byte("\n"))
	return !bytes.Contains(line, []byte("HTTP/"))
}

// upgradeToHTTP2 returns how to go on when the request asks for h2c, nil when it
// does not. A request with a body is answered as it is: the client may go on in
// HTTP/1 (RFC 7540 3.2).
func (c *conn) upgradeToHTTP2(x *Exchange) *Takeover {
	f := &x.framing
	if c.srv.cfg.HTTP2 == nil || c.tls != nil || !f.upgrade || f.upgradeTo != "h2c" || x.record.Request.ContentLength != 0 {
		return nil
	}
	var settings string
	n := 0
	for v := range x.record.Request.Header.Values("HTTP2-Settings") {
		settings = v
		n++
	}
	payload, err := base64.RawURLEncoding.DecodeString(settings)
	if n != 1 || err != nil || len(payload)%6 != 0 {
		return nil
	}
	return &Takeover{Settings: payload}
}

var switchToHTTP2 = []byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")

// changeToHTTP2 agrees to the change; the request becomes the first stream. It
// reports whether the connection lives on here: never.
func (c *conn) changeToHTTP2(x *Exchange, t *Takeover) bool {
	x.begin(c.srv.sweeper.Now())
	r := x.record.Request.Clone()
	t.Request = &r
	if c.s.WriteTwo(switchToHTTP2, nil) == nil {
		c.takeOver(t)
	}
	return false
}

// takeOver gives the connection to HTTP/2.
func (c *conn) takeOver(t *Takeover) {
	t.Unread = bytes.Clone(c.in.unread())
	c.in.unpin()
	c.in.release()
	c.s.SetTimeout(0, 0)
	c.srv.active.Add(-1)
	c.moved(exchange.ConnClosed)
	c.takenOver = true
	c.srv.cfg.HTTP2(c.s.(*sock.Conn), t)
}
