package http1

import (
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

// Upload is a request body on its way to a backend while the response is read:
// a backend may answer before it has seen all of it.
type Upload struct {
	c       *Client
	req     *message.Request
	body    io.Reader
	from    exchange.BodySource // may be nil
	timeout time.Duration       // see exchange.SendOptions.Timeout

	done    chan struct{}
	ending  atomic.Bool // what is sent now is the end
	stopped atomic.Bool

	// What follows is valid when done is closed.
	err    error
	failed bool // the body could not be had
	client bool // because of the client
}

// sendStreaming sends the head first and the body while the response is waited
// for.
func (c *Client) sendStreaming(head []byte, req *message.Request, resp *message.Response, o *exchange.SendOptions) error {
	if c.used > 1 && !c.alive() {
		return &exchange.SendError{Err: fmt.Errorf("send request: %w", sock.ErrStale), Unsent: true}
	}
	c.s.SetTimeout(o.Now, o.Timeout)
	if err := c.s.WriteTwo(head, nil); err != nil {
		return &exchange.SendError{Err: fmt.Errorf("send request: %w", err), Silent: c.silent(err)}
	}
	if o.Expect {
		final, err := c.awaitContinue(req, resp, o)
		if final || err != nil {
			return err
		}
		if err := o.Continue(); err != nil {
			return &exchange.SendError{Err: fmt.Errorf("ask the client for the body: %w", err)}
		}
	}
	u := &Upload{c: c, req: req, body: req.Body, from: o.From, timeout: o.Timeout, done: make(chan struct{})}
	c.upload, req.Body = u, u
	go u.run()
	err := c.readHead(req, resp, o)
	if err != nil {
		u.stop()
		if u.failed {
			return &exchange.SendError{Err: u.err}
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
func (c *Client) awaitContinue(req *message.Request, resp *message.Response, o *exchange.SendOptions) (final bool, err error) {
	if wait := o.ExpectTimeout; wait > 0 {
		short := o.Timeout > 0 && o.Timeout < wait
		if short {
			wait = o.Timeout
		}
		b, n, err := c.s.FillWithin(buf.Medium, wait)
		switch {
		case errors.Is(err, sock.ErrTimeout) && !short:
			return false, nil
		case err == nil && n == 0:
			err = exchange.ErrUnexpectedEnd
		}
		if err != nil {
			return false, &exchange.SendError{Err: fmt.Errorf("wait for 100 Continue: %w", err), Silent: c.silent(err)}
		}
		c.in.accept(b, n)
	}
	c.s.SetTimeout(nowOf(c.s), c.left(o.Timeout))
	length, err := c.readAny(req, resp, o, func(status int) bool { return status == 100 })
	if err != nil {
		return false, err
	}
	if resp.Status == 100 {
		c.in.unpin()
		resp.Reset()
		return false, nil
	}
	c.broken.Store(true) // the backend may or may not wait for the body
	return true, c.finishHead(resp, length, o)
}

// Read lets filters of the response phase not read the request's body twice.
func (u *Upload) Read([]byte) (int, error) {
	return 0, errors.New("the request body is being sent")
}

// Sent implements exchange.Upload.
func (u *Upload) Sent() bool { return u.finished() && u.whole() }

// BodyError implements exchange.Upload.
func (u *Upload) BodyError() error {
	if u.finished() && u.client {
		return u.err
	}
	return nil
}

// run moves the body. It owns the reading side of the client's connection and
// the writing side of the backend's until it closes done.
func (u *Upload) run() {
	defer close(u.done)
	defer func() {
		if p := recover(); p != nil {
			u.fail(fmt.Errorf("%w: reading the body panicked: %v", exchange.ErrUnsendable, p), false)
		}
	}()
	length := u.req.ContentLength
	chunked := length == message.Unknown
	if b, ok := u.body.(exchange.Body); ok && b.Left() == length {
		u.move(b, chunked)
		return
	}
	u.copy(chunked, length)
}

// move sends a body that no filter touched.
func (u *Upload) move(b exchange.Body, chunked bool) {
	for !u.stopped.Load() {
		data, err := b.Arrived()
		if len(data) == 0 && err == nil {
			u.limit(0) // now the client takes its time
			data, err = b.Next(buf.Medium)
		}
		if err == io.EOF { //nolint:errorlint // Next returns it bare
			u.last(chunked)
			return
		}
		if err != nil {
			u.fail(err, true)
			return
		}
		if b.Ends(len(data)) {
			u.ending.Store(true)
		}
		if !u.send(data, chunked) {
			return
		}
		b.Consume(len(data))
		if !chunked && b.Ends(0) {
			return
		}
	}
}

// copy sends a body that comes from a filter; length is what was promised.
func (u *Upload) copy(chunked bool, length int64) {
	p := buf.Get(buf.Medium)
	defer buf.Put(p)
	for !u.stopped.Load() {
		u.limit(0)
		n, err := u.body.Read(p)
		if !chunked && int64(n) > length {
			u.fail(fmt.Errorf("%w: the body is longer than the %d bytes it promised", exchange.ErrUnsendable, u.req.ContentLength), false)
			return
		}
		length -= int64(n)
		if n > 0 && !u.send(p[:n], chunked) {
			return
		}
		switch {
		case err == io.EOF && !chunked && length > 0:
			u.fail(fmt.Errorf("%w: %d bytes of the body are missing", exchange.ErrUnsendable, length), false)
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

// limit gives the backend d from now (0: any time), but not more than the whole
// exchange may take.
func (u *Upload) limit(d time.Duration) { u.c.s.SetTimeout(nowOf(u.c.s), u.c.left(d)) }

func (u *Upload) send(data []byte, chunked bool) bool {
	u.limit(u.timeout)
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
	u.limit(u.timeout)
	if !chunked {
		return
	}
	u.ending.Store(true)
	end := appendLastChunk(nil, &u.req.Trailer)
	if err := u.c.s.WriteTwo(end, nil); err != nil {
		u.err = err
		u.c.broken.Store(true)
	}
}

// fail ends the exchange because the body cannot be had; when it was told to
// stop, that is why.
func (u *Upload) fail(err error, client bool) {
	u.err = err
	if !u.stopped.Load() {
		u.failed, u.client = true, client
	}
	u.c.broken.Store(true)
	u.c.s.Interrupt()
}

// settle is how long an upload that is about to end is waited for.
const settle = 200 * time.Millisecond

// finished reports whether the upload has ended. The answer to its last bytes
// may be here before it has noticed that they were sent.
func (u *Upload) finished() bool {
	select {
	case <-u.done:
		return true
	default:
	}
	if !u.ending.Load() {
		return false
	}
	t := time.NewTimer(settle)
	defer t.Stop()
	select {
	case <-u.done:
		return true
	case <-t.C:
		return false
	}
}

// stop makes run end and waits for it; the caller has finished with the
// response. It reports whether the whole body was sent.
func (u *Upload) stop() bool {
	if !u.finished() {
		u.stopped.Store(true)
		u.c.s.Interrupt()
		if u.from != nil {
			u.from.HoldRead(true)
			<-u.done
			u.from.HoldRead(false)
		}
		<-u.done
	}
	return u.whole()
}

// whole reports whether all of the body was sent. The upload has ended.
func (u *Upload) whole() bool {
	b, ok := u.body.(exchange.Body)
	return u.err == nil && (!ok || b.Ends(0)) && !u.stopped.Load()
}

// nowOf returns the clock of the stream's sweeper.
func nowOf(s Stream) int64 {
	if c, ok := s.(interface{ Now() int64 }); ok {
		return c.Now()
	}
	return 0
}
