package fastcgi

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// Upload is a request body on its way to a backend while the response is read: a
// program may answer before it has seen all of it. It implements exchange.Upload.
type Upload struct {
	c       *Client
	body    io.Reader
	length  int64
	from    exchange.BodySource // may be nil
	timeout time.Duration       // see exchange.SendOptions.Timeout

	done    chan struct{}
	ending  atomic.Bool // what is sent now is the end
	stopped atomic.Bool

	// What follows is valid when done is closed.
	err    error
	failed bool // the body could not be had
	client bool // because of the client
	whole  bool // all of it was sent
}

// begin sends the body of req from a goroutine of its own, which stop waits for.
func (c *Client) begin(req *message.Request, o *exchange.SendOptions) {
	u := &Upload{c: c, body: req.Body, length: req.ContentLength, from: o.From, timeout: o.Timeout, done: make(chan struct{})}
	c.upload, req.Body = u, u
	go u.run()
}

// Read lets filters of the response phase not read the request's body twice.
func (u *Upload) Read([]byte) (int, error) {
	return 0, errors.New("the request body is being sent")
}

// Sent implements exchange.Upload.
func (u *Upload) Sent() bool { return u.finished() && u.whole }

// BodyError implements exchange.Upload.
func (u *Upload) BodyError() error {
	if u.finished() && u.client {
		return u.err
	}
	return nil
}

// run moves the body. It owns the reading side of the client's connection and the
// writing side of the backend's until it closes done.
func (u *Upload) run() {
	defer close(u.done)
	defer func() {
		if p := recover(); p != nil {
			u.fail(fmt.Errorf("%w: reading the body panicked: %v", exchange.ErrUnsendable, p), false)
		}
	}()
	if b, ok := u.body.(exchange.Body); ok && b.Left() == u.length {
		u.move(b)
	} else {
		u.copy()
	}
}

// move sends a body that no filter touched.
func (u *Upload) move(b exchange.Body) {
	for !u.stopped.Load() {
		if b.Ends(0) {
			u.end()
			return
		}
		data, err := b.Arrived()
		if len(data) == 0 && err == nil {
			u.limit(0) // now the client takes its time
			data, err = b.Next(buf.Medium)
		}
		if err == io.EOF { //nolint:errorlint // Next returns it bare
			u.end()
			return
		}
		if err != nil {
			u.fail(err, true)
			return
		}
		data = data[:min(len(data), mostContent)]
		if b.Ends(len(data)) {
			u.ending.Store(true)
		}
		if !u.send(data) {
			return
		}
		b.Consume(len(data))
	}
}

// copy sends a body that comes from a filter.
func (u *Upload) copy() {
	p := buf.Get(buf.Medium)
	defer buf.Put(p)
	left := u.length
	for !u.stopped.Load() {
		u.limit(0)
		n, err := u.body.Read(p)
		if int64(n) > left {
			u.fail(fmt.Errorf("%w: the body is longer than the %d bytes it promised", exchange.ErrUnsendable, u.length), false)
			return
		}
		left -= int64(n)
		if n > 0 && !u.send(p[:n]) {
			return
		}
		switch {
		case err == io.EOF && left > 0:
			u.fail(fmt.Errorf("%w: %d bytes of the body are missing", exchange.ErrUnsendable, left), false)
			return
		case err == io.EOF:
			u.end()
			return
		case err != nil:
			u.fail(err, true)
			return
		}
	}
}

// limit gives the backend d from now (0: any time), but not more than the whole
// exchange may take.
func (u *Upload) limit(d time.Duration) { u.c.s.SetTimeout(u.c.s.Now(), u.c.remaining(d)) }

// send sends data as one record.
func (u *Upload) send(data []byte) bool {
	var h [headerBytes]byte
	return u.write(appendHeader(h[:0], stdin, len(data)), data)
}

// end sends the end of STDIN.
func (u *Upload) end() {
	u.ending.Store(true)
	var h [headerBytes]byte
	u.whole = u.write(appendEnd(h[:0], stdin), nil)
}

func (u *Upload) write(a, b []byte) bool {
	u.limit(u.timeout)
	if err := u.c.s.WriteTwo(a, b); err != nil {
		// The backend stopped reading: what it answered decides.
		u.err = err
		u.c.broken.Store(true)
		return false
	}
	return true
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

// finished reports whether the upload has ended. The answer to its last bytes may
// be here before it has noticed that they were sent.
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

// stop makes run end and waits for it; the caller has finished with the response.
// It reports whether the whole body was sent.
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
	return u.whole
}
