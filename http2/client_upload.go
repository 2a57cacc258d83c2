package http2

import (
	"errors"
	"fmt"
	"io"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// upload is a request's body on its way to a backend while the response is read.
// It takes the place of the body in the request.
type upload struct {
	s       *ClientStream
	req     *message.Request
	body    io.Reader
	from    exchange.BodySource // may be nil
	timeout time.Duration

	done    chan struct{}
	stopped bool // guarded by the connection's lock

	// What follows is valid when done is closed.
	err      error
	failed   bool // the body could not be had
	client   bool // because of its source
	consumed bool // some of it was taken
	whole    bool // all of it was sent
}

// beginUpload sends the body while the response is waited for. final is true
// when the backend answered before the body.
func (s *ClientStream) beginUpload(req *message.Request, o *exchange.SendOptions) (final bool, err error) {
	if o.Upgrade != "" {
		s.c.mu.Lock()
		s.setHeadBy(o.Timeout)
		s.c.mu.Unlock()
		return false, nil
	}
	if o.Expect {
		if final, err := s.awaitContinue(o); final || err != nil {
			return final, err
		}
		if err := o.Continue(); err != nil {
			return false, s.sendError(err, "ask the client for the body", nil)
		}
	}
	u := &upload{s: s, req: req, body: req.Body, from: o.From, timeout: o.Timeout, done: make(chan struct{})}
	s.upload, req.Body = u, u
	go u.run()
	return false, nil
}

// awaitContinue waits for "100 Continue" or a final response. When neither
// comes in time the body is sent all the same (RFC 9110 10.1.1).
func (s *ClientStream) awaitContinue(o *exchange.SendOptions) (final bool, err error) {
	c := s.c
	c.mu.Lock()
	wait := o.ExpectTimeout
	if wait <= 0 || (o.Timeout > 0 && o.Timeout < wait) {
		wait = 0
		s.setHeadBy(o.Timeout)
	}
	c.mu.Unlock()
	over := false // guarded by c.mu: s may serve another exchange by then
	if wait > 0 {
		enough := time.AfterFunc(wait, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if !over {
				s.go100 = true
				s.body.cond.Broadcast()
			}
		})
		defer enough.Stop()
	}
	err = s.await(o, true)
	c.mu.Lock()
	over, final = true, s.gotHead
	c.mu.Unlock()
	if err != nil {
		return false, s.sendError(err, "wait for 100 Continue", nil)
	}
	return final, nil
}

// Read lets filters of the response phase not read the request's body twice.
func (u *upload) Read([]byte) (int, error) {
	return 0, errors.New("the request body is being sent")
}

// Sent implements exchange.Upload.
func (u *upload) Sent() bool {
	return u.finished() && u.whole
}

// BodyError implements exchange.Upload.
func (u *upload) BodyError() error {
	if u.finished() && u.client {
		return u.err
	}
	return nil
}

// finished reports whether run has ended, or is about to: the answer to its last
// bytes may be here before.
func (u *upload) finished() bool {
	select {
	case <-u.done: // the stream may serve somebody else by now
		return true
	default:
	}
	u.s.c.mu.Lock()
	ended := u.s.sentEnd
	u.s.c.mu.Unlock()
	if ended {
		<-u.done
	}
	return ended
}

// run moves the body. It is the only one to read it until done is closed.
func (u *upload) run() {
	defer close(u.done)
	defer func() {
		if p := recover(); p != nil {
			u.fail(false, fmt.Errorf("%w: reading the body panicked: %v", exchange.ErrUnsendable, p))
		}
	}()
	length := u.req.ContentLength
	if b, ok := u.body.(exchange.Body); ok && (length < 0 || b.Left() == length) {
		u.move(b)
		return
	}
	u.copy(length)
}

// move sends a body that no filter touched.
func (u *upload) move(b exchange.Body) {
	for {
		data, err := b.Arrived()
		if len(data) == 0 && err == nil {
			u.rest() // now the client takes its time
			data, err = b.Next(buf.Medium)
		}
		if err == io.EOF { //nolint:errorlint // Next returns it bare
			u.whole = u.send(nil, true)
			return
		}
		if err != nil {
			u.fail(true, err)
			return
		}
		ends := b.Ends(len(data))
		if !u.send(data, ends) {
			return
		}
		u.consumed = true
		b.Consume(len(data))
		if ends {
			u.whole = true
			return
		}
	}
}

// copy sends a body that comes from a filter; length is what was promised.
func (u *upload) copy(length int64) {
	p := buf.Get(buf.Medium)
	defer buf.Put(p)
	promised := length
	for {
		u.rest()
		n, err := u.body.Read(p)
		u.consumed = true
		if promised >= 0 {
			if length -= int64(n); length < 0 {
				u.fail(false, fmt.Errorf("%w: the body is longer than the %d bytes it promised", exchange.ErrUnsendable, promised))
				return
			}
		}
		switch {
		case err == io.EOF && promised >= 0 && length > 0:
			u.fail(false, fmt.Errorf("%w: %d bytes of the body are missing", exchange.ErrUnsendable, length))
			return
		case err != nil && err != io.EOF:
			u.fail(true, err)
			return
		case n > 0 || err != nil:
			if !u.send(p[:n], err != nil) {
				return
			}
		}
		if err != nil {
			u.whole = true
			return
		}
	}
}

// rest takes back the limit of the backend while the client is waited for.
func (u *upload) rest() {
	c := u.s.c
	c.mu.Lock()
	u.s.headBy = 0
	c.mu.Unlock()
}

// send sends data; with end, that and the trailers are the end of the request.
func (u *upload) send(data []byte, end bool) bool {
	s := u.s
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if u.stopped {
		u.err = errNotWanted
		return false
	}
	trailers := end && u.req.Trailer.Len() > 0
	var err error
	if len(data) > 0 || !trailers {
		err = s.put(data, end && !trailers, u.timeout)
	} else {
		err = s.writable()
	}
	if err != nil {
		u.err = err // what the backend answered decides
		return false
	}
	if trailers {
		s.appendTrailers(&u.req.Trailer)
	}
	s.setHeadBy(u.timeout)
	c.w.flush(true)
	return true
}

// setHeadBy gives the backend d from now for the head of its response.
func (s *ClientStream) setHeadBy(d time.Duration) {
	if s.gotHead || s.gone {
		return
	}
	if s.headBy = s.deadline(d); s.headBy != 0 {
		s.c.clock.arm(s.headBy)
	}
}

// fail ends the exchange because the body cannot be had; when it was told to
// stop, that is why.
func (u *upload) fail(client bool, err error) {
	c := u.s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	u.err = err
	u.failed = !u.stopped
	u.client = client && u.failed
	u.s.fail(err, CodeCancel)
	c.w.kick()
}

// endUpload makes the upload end, if there is one, and waits for it.
func (s *ClientStream) endUpload() {
	u := s.upload
	if u == nil || u.finished() {
		return
	}
	c := s.c
	c.mu.Lock()
	u.stopped = true
	if !s.gone && !s.sentEnd {
		s.fail(errAbandoned, CodeCancel)
		c.w.kick()
	}
	c.mu.Unlock()
	if u.from != nil {
		u.from.HoldRead(true)
		<-u.done
		u.from.HoldRead(false)
	}
	<-u.done
}

var _ exchange.Upload = (*upload)(nil)
