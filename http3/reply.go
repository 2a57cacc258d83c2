package http3

import (
	"errors"
	"io"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// sayContinue answers "Expect: 100-continue" when the body is first asked for.
func (st *stream) sayContinue() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.body.onRead = nil
	if st.replied {
		return nil
	}
	return st.write(st.enc.appendInterim(nil, 100, nil))
}

// sendInterim passes on an interim response (RFC 9110 15.2).
func (st *stream) sendInterim(resp *message.Response) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.replied {
		_ = st.write(st.enc.appendInterim(nil, resp.Status, &resp.Header))
	}
}

// Reply implements exchange.Downstream.
func (st *stream) Reply(resp *message.Response) error {
	first, err := arrived(resp)
	if err != nil {
		return &exchange.ReplyError{Err: err, Backend: true} // nothing was promised yet
	}
	st.mu.Lock()
	if st.replied {
		st.mu.Unlock()
		return exchange.ErrReplied
	}
	st.replied, st.status = true, resp.Status
	st.mu.Unlock()
	if st.writeFor > 0 {
		st.writeBy = time.Now().Add(st.writeFor)
	}
	s := st.shape(resp)
	out := buf.Get(buf.Medium)
	head := st.enc.appendResponse(out[:0], resp, s)
	err = st.send(head, out, resp, s, first)
	buf.Put(out)
	if err != nil {
		st.q.CancelWrite(CodeInternal.stream())
		return err
	}
	st.watch.end()
	_ = st.q.Close() // fails only when it was reset, which is no news
	return nil
}

// arrived returns what has come of the response's body, so that a body that is
// broken from its start can be answered for.
func arrived(resp *message.Response) ([]byte, error) {
	b, ok := resp.Body.(exchange.Body)
	if !ok {
		return nil, nil
	}
	data, err := b.Arrived()
	if err == io.EOF { //nolint:errorlint // Arrived returns it bare
		err = nil
	}
	return data, err
}

// shape decides how the response is framed.
func (st *stream) shape(resp *message.Response) shape {
	s := shape{length: resp.ContentLength}
	s.bodiless = st.method == "HEAD" || resp.Status < 200 || resp.Status == 204 || resp.Status == 304
	if resp.Body == nil && !s.bodiless {
		s.length = 0
	}
	return s
}

// send writes head, body and trailers. head lies in out, whose rest is free.
func (st *stream) send(head, out []byte, resp *message.Response, s shape, first []byte) error {
	if s.bodiless || resp.Body == nil {
		if err := st.write(head); err != nil {
			return &exchange.ReplyError{Err: err}
		}
		return nil
	}
	w := &sender{st: st, out: out, pending: head, length: s.length}
	var err error
	if b, ok := resp.Body.(exchange.Body); ok && (s.length < 0 || s.length == b.Left()) {
		err = w.move(b, first)
	} else {
		err = w.copy(resp.Body)
	}
	if err != nil {
		return err
	}
	w.pending = st.enc.appendTrailers(w.pending, &resp.Trailer)
	return w.flush()
}

// sender writes the DATA frames of a response. Small pieces leave in one write
// with the heads before them.
type sender struct {
	st      *stream
	out     []byte
	pending []byte // what waits to be written; in out, if that is large enough
	length  int64  // of the whole body, or message.Unknown
}

// copyBelow is the size up to which a copy behind what is pending is cheaper than
// a write of its own.
const copyBelow = 4 << 10

// data sends one piece of the body.
func (w *sender) data(p []byte) error {
	w.pending = appendFrame(w.pending, frameData, uint64(len(p)))
	w.st.sent += int64(len(p))
	if len(p) <= copyBelow && len(p) <= cap(w.pending)-len(w.pending) {
		w.pending = append(w.pending, p...)
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.st.write(p); err != nil {
		return &exchange.ReplyError{Err: err}
	}
	return nil
}

// flush writes what is pending.
func (w *sender) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	err := w.st.write(w.pending)
	w.pending = w.out[:0]
	if err != nil {
		return &exchange.ReplyError{Err: err}
	}
	return nil
}

// move sends a body that lies in the memory of the backend's engine; data is what
// has arrived of it.
func (w *sender) move(b exchange.Body, data []byte) error {
	for {
		if len(data) > 0 {
			if err := w.data(data); err != nil {
				return err
			}
			b.Consume(len(data))
		}
		if b.Ends(0) {
			return nil
		}
		var err error
		if data, err = b.Arrived(); len(data) == 0 && err == nil {
			if err := w.flush(); err != nil { // the client need not wait for what follows
				return err
			}
			data, err = b.Next(buf.Large)
		}
		if err == io.EOF { //nolint:errorlint // Next returns it bare
			return nil
		}
		if err != nil {
			return &exchange.ReplyError{Err: err, Backend: true}
		}
	}
}

// copy sends a body that a filter made or changed.
func (w *sender) copy(r io.Reader) error {
	p := buf.Get(buf.Medium)
	defer buf.Put(p)
	for {
		n, err := r.Read(p)
		if w.length >= 0 && w.st.sent+int64(n) > w.length {
			return &exchange.ReplyError{Err: errors.New("a filter delivers more than it promised"), Backend: true}
		}
		if n > 0 {
			if err := w.data(p[:n]); err != nil {
				return err
			}
		}
		switch {
		case w.length >= 0 && w.st.sent == w.length:
			return nil
		case err == io.EOF && w.length >= 0:
			return &exchange.ReplyError{Err: io.ErrUnexpectedEOF, Backend: true}
		case err == io.EOF:
			return nil
		case err != nil:
			return &exchange.ReplyError{Err: err, Backend: true}
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
}

// limitWrite sets the deadline of writing.
func (st *stream) limitWrite() {
	by := st.writeBy
	if t := st.c.srv.cfg.WriteTimeout; t > 0 {
		if soon := time.Now().Add(t); by.IsZero() || soon.Before(by) {
			by = soon
		}
	}
	if !by.IsZero() {
		_ = st.q.SetWriteDeadline(by) // never fails
	}
}

// mostWritten bounds what one deadline covers: the client must take so much
// within the write timeout.
const mostWritten = 256 << 10

// write sends all of b. The client must make progress within the write timeout.
func (st *stream) write(b []byte) error {
	for len(b) > 0 {
		st.limitWrite()
		n, err := st.q.Write(b[:min(len(b), mostWritten)])
		b = b[n:]
		if err != nil {
			return clientError(err)
		}
	}
	return nil
}
