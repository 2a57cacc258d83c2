package http1

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// Client is the side of a connection that faces a backend. It carries one
// exchange at a time.
type Client struct {
	s   Stream
	in  input
	lim Limits

	body    Body
	framing framing
	upload  *Upload     // of the exchange under way; may be nil
	used    int         // exchanges begun
	broken  atomic.Bool // the connection must not be used again

	// Idle is for the pool: whether nobody uses the connection now.
	Idle bool
	// OnClose, if set, is called when the connection is closed.
	OnClose func(c *Client)

	bodyIdle time.Duration // see LimitBody
	bodyBy   int64
	onWait   func()
}

// NewClient returns the client side of s.
func NewClient(s Stream, lim Limits) *Client {
	c := &Client{s: s, lim: lim.orDefault()}
	c.in.s = s
	c.onWait = c.waitBody
	return c
}

// LimitBody bounds the reading of the response's body: something must arrive
// within idle (0: any time), and all of it before by on the sweeper's clock (0:
// any time).
func (c *Client) LimitBody(idle time.Duration, by int64) { c.bodyIdle, c.bodyBy = idle, by }

// waitBody sets the time limit of the next wait.
func (c *Client) waitBody() {
	if c.bodyBy == 0 && c.bodyIdle == 0 {
		c.s.SetTimeout(0, 0)
		return
	}
	c.s.SetTimeout(nowOf(c.s), c.left(c.bodyIdle))
}

// left returns d (0: no limit), or less when the exchange must end before.
func (c *Client) left(d time.Duration) time.Duration {
	if c.bodyBy == 0 {
		return d
	}
	left := max(time.Duration(c.bodyBy-nowOf(c.s)), 1)
	if d == 0 || left < d {
		return left
	}
	return d
}

// silent reports whether err on a reused connection looks as if the backend had
// closed it, rather than being slow.
func (c *Client) silent(err error) bool {
	return c.used > 1 && !errors.Is(err, sock.ErrTimeout) && !c.s.Expired()
}

// SendOptions say how a request is sent.
type SendOptions struct {
	// Host is the value of the Host field.
	Host string
	// Trailers says that the client accepts trailers (TE: trailers).
	Trailers bool
	// Expect keeps the Expect field: the backend decides about the body, and
	// Continue asks the client for it.
	Expect   bool
	Continue func() error
	// From is the connection that the body comes from.
	From Stream
	// Upgrade is the protocol to ask for, "" for none.
	Upgrade string
	// RemoveHopFields drops the proxy authentication fields too.
	RemoveHopFields bool

	// Now is the sweeper's clock; Timeout bounds the wait for the response's
	// head, counted from the last byte sent.
	Now     int64
	Timeout time.Duration
	// ExpectTimeout bounds the wait for "100 Continue".
	ExpectTimeout time.Duration
	// Inform is called for interim responses (103 and its kin); may be nil.
	Inform func(*message.Response)
}

// SendError is returned when no response head was received.
type SendError struct {
	Err error
	// Unsent is true when the backend cannot have seen the request: it may be
	// sent again whatever it is.
	Unsent bool
	// Silent is true when a reused connection ended before a byte of the
	// response: an idempotent request may be sent again.
	Silent bool
}

// Error returns the cause.
func (e *SendError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }

// Reused reports whether the connection carried an exchange before.
func (c *Client) Reused() bool { return c.used > 1 }

// Stream returns the connection below.
func (c *Client) Stream() Stream { return c.s }

// Do sends req and reads the head of its response into resp, whose body is left
// to be read. The error is a *SendError. Expired time limits show as
// sock.ErrTimeout below it, malformed responses as *ProtocolError.
func (c *Client) Do(req *message.Request, resp *message.Response, o *SendOptions) error {
	if !sendableTarget(req) {
		return &SendError{Err: fmt.Errorf("%w: target %q", ErrUnsendable, show([]byte(req.RawPath+"?"+req.Query)))}
	}
	if req.Body == nil {
		o.Expect = false
	}
	c.used++
	c.upload = nil
	out := buf.Get(buf.Small)
	head := appendRequest(out[:0], req, o)
	var err error
	if b, small, all := sendable(req); all && !o.Expect {
		err = c.sendWhole(head, small, b, req, resp, o)
	} else {
		err = c.sendStreaming(head, req, resp, o)
	}
	if cap(head) == cap(out) {
		buf.Put(out)
	}
	if err != nil {
		c.broken.Store(true)
	}
	return err
}

// sendable returns what can be sent at once: all is true when there is no body
// or the whole of it has arrived already.
func sendable(req *message.Request) (b *Body, data []byte, all bool) {
	if req.Body == nil {
		return nil, nil, true
	}
	b, ok := req.Body.(*Body)
	if !ok || b.onRead != nil || b.length != req.ContentLength {
		return b, nil, false
	}
	data, all = b.whole()
	return b, data, all && len(data) > 0
}

// sendableTarget reports whether nothing in the target ends it, or the line.
func sendableTarget(req *message.Request) bool {
	p, q := req.RawPath, req.Query
	return strings.IndexByte(p, ' ') < 0 && strings.IndexByte(q, ' ') < 0 && plain(bytesOf(p), false) && plain(bytesOf(q), false)
}

// sendWhole is the fast path: one write, and the wait for the answer in the
// same pass through the poller.
func (c *Client) sendWhole(head, data []byte, body *Body, req *message.Request, resp *message.Response, o *SendOptions) error {
	c.s.SetTimeout(o.Now, o.Timeout)
	b, n, wrote, err := c.s.Exchange(head, data, c.used > 1, buf.Medium)
	if err != nil || n == 0 {
		if err == nil {
			err = ErrUnexpectedEnd
		}
		return &SendError{
			Err: fmt.Errorf("send request: %w", err), Unsent: wrote == 0,
			Silent: c.silent(err),
		}
	}
	if body != nil {
		body.consume(len(data))
	}
	c.in.accept(b, n)
	return c.readHead(req, resp, o)
}

// readHead reads the final response's head, passing on interim ones. 101 is
// final here.
func (c *Client) readHead(req *message.Request, resp *message.Response, o *SendOptions) error {
	length, err := c.readAny(req, resp, o, func(int) bool { return false })
	if err != nil {
		return err
	}
	return c.finishHead(resp, length, o)
}

// readAny reads response heads until one is final, or of a status that enough
// names; it passes on the interim ones before.
func (c *Client) readAny(req *message.Request, resp *message.Response, o *SendOptions, enough func(status int) bool) (length int64, err error) {
	for interim := 0; ; interim++ {
		length, err := c.readOneHead(req.Method == "HEAD", resp)
		if err != nil {
			return 0, err
		}
		if resp.Status >= 200 || resp.Status == 101 || enough(resp.Status) {
			return length, nil
		}
		if interim >= mostInterim {
			return 0, &SendError{Err: bad(message.ReasonBackendMalformed, "more than %d interim responses", mostInterim)}
		}
		if o.Inform != nil && resp.Status != 100 {
			o.Inform(resp)
		}
		c.in.unpin()
		resp.Reset()
	}
}

// mostInterim bounds the 1xx responses before a final one.
const mostInterim = 8

func (c *Client) finishHead(resp *message.Response, length int64, o *SendOptions) error {
	if resp.Status == 101 {
		if o.Upgrade == "" {
			return &SendError{Err: bad(message.ReasonBackendMalformed, "status 101 without an upgrade in the request")}
		}
		c.broken.Store(true) // whatever happens, no HTTP on this connection any more
		if to := c.framing.upgradeTo; to != "" && !hasToken(o.Upgrade, to) {
			return &SendError{Err: bad(message.ReasonBackendMalformed, "upgrade to %q, asked for was %q", to, o.Upgrade)}
		}
		return nil
	}
	if o.Upgrade != "" {
		c.broken.Store(true) // what the client sent since may be of the other protocol
	}
	if c.framing.nominated {
		dropNominated(&resp.Header)
	}
	c.body.begin(&c.in, length, &resp.Trailer)
	c.body.onWait = c.onWait
	if length != 0 {
		resp.Body = &c.body
	}
	if c.framing.close {
		c.broken.Store(true)
	}
	return nil
}

// readOneHead parses the next response head.
func (c *Client) readOneHead(head bool, resp *message.Response) (length int64, err error) {
	for first := true; ; first = false {
		if len(c.in.unread()) > 0 {
			pos, length, err := parseResponse(c.in.unread(), resp, &c.framing, head, c.lim)
			if err == nil {
				c.in.r += pos
				c.in.pin()
				return length, nil
			}
			if !errors.Is(err, errIncomplete) {
				return 0, &SendError{Err: fmt.Errorf("read response: %w", err)}
			}
			resp.Reset()
		}
		if err := c.more(); err != nil {
			return 0, &SendError{Err: fmt.Errorf("read response: %w", err), Silent: first && c.silent(err) && len(c.in.unread()) == 0}
		}
	}
}

// more reads on behind an incomplete head.
func (c *Client) more() error {
	if c.in.b == nil {
		end, err := c.in.fill(buf.Medium)
		if err == nil && end {
			err = ErrUnexpectedEnd
		}
		return err
	}
	end, full, err := c.in.grow(c.lim.HeadBytes)
	switch {
	case err != nil:
		return err
	case full:
		return bad(message.ReasonBackendHeaderTooLarge, "response head with more than %d bytes", c.lim.HeadBytes)
	case end:
		return ErrUnexpectedEnd
	}
	return nil
}

// Finish ends the exchange and reports whether the connection can be used for
// another one. Strings of the response are invalid afterwards.
func (c *Client) Finish() bool {
	c.endUpload()
	ok := !c.broken.Load() && c.body.done && c.body.err == nil && !c.s.Expired()
	c.in.unpin()
	if !ok || len(c.in.unread()) > 0 {
		c.broken.Store(true)
		return false
	}
	c.s.SetTimeout(0, 0)
	return !c.s.Expired()
}

// endUpload waits for the end of the request's body, or makes one: the
// connection is good for another request only behind a whole one.
func (c *Client) endUpload() {
	if u := c.upload; u != nil {
		c.upload = nil
		if !u.stop() {
			c.broken.Store(true)
		}
	}
}

// Close closes the connection and gives back its memory.
func (c *Client) Close() error {
	c.endUpload()
	if c.OnClose != nil {
		c.OnClose(c)
	}
	c.in.release()
	return c.s.Close()
}
