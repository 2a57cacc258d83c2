package http1

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// Reply implements exchange.Downstream.
func (x *Exchange) Reply(resp *message.Response) error {
	if x.replied {
		return exchange.ErrReplied
	}
	x.replied = true
	x.status = resp.Status
	if x.mute {
		return nil
	}
	s := x.shape(resp)
	out := buf.Get(buf.Small)
	head := appendResponse(out[:0], resp, &s)
	now := x.now()
	if x.writeFor > 0 {
		x.writeBy = x.conn.srv.sweeper.Now() + int64(x.writeFor)
	}
	x.limitWrite(now)
	x.cut = s.length < 0 && !s.chunked && !s.bodiless
	err := x.send(head, resp, &s)
	if cap(head) == cap(out) {
		buf.Put(out)
	}
	if err != nil {
		x.close = true
	} else {
		x.cut = false
	}
	return err
}

// now returns the sweeper's clock, as of the response's head where the handler
// has noted it.
func (x *Exchange) now() int64 {
	if x.record.Answered != 0 {
		return x.record.Answered
	}
	return x.conn.srv.sweeper.Now()
}

// limitWrite gives the client the write timeout from now to take some more, if
// there is as much left for the whole response.
func (x *Exchange) limitWrite(now int64) {
	d := x.conn.srv.cfg.WriteTimeout
	if x.writeBy != 0 {
		left := time.Duration(max(x.writeBy-now, 1))
		if d <= 0 || left < d {
			d = left
		}
	}
	x.conn.s.SetTimeout(now, d)
}

// awaitFilter takes the limit back while not the client is waited for, but a body
// that a filter made.
func (x *Exchange) awaitFilter() {
	if x.writeBy == 0 {
		x.conn.s.SetTimeout(0, 0)
	}
}

// shape decides how the response is framed (RFC 9112 6.1, 6.3, 9.3).
func (x *Exchange) shape(resp *message.Response) replyShape {
	r := &x.record.Request
	s := replyShape{length: resp.ContentLength}
	s.bodiless = bodiless(resp.Status) || x.head
	if resp.Body == nil && !s.bodiless {
		s.length = 0
	}
	if s.length < 0 && !s.bodiless {
		if r.Minor > 0 {
			s.chunked = true
		} else {
			x.close = true
		}
	}
	if u, ok := r.Body.(exchange.Upload); ok && !u.Sent() {
		x.close = true // an early answer: the rest of the request is not wanted
	} else if x.body.in != nil && !x.body.done && (x.body.onRead != nil || x.body.length > mostDrained) {
		x.close = true // the body was never asked for, or is not worth reading
	}
	if x.conn.srv.stopping.Load() {
		x.close = true
	}
	s.close = x.close
	s.keep10 = r.Minor == 0 && !x.close
	return s
}

func (x *Exchange) send(head []byte, resp *message.Response, s *replyShape) error {
	if s.bodiless || resp.Body == nil {
		return x.write(head, nil)
	}
	if b, ok := resp.Body.(exchange.Body); ok && (s.length < 0 || s.length == b.Left()) {
		return x.sendBody(head, b, s, &resp.Trailer)
	}
	if f, ok := resp.Body.(interface{ File() *os.File }); ok && s.length >= 0 && !s.chunked {
		if file := f.File(); file != nil {
			return x.sendFile(head, file, s.length)
		}
	}
	return x.sendReader(head, resp, s)
}

// copyBelow is the size up to which a copy behind the head is cheaper than a
// second piece of memory in the system call.
const copyBelow = 1 << 10

func (x *Exchange) write(a, b []byte) error {
	if len(b) <= copyBelow && len(b) <= cap(a)-len(a) {
		a, b = append(a, b...), nil
	}
	if err := x.conn.s.WriteTwo(a, b); err != nil {
		return &exchange.ReplyError{Err: err}
	}
	return nil
}

// sendBody moves a body that lies in the memory of the backend's engine.
func (x *Exchange) sendBody(head []byte, b exchange.Body, s *replyShape, trailer *message.Header) error {
	data, err := b.Arrived()
	if err != nil && err != io.EOF { //nolint:errorlint // Arrived returns it bare
		x.replied, x.status = false, 0 // nothing was promised to the client yet
		return &exchange.ReplyError{Err: err, Backend: true}
	}
	if !s.chunked {
		if err := x.write(head, data); err != nil {
			return err
		}
		x.sent += int64(len(data))
		b.Consume(len(data))
		return x.moveBody(b)
	}
	return x.moveChunked(head, b, data, trailer)
}

// spliceFrom is the number of bytes from which moving them inside the kernel is
// worth its set-up.
const spliceFrom = 128 << 10

// A piece is how much is moved between two looks at the time limit: a client
// must take it within the write timeout. Clients that are quick get larger ones.
const (
	splicePiece     = 512 << 10
	splicePieceMost = 4 << 20
	spliceQuick     = 500 * time.Millisecond
)

// moveBody sends the rest of a body whose framing needs no bytes of its own.
func (x *Exchange) moveBody(b exchange.Body) error {
	piece := int64(splicePiece)
	own, _ := b.(*Body)
	for !b.Ends(0) {
		if own != nil && (own.length >= spliceFrom || own.length == untilClose) {
			if moved, err := x.splice(own, &piece); moved {
				if err != nil {
					return err
				}
				continue
			}
		}
		data, err := b.Next(sizeFor(b.Left()))
		if err == io.EOF { //nolint:errorlint // Next returns it bare
			break
		}
		if err != nil {
			return &exchange.ReplyError{Err: err, Backend: true}
		}
		x.progress(b)
		if err := x.write(data, nil); err != nil {
			return err
		}
		x.sent += int64(len(data))
		b.Consume(len(data))
	}
	return nil
}

// sizeFor returns how much memory to read into for what is left of a body.
func sizeFor(left int64) int {
	if left >= 0 && left <= buf.Medium {
		return buf.Medium
	}
	return buf.Large
}

// progress renews the limits of both sides: data arrived.
func (x *Exchange) progress(b exchange.Body) {
	x.limitWrite(x.conn.srv.sweeper.Now())
	if own, ok := b.(*Body); ok && own.onWait != nil {
		own.onWait()
	}
}

// splice moves a piece of the body from socket to socket. moved is false when
// the connections cannot do that.
func (x *Exchange) splice(b *Body, size *int64) (moved bool, err error) {
	to, ok := x.conn.s.NetConn().(*net.TCPConn)
	if !ok {
		return false, nil
	}
	from, ok := b.in.s.NetConn().(*net.TCPConn)
	if !ok || len(b.in.unread()) > 0 {
		return false, nil
	}
	piece := *size
	if b.length >= 0 {
		piece = min(piece, b.length)
	}
	x.progress(b)
	begun := x.conn.srv.sweeper.Now()
	n, err := to.ReadFrom(&io.LimitedReader{R: from, N: piece})
	*size = splicePiece
	if x.conn.srv.sweeper.Now()-begun < int64(spliceQuick) {
		*size = min(2*piece, splicePieceMost)
	}
	x.sent += n
	b.read += n
	if b.length >= 0 {
		b.length -= n
		b.done = b.length == 0
	}
	switch {
	case err != nil:
		return true, &exchange.ReplyError{Err: err, Backend: b.in.s.Expired() || (b.in.s.HungUp() && !x.conn.s.HungUp())}
	case n < piece && b.length == untilClose:
		b.done = true
	case n < piece:
		b.err = exchange.ErrUnexpectedEnd
		return true, &exchange.ReplyError{Err: exchange.ErrUnexpectedEnd, Backend: true}
	}
	return true, nil
}

// moveChunked sends a body of unknown length; data is what has arrived.
func (x *Exchange) moveChunked(head []byte, b exchange.Body, data []byte, trailer *message.Header) error {
	for {
		ended := b.Ends(len(data))
		var err error
		switch {
		case len(data) > 0:
			head = appendChunkHead(head, len(data))
			if err = x.write(head, data); err == nil {
				x.sent += int64(len(data))
				b.Consume(len(data))
				head = append(head[:0], crlf...)
			}
		case !ended && len(head) > 2:
			err = x.write(head, nil) // the client need not wait for the first data
			head = head[:0]
		}
		if err != nil {
			return err
		}
		if ended {
			return x.write(appendLastChunk(head, trailer), nil)
		}
		data, err = b.Arrived()
		if len(data) == 0 && err == nil {
			if len(head) > 0 {
				// Nothing more for now: complete the chunk.
				if err := x.write(head, nil); err != nil {
					return err
				}
				head = head[:0]
			}
			data, err = b.Next(buf.Medium)
		}
		if err == io.EOF { //nolint:errorlint // Next returns it bare
			data = nil
			continue
		}
		if err != nil {
			return &exchange.ReplyError{Err: err, Backend: true}
		}
		x.progress(b)
	}
}

// sendFile sends a file from the page cache to the socket.
func (x *Exchange) sendFile(head []byte, f *os.File, length int64) error {
	if err := x.write(head, nil); err != nil {
		return err
	}
	to, ok := x.conn.s.NetConn().(io.ReaderFrom)
	if !ok {
		return x.copyReader(f, length, nil)
	}
	for length > 0 {
		x.limitWrite(x.conn.srv.sweeper.Now())
		piece := min(length, splicePiece)
		n, err := to.ReadFrom(&io.LimitedReader{R: f, N: piece})
		x.sent += n
		length -= n
		if err != nil {
			return &exchange.ReplyError{Err: err}
		}
		if n < piece {
			return &exchange.ReplyError{Err: io.ErrUnexpectedEOF, Backend: true}
		}
	}
	return nil
}

// sendReader sends a body that a filter made or changed.
func (x *Exchange) sendReader(head []byte, resp *message.Response, s *replyShape) error {
	if s.chunked {
		return x.copyChunked(head, resp.Body, &resp.Trailer)
	}
	return x.copyReader(resp.Body, s.length, head)
}

// copyReader sends r, whose length was promised (or < 0: until close), behind
// head.
func (x *Exchange) copyReader(r io.Reader, length int64, head []byte) error {
	p := buf.Get(buf.Medium)
	defer buf.Put(p)
	for {
		x.awaitFilter()
		n, err := r.Read(p)
		if length >= 0 && x.sent+int64(n) > length {
			return &exchange.ReplyError{Err: errors.New("a filter delivers more than it promised"), Backend: true}
		}
		if n > 0 || len(head) > 0 {
			x.limitWrite(x.conn.srv.sweeper.Now())
			if werr := x.write(head, p[:n]); werr != nil {
				return werr
			}
			head = nil
			x.sent += int64(n)
		}
		switch {
		case length >= 0 && x.sent == length:
			return nil
		case err == io.EOF && length >= 0:
			return &exchange.ReplyError{Err: io.ErrUnexpectedEOF, Backend: true}
		case err == io.EOF:
			return nil
		case err != nil:
			return &exchange.ReplyError{Err: err, Backend: true}
		}
	}
}

// copyChunked sends r in chunks behind head.
func (x *Exchange) copyChunked(head []byte, r io.Reader, trailer *message.Header) error {
	p := buf.Get(buf.Medium)
	defer buf.Put(p)
	const tail = 2 // room for the line end of the chunk
	for {
		x.awaitFilter()
		n, err := r.Read(p[:len(p)-tail])
		if n > 0 {
			head = appendChunkHead(head, n)
			copy(p[n:], crlf)
			x.limitWrite(x.conn.srv.sweeper.Now())
			if werr := x.write(head, p[:n+tail]); werr != nil {
				return werr
			}
			head = head[:0]
			x.sent += int64(n)
		}
		if err == io.EOF { // readers return it bare
			x.limitWrite(x.conn.srv.sweeper.Now())
			return x.write(appendLastChunk(head, trailer), nil)
		}
		if err != nil {
			if len(head) > 0 {
				x.limitWrite(x.conn.srv.sweeper.Now())
				_ = x.write(head, nil)
			}
			return &exchange.ReplyError{Err: err, Backend: true}
		}
	}
}
