package http1

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/kit/websocket"
	"fairlead.dev/fairlead/message"
)

// Client is the side of a connection that faces a backend. It carries one
// exchange at a time. It implements exchange.Upstream.
type Client struct {
	s   Stream
	in  input
	lim exchange.Limits

	body    Body
	framing framing
	upload  *Upload     // of the exchange under way; may be nil
	key     string      // that we gave to the handshake of a WebSocket, or ""
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
func NewClient(s Stream, lim exchange.Limits) *Client {
	c := &Client{s: s, lim: lim.OrDefault()}
	c.in.s = s
	c.onWait = c.waitBody
	return c
}

// LimitBody implements exchange.Upstream.
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

// Reused implements exchange.Upstream.
func (c *Client) Reused() bool { return c.used > 1 }

// Interrupt implements exchange.Upstream.
func (c *Client) Interrupt() { c.s.Interrupt() }

// Do implements exchange.Upstream.
func (c *Client) Do(req *message.Request, resp *message.Response, o *exchange.SendOptions) error {
	if !sendableTarget(req) {
		return &exchange.SendError{Err: fmt.Errorf("%w: target %q", exchange.ErrUnsendable, show([]byte(req.RawPath+"?"+req.Query)))}
	}
	if req.Body == nil {
		o.Expect = false
	}
	c.used++
	c.upload = nil
	out := buf.Get(buf.Small)
	c.key = ownKey(req, o)
	head := appendRequest(out[:0], req, o, c.key)
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
// or the whole of it has arrived already, and is as long as the head says. A
// body of unknown length never is: the head, written before, promises chunks,
// and the end may have come since.
func sendable(req *message.Request) (b exchange.Body, data []byte, all bool) {
	if req.Body == nil {
		return nil, nil, true
	}
	b, ok := req.Body.(exchange.Body)
	if !ok || req.ContentLength <= 0 {
		return b, nil, false
	}
	data, all = b.Whole()
	return b, data, all && int64(len(data)) == req.ContentLength
}

// sendableTarget reports whether nothing in method and target ends it, or the
// line.
func sendableTarget(req *message.Request) bool {
	p, q := req.RawPath, req.Query
	return message.IsToken(req.Method) && strings.IndexByte(p, ' ') < 0 && strings.IndexByte(q, ' ') < 0 && plain(bytesOf(p), false) && plain(bytesOf(q), false)
}

// sendWhole is the fast path: one write, and the wait for the answer in the
// same pass through the poller.
func (c *Client) sendWhole(head, data []byte, body exchange.Body, req *message.Request, resp *message.Response, o *exchange.SendOptions) error {
	c.s.SetTimeout(o.Now, o.Timeout)
	b, n, wrote, err := c.s.Exchange(head, data, c.used > 1, buf.Medium)
	if err != nil || n == 0 {
		if err == nil {
			err = exchange.ErrUnexpectedEnd
		}
		return &exchange.SendError{
			Err: fmt.Errorf("send request: %w", err), Unsent: wrote == 0,
			Silent: c.silent(err),
		}
	}
	if body != nil {
		body.Consume(len(data))
	}
	c.in.accept(b, n)
	return c.readHead(req, resp, o)
}

// readHead reads the final response's head, passing on interim ones. 101 is
// final here.
func (c *Client) readHead(req *message.Request, resp *message.Response, o *exchange.SendOptions) error {
	length, err := c.readAny(req, resp, o, func(int) bool { return false })
	if err != nil {
		return err
	}
	return c.finishHead(resp, length, o)
}

// readAny reads response heads until one is final, or of a status that enough
// names; it passes on the interim ones before.
func (c *Client) readAny(req *message.Request, resp *message.Response, o *exchange.SendOptions, enough func(status int) bool) (length int64, err error) {
	for interim := 0; ; interim++ {
		length, err := c.readOneHead(req.Method == "HEAD", resp)
		if err != nil {
			return 0, err
		}
		if resp.Status >= 200 || resp.Status == 101 || enough(resp.Status) {
			return length, nil
		}
		if interim >= mostInterim {
			return 0, &exchange.SendError{Err: bad(message.ReasonBackendMalformed, "more than %d interim responses", mostInterim)}
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

func (c *Client) finishHead(resp *message.Response, length int64, o *exchange.SendOptions) error {
	if resp.Status == 101 {
		if o.Upgrade == "" {
			return &exchange.SendError{Err: bad(message.ReasonBackendMalformed, "status 101 without an upgrade in the request")}
		}
		c.broken.Store(true) // whatever happens, no HTTP on this connection any more
		if to := c.framing.upgradeTo; to != "" && !message.HasToken(o.Upgrade, to) {
			return &exchange.SendError{Err: bad(message.ReasonBackendMalformed, "upgrade to %q, asked for was %q", to, o.Upgrade)}
		}
		if got := resp.Header.Get("Sec-WebSocket-Accept"); c.key != "" && got != websocket.Accept(c.key) {
			return &exchange.SendError{Err: bad(message.ReasonBackendMalformed, "Sec-WebSocket-Accept %q is no answer to our key", message.Show(got))}
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
				return 0, &exchange.SendError{Err: fmt.Errorf("read response: %w", err)}
			}
			resp.Reset()
		}
		if err := c.more(); err != nil {
			return 0, &exchange.SendError{Err: fmt.Errorf("read response: %w", err), Silent: first && c.silent(err) && len(c.in.unread()) == 0}
		}
	}
}

// more reads on behind an incomplete head.
func (c *Client) more() error {
	if c.in.b == nil {
		end, err := c.in.fill(buf.Medium)
		if err == nil && end {
			err = exchange.ErrUnexpectedEnd
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
		return exchange.ErrUnexpectedEnd
	}
	return nil
}

// Finish implements exchange.Upstream.
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
