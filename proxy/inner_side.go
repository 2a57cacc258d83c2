package proxy

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// inner is the client's side of an exchange of Fairlead's own: a filter that
// called Exchange. It implements exchange.Downstream in memory.
type inner struct {
	p      *Proxy
	record exchange.Record
	upload io.Closer // the request's body, if it can be closed
	once   sync.Once // of closing it
	answer chan *message.Response

	replied bool
	status  int
	sent    int64

	mu    sync.Mutex
	over  bool // all was handed over: there is nothing left to interrupt
	gone  error
	up    exchange.Upstream
	fn    func()
	taker *io.PipeReader // of a body under way
}

func newInner(p *Proxy, req *message.Request) *inner {
	x := &inner{p: p, answer: make(chan *message.Response, 1)}
	x.record.Begun = p.sweeper.Now()
	x.record.Request = *req
	r := &x.record.Request
	r.Received = p.sweeper.Time(x.record.Begun)
	if r.Body == nil {
		r.ContentLength = 0
	}
	x.upload, _ = r.Body.(io.Closer)
	return x
}

// interrupt is for the caller's going away, and for the end of the process.
func (x *inner) interrupt(why error) {
	x.mu.Lock()
	if x.over || x.gone != nil {
		x.mu.Unlock()
		return
	}
	x.gone = why
	if x.up != nil {
		x.up.Interrupt() // with the lock: after Unpair it may serve somebody else
	}
	fn, taker := x.fn, x.taker
	x.mu.Unlock()
	if fn != nil {
		fn()
	}
	if taker != nil {
		_ = taker.CloseWithError(why)
	}
	x.closeUpload()
}

// complete says that the caller has, or can take, all there is: what it does from
// now on says nothing about the backend.
func (x *inner) complete() {
	x.mu.Lock()
	x.over = true
	x.mu.Unlock()
}

// settle ends the exchange for its caller.
func (x *inner) settle() {
	x.complete()
	x.closeUpload()
	close(x.answer)
}

func (x *inner) closeUpload() {
	if x.upload != nil {
		x.once.Do(func() { _ = x.upload.Close() })
	}
}

// Record implements exchange.Downstream.
func (x *inner) Record() *exchange.Record { return &x.record }

// Upgrade implements exchange.Downstream: there is nobody to speak another
// protocol with.
func (x *inner) Upgrade() string { return "" }

// Accept implements exchange.Downstream.
func (x *inner) Accept(*message.Response) (exchange.Pipe, error) { return nil, exchange.ErrNoUpgrade }

// CloseAfter implements exchange.Downstream.
func (x *inner) CloseAfter() {}

// Sent implements exchange.Downstream.
func (x *inner) Sent() (status int, bytes int64) { return x.status, x.sent }

// SendOptions implements exchange.Downstream.
func (x *inner) SendOptions(o *exchange.SendOptions) {
	for te := range x.record.Request.Header.Values("TE") {
		o.Trailers = o.Trailers || message.HasToken(te, "trailers")
	}
	if x.upload != nil {
		o.From = x
	}
}

// HoldRead implements exchange.BodySource: reads fail for good, which is when
// nothing more of the body is wanted.
func (x *inner) HoldRead(on bool) {
	if on {
		x.closeUpload()
	}
}

// BodyError implements exchange.Downstream.
func (x *inner) BodyError() error {
	if u, ok := x.record.Request.Body.(exchange.Upload); ok {
		return u.BodyError()
	}
	return nil
}

// Gone implements exchange.Downstream.
func (x *inner) Gone() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.gone != nil
}

// OnGone implements exchange.Downstream.
func (x *inner) OnGone(fn func()) {
	x.mu.Lock()
	x.fn = fn
	gone := x.gone != nil
	x.mu.Unlock()
	if gone && fn != nil {
		fn()
	}
}

// Pair implements exchange.Downstream.
func (x *inner) Pair(u exchange.Upstream) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up = u
	if x.gone != nil {
		u.Interrupt()
	}
}

// Unpair implements exchange.Downstream.
func (x *inner) Unpair() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	alone := x.up == nil || x.gone == nil
	x.up = nil
	return alone
}

// Reply implements exchange.Downstream. A short body that is here already is
// handed over as it is; the caller reads others at its own pace.
func (x *inner) Reply(resp *message.Response) error {
	if x.replied {
		return exchange.ErrReplied
	}
	x.replied, x.status = true, resp.Status
	out := &message.Response{Status: resp.Status, Reason: strings.Clone(resp.Reason), Header: resp.Header.Clone()}
	out.Header.DelFunc(func(f message.Field) bool { return f.Kind != message.KindOther })
	bodiless := x.record.Request.Method == "HEAD" || resp.Status < 200 || resp.Status == 204 || resp.Status == 304
	switch {
	case bodiless:
		out.ContentLength = resp.ContentLength
	case resp.Body == nil:
	case x.whole(resp, out):
	default:
		return x.stream(resp, out)
	}
	x.complete()
	x.answer <- out
	return nil
}

// whole hands over a body that has arrived and is not long.
func (x *inner) whole(resp, out *message.Response) bool {
	b, ok := resp.Body.(exchange.Body)
	if !ok {
		return false
	}
	data, ok := b.Whole()
	if !ok || len(data) > buf.Large || resp.ContentLength != int64(len(data)) {
		return false
	}
	out.SetBody(io.NopCloser(bytes.NewReader(bytes.Clone(data))), int64(len(data)))
	b.Consume(len(data))
	x.sent = int64(len(data))
	return true
}

// innerBody is a response's body on the caller's side.
type innerBody struct {
	*io.PipeReader
	x *inner
}

// errClosedEarly is why a body is not read on.
var errClosedEarly = errors.New("the body of the response was closed before its end")

// Close ends the exchange, if it has not ended.
func (b innerBody) Close() error {
	b.x.interrupt(errClosedEarly)
	return b.PipeReader.Close()
}

// stream moves the body of resp to whom has out.
func (x *inner) stream(resp, out *message.Response) error {
	r, w := io.Pipe()
	out.SetBody(innerBody{r, x}, resp.ContentLength)
	x.mu.Lock()
	x.taker = r
	gone := x.gone
	x.mu.Unlock()
	if gone != nil {
		return &exchange.ReplyError{Err: gone}
	}
	broken := errClosedEarly // what the caller gets if reading the body panics
	defer func() { _ = w.CloseWithError(broken) }()
	x.answer <- out
	err := x.pump(w, r, resp)
	if err == nil {
		out.Trailer = resp.Trailer.Clone()
		x.complete()
		broken = io.EOF
		return nil
	}
	broken = err.Err
	return err
}

// pump moves the bytes. The caller has to take what there is within the time
// that clients have.
func (x *inner) pump(w *io.PipeWriter, r *io.PipeReader, resp *message.Response) *exchange.ReplyError {
	var stall *time.Timer
	limit := x.p.opts.WriteTimeout
	if limit > 0 {
		stall = time.AfterFunc(limit, func() { _ = r.CloseWithError(sock.ErrTimeout) })
		defer stall.Stop()
		stall.Stop()
	}
	b := buf.Get(buf.Medium)
	defer buf.Put(b)
	for {
		n, err := resp.Body.Read(b)
		if resp.ContentLength >= 0 && x.sent+int64(n) > resp.ContentLength {
			return &exchange.ReplyError{Err: errors.New("a filter delivers more than it promised"), Backend: true}
		}
		if n > 0 {
			if stall != nil {
				stall.Reset(limit)
			}
			_, werr := w.Write(b[:n])
			if stall != nil {
				stall.Stop()
			}
			if werr != nil {
				return &exchange.ReplyError{Err: werr}
			}
			x.sent += int64(n)
		}
		switch {
		case err == io.EOF && resp.ContentLength >= 0 && x.sent < resp.ContentLength:
			return &exchange.ReplyError{Err: io.ErrUnexpectedEOF, Backend: true}
		case err == io.EOF:
			return nil
		case err != nil:
			return &exchange.ReplyError{Err: err, Backend: true}
		}
	}
}
