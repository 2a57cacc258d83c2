package fastcgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// ErrOverloaded is returned when the backend says that it can take no more
// requests (FCGI_OVERLOADED). It has not processed this one.
var ErrOverloaded = errors.New("the FastCGI backend is overloaded")

// Config says how a Client works.
type Config struct {
	exchange.Limits
	// KeepConn asks the backend to leave the connection open for the next request.
	// php-fpm then keeps a process for each connection, idle or not.
	KeepConn bool
	// OnStderr is given what the program wrote to its standard error, once for each
	// exchange that had some, at most 4 KiB; may be nil.
	OnStderr func(text string)
	// OnClose, if set, is called when the connection is closed.
	OnClose func(c *Client)
}

// Client is a connection to a FastCGI backend. It carries one exchange at a time
// and implements exchange.Upstream.
type Client struct {
	s    *sock.Conn
	cfg  Config
	in   input
	out  output
	head []byte // memory of the head in use; strings view it
	said []byte // standard error of the exchange under way

	upload *Upload // of the exchange under way; may be nil
	used   int     // exchanges begun
	broken atomic.Bool

	// Idle is for the pool: whether nobody uses the connection now.
	Idle bool

	bodyIdle time.Duration // see LimitBody
	bodyBy   int64
}

// NewClient returns the client side of s.
func NewClient(s *sock.Conn, cfg Config) *Client {
	cfg.Limits = cfg.OrDefault()
	c := &Client{s: s, cfg: cfg}
	c.in.s = s
	c.out.in, c.out.onError = &c.in, c.hear
	return c
}

// mostSaid bounds what is kept of a program's standard error.
const mostSaid = 4 << 10

func (c *Client) hear(text []byte) {
	c.said = append(c.said, text[:min(len(text), mostSaid-len(c.said))]...)
}

// tell passes on what was heard.
func (c *Client) tell() {
	if len(c.said) > 0 && c.cfg.OnStderr != nil {
		c.cfg.OnStderr(string(bytes.TrimSpace(c.said)))
	}
	c.said = c.said[:0]
}

// LimitBody implements exchange.Upstream.
func (c *Client) LimitBody(idle time.Duration, by int64) { c.bodyIdle, c.bodyBy = idle, by }

// waitBody sets the time limit of the next wait for the body.
func (c *Client) waitBody() {
	if c.bodyBy == 0 && c.bodyIdle == 0 {
		c.s.SetTimeout(0, 0)
		return
	}
	c.s.SetTimeout(c.s.Now(), c.remaining(c.bodyIdle))
}

// remaining returns d (0: no limit), or less when the exchange must end before.
func (c *Client) remaining(d time.Duration) time.Duration {
	if c.bodyBy == 0 {
		return d
	}
	left := max(time.Duration(c.bodyBy-c.s.Now()), 1)
	if d == 0 || left < d {
		return left
	}
	return d
}

// Reused implements exchange.Upstream.
func (c *Client) Reused() bool { return c.used > 1 }

// Interrupt implements exchange.Upstream.
func (c *Client) Interrupt() { c.s.Interrupt() }

// Tunnel implements exchange.Upstream. There is none: Do never gives status 101.
func (c *Client) Tunnel() exchange.Pipe { return nil }

// Do implements exchange.Upstream.
func (c *Client) Do(req *message.Request, resp *message.Response, o *exchange.SendOptions) error {
	if o.Upgrade != "" {
		return &exchange.SendError{Err: exchange.ErrNoUpgrade, Unsent: true}
	}
	c.used++
	c.upload = nil
	c.out.begin()
	c.out.onWait = nil
	if err := c.send(req, o); err != nil {
		c.broken.Store(true)
		return err
	}
	if err := c.readHead(req, resp); err != nil {
		c.broken.Store(true)
		return c.failed(err)
	}
	return nil
}

// failed ends the upload of a request without a response and says why there is
// none.
func (c *Client) failed(err error) error {
	c.tell()
	if u := c.upload; u != nil {
		c.upload = nil
		u.stop()
		if u.failed {
			return &exchange.SendError{Err: u.err}
		}
	}
	return &exchange.SendError{
		Err: fmt.Errorf("read response: %w", err), Silent: c.silent(err) && len(c.in.unread()) == 0,
	}
}

// silent reports whether err on a reused connection looks as if the backend had
// closed it, rather than being slow.
func (c *Client) silent(err error) bool {
	return c.used > 1 && len(c.head) == 0 && !errors.Is(err, sock.ErrTimeout) && !c.s.Expired()
}

// send sends the request, or begins to.
func (c *Client) send(req *message.Request, o *exchange.SendOptions) error {
	if c.used > 1 && !c.s.Alive() {
		return &exchange.SendError{Err: fmt.Errorf("send request: %w", sock.ErrStale), Unsent: true}
	}
	if o.Expect && req.Body != nil && o.Continue != nil {
		// CGI knows no expectations: the body is asked for in any case.
		if err := o.Continue(); err != nil {
			return &exchange.SendError{Err: fmt.Errorf("ask the client for the body: %w", err)}
		}
	}
	if err := measure(req); err != nil {
		return &exchange.SendError{Err: err}
	}
	mem := buf.Get(buf.Small)
	head := appendRequest(mem[:0], req, o, c.cfg.KeepConn)
	data, all := whole(req)
	if all {
		head = appendEnd(appendStream(head, stdin, data), stdin)
	}
	c.s.SetTimeout(o.Now, o.Timeout)
	err := c.s.WriteTwo(head, nil)
	if cap(head) == cap(mem) {
		buf.Put(mem)
	}
	switch {
	case err != nil:
		return &exchange.SendError{Err: fmt.Errorf("send request: %w", err), Silent: c.silent(err)}
	case !all:
		c.begin(req, o)
	case data != nil:
		req.Body.(exchange.Body).Consume(len(data))
	}
	return nil
}

// mostBuffered bounds the bodies of unknown length, mostWhole those that leave
// together with the head.
const (
	mostBuffered = 1 << 20
	mostWhole    = 32 << 10
)

// measure makes the length of the body known, because CGI has to say it first.
func measure(req *message.Request) error {
	if req.Body == nil || req.ContentLength != message.Unknown {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(req.Body, mostBuffered+1))
	if err != nil {
		return fmt.Errorf("read the body, whose length CGI has to know: %w", err)
	}
	if len(data) > mostBuffered {
		return fmt.Errorf("%w: it is longer than %d bytes", exchange.ErrLengthRequired, mostBuffered)
	}
	req.SetBody(bytes.NewReader(data), int64(len(data)))
	return nil
}

// whole returns what can be sent at once: all is true when there is no body, or
// the whole of it has arrived and is as long as the head says.
func whole(req *message.Request) (data []byte, all bool) {
	if req.Body == nil {
		return nil, true
	}
	b, ok := req.Body.(exchange.Body)
	if !ok || req.ContentLength > mostWhole {
		return nil, false
	}
	data, all = b.Whole()
	return data, all && int64(len(data)) == req.ContentLength
}

// readHead reads STDOUT up to the end of the head. The head is copied together,
// for records may cut it anywhere.
func (c *Client) readHead(req *message.Request, resp *message.Response) error {
	c.head = buf.Get(buf.Small)[:0]
	for {
		data, err := c.out.Next(mostInput)
		if err != nil {
			if err == io.EOF { //nolint:errorlint // Next returns it bare
				err = bad("the program ended with status %d and without a response", c.out.app)
			}
			return err
		}
		before := len(c.head)
		if err := c.addHead(data); err != nil {
			return err
		}
		n, err := 0, errIncomplete
		if bytes.IndexByte(c.head[before:], '\n') >= 0 { // records of one byte must not cost much
			n, err = parseHead(c.head, resp, c.cfg.Limits)
		}
		switch {
		case errors.Is(err, errIncomplete):
			resp.Reset()
			c.out.Consume(len(c.head) - before)
			continue
		case err != nil:
			return err
		}
		c.out.Consume(n - before)
		c.beginBody(req, resp)
		return nil
	}
}

// addHead appends data to the head, within its bound.
func (c *Client) addHead(data []byte) error {
	room := c.cfg.HeadBytes - len(c.head)
	if room <= 0 {
		return message.Malformed(message.ReasonBackendHeaderTooLarge, "response head with more than %d bytes", c.cfg.HeadBytes)
	}
	data = data[:min(len(data), room)]
	if need := len(c.head) + len(data); need > cap(c.head) {
		more := buf.Get(max(need, 2*cap(c.head)))[:len(c.head)]
		copy(more, c.head)
		buf.Put(c.head)
		c.head = more
	}
	c.head = append(c.head, data...)
	return nil
}

// beginBody makes the rest of STDOUT the body.
func (c *Client) beginBody(req *message.Request, resp *message.Response) {
	c.out.onWait = c.waitBody
	switch {
	case req.Method == "HEAD" || bodiless(resp.Status):
		if resp.Status == 204 {
			resp.ContentLength = 0
		}
	case resp.ContentLength == 0:
	default:
		c.out.left = resp.ContentLength
		resp.Body = &c.out
	}
}

// Finish implements exchange.Upstream.
func (c *Client) Finish() bool {
	c.endUpload()
	ok := c.cfg.KeepConn && !c.broken.Load() && c.out.settle() && !c.s.Expired()
	c.tell()
	c.forget()
	if !ok {
		c.broken.Store(true)
		return false
	}
	c.s.SetTimeout(0, 0)
	return !c.s.Expired()
}

// endUpload waits for the end of the request's body, or makes one.
func (c *Client) endUpload() {
	if u := c.upload; u != nil {
		c.upload = nil
		if !u.stop() {
			c.broken.Store(true)
		}
	}
}

// forget gives back the memory of the head.
func (c *Client) forget() {
	if c.head != nil {
		buf.Put(c.head)
	}
	c.head = nil
}

// Close closes the connection and gives back its memory.
func (c *Client) Close() error {
	c.endUpload()
	c.tell()
	if c.cfg.OnClose != nil {
		c.cfg.OnClose(c)
	}
	c.forget()
	c.in.release()
	return c.s.Close()
}
