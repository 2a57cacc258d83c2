package http1

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// Upload is a request body on its way to a backend while the response is read:
// a backend may answer before it has seen all of it.
type Upload struct {
	c    *Client
	req  *message.Request
	body io.Reader
	done chan struct{}
	err  error
	// clientFailed is set when the fault is the client's.
	clientFailed atomic.Bool
	stopped      atomic.Bool
}

// sendStreaming sends the head first and the body while the response is waited
// for.
func (c *Client) sendStreaming(head []byte, req *message.Request, resp *message.Response, o *SendOptions) error {
	if c.used > 1 && !c.alive() {
		return &SendError{Err: fmt.Errorf("send request: %w", sock.ErrStale), Unsent: true}
	}
	c.s.SetTimeout(o.Now, o.Timeout)
	if err := c.s.WriteTwo(head, nil); err != nil {
		return &SendError{Err: fmt.Errorf("send request: %w", err), Silent: c.used > 1 && !c.s.Expired()}
	}
	if o.Expect {
		final, err := c.awaitContinue(req, resp, o)
		if final || err != nil {
			return err
		}
	}
	u := &Upload{c: c, req: req, body: req.Body, done: make(chan struct{})}
	req.Body = u
	go u.run(o)
	err := c.readHead(req, resp, o)
	if err != nil {
		u.stop()
		if u.clientFailed.Load() {
			return &SendError{Err: u.err}
		}
	}
	return err
}

// alive looks whether a reused connection still lives, without sending.
func (c *Client) alive() bool {
	s, ok := c.s.(interface{ Alive() bool })
	return !ok || s.Alive()
}

// awaitContinue waits for "100 Continue" or a final response. When neither
// comes in time the body is sent all the same (RFC 9110 10.1.1).
func (c *Client) awaitContinue(req *message.Request, resp *message.Response, o *SendOptions) (final bool, err error) {
	if o.ExpectTimeout > 0 {
		c.s.SetTimeout(0, 0)
		b, n, err := c.s.FillWithin(buf.Medium, o.ExpectTimeout)
		switch {
		case errors.Is(err, sock.ErrTimeout):
			return false, nil
		case err == nil && n == 0:
			err = ErrUnexpectedEnd
		}
		if err != nil {
			return false, &SendError{Err: fmt.Errorf("wait for 100 Continue: %w", err), Silent: c.used > 1}
		}
		c.in.accept(b, n)
	}
	c.s.SetTimeout(nowOf(c.s), o.Timeout)
	length, err := c.readOneHead(req.Method == "HEAD", resp)
	if err != nil {
		return false, err
	}
	if resp.Status == 100 {
		c.in.unpin()
		resp.Reset()
		return false, nil
	}
	if resp.Status < 200 {
		return true, c.readHead(req, resp, o)
	}
	c.broken.Store(true) // the backend may or may not wait for the body
	return true, c.finishHead(resp, length, o)
}

// Read lets filters of the response phase not read the request's body twice.
func (u *Upload) Read([]byte) (int, error) {
	return 0, errors.New("the request body is being sent")
}

// run moves the body. It owns the reading side of the client's connection and
// the writing side of the backend's until it closes done.
func (u *Upload) run(o *SendOptions) {
	defer close(u.done)
	defer func() {
		if p := recover(); p != nil {
			u.fail(fmt.Errorf("request body: %v", p), false)
		}
	}()
	chunked := u.req.ContentLength == message.Unknown
	if b, ok := u.body.(*Body); ok {
		u.move(b, chunked, o)
		return
	}
	u.copy(chunked, u.req.ContentLength, o)
}

// move sends a body that no filter touched.
func (u *Upload) move(b *Body, chunked bool, o *SendOptions) {
	for !u.stopped.Load() {
		data, err := b.next(buf.Medium)
		if err == io.EOF { //nolint:errorlint // next returns it bare
			u.last(chunked)
			return
		}
		if err != nil {
			u.fail(err, true)
			return
		}
		if !u.send(data, chunked, o) {
			return
		}
		b.consume(len(data))
		if b.done && !chunked {
			return
		}
	}
}

// copy sends a body that comes from a filter; length is what was promised.
func (u *Upload) copy(chunked bool, length int64, o *SendOptions) {
	p := buf.Get(buf.Medium)
	defer buf.Put(p)
	for !u.stopped.Load() {
		n, err := u.body.Read(p)
		if !chunked && int64(n) > length {
			u.fail(fmt.Errorf("request body: a filter delivers more than the %d bytes it promised", u.req.ContentLength), false)
			return
		}
		length -= int64(n)
		if n > 0 && !u.send(p[:n], chunked, o) {
			return
		}
		switch {
		case err == io.EOF && !chunked && length > 0:
			u.fail(fmt.Errorf("request body: %d bytes are missing", length), true)
			return
		case err == io.EOF:
			u.last(chunked)
			return
		case err != nil:
			u.fail(err, true)
			return
		}
	}
}

func (u *Upload) send(data []byte, chunked bool, o *SendOptions) bool {
	u.c.s.SetTimeout(nowOf(u.c.s), o.Timeout)
	var err error
	if chunked {
		var line [20]byte
		head := appendChunkHead(line[:0], len(data))
		if err = u.c.s.WriteTwo(head, data); err == nil {
			err = u.c.s.WriteTwo(crlf, nil)
		}
	} else {
		err = u.c.s.WriteTwo(data, nil)
	}
	if err != nil {
		// The backend stopped reading: what it answered decides.
		u.err = err
		u.c.broken.Store(true)
		return false
	}
	return true
}

var crlf = []byte("\r\n")

func (u *Upload) last(chunked bool) {
	if !chunked {
		return
	}
	end := appendLastChunk(nil, &u.req.Trailer)
	if err := u.c.s.WriteTwo(end, nil); err != nil {
		u.err = err
		u.c.broken.Store(true)
	}
}

// fail ends the exchange because the body cannot be had.
func (u *Upload) fail(err error, client bool) {
	u.err = err
	u.clientFailed.Store(client)
	u.c.s.Interrupt()
}

// stop makes run end and waits for it; the caller has finished with the
// response. It reports whether the whole body was sent.
func (u *Upload) stop() bool {
	select {
	case <-u.done:
	default:
		u.stopped.Store(true)
		u.c.s.Interrupt()
		if b, ok := u.body.(*Body); ok {
			b.in.s.HoldRead(true)
			<-u.done
			b.in.s.HoldRead(false)
		}
		<-u.done
	}
	b, ok := u.body.(*Body)
	return u.err == nil && (!ok || b.done) && !u.stopped.Load()
}

// nowOf returns the clock of the stream's sweeper.
func nowOf(s Stream) int64 {
	if c, ok := s.(interface{ Now() int64 }); ok {
		return c.Now()
	}
	return 0
}
