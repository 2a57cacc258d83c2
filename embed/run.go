package embed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// run is one request on its way through a middleware. Of the two sides, the
// goroutine of the exchange and those of the middleware, one waits for the other
// all the time but while the request is forwarded: events go one way, replies the
// other.
type run struct {
	filter  *middleware
	routeID string
	events  chan event
	quit    chan struct{} // closed when the exchange has ended
	ctx     context.Context
	out     *writer
	in      *inbound

	// The side of the exchange alone.
	c         *filter.Context
	request   *http.Request
	sent      snapshotted
	called    *event // next, which waits for the response
	responded bool
	ended     bool
	body      io.Reader // of the backend's response
	base      http.Header
	pending   *event // written, and not all read yet
	last      *event // finished
}

// event is what the middleware does or wants.
type event struct {
	kind     eventKind
	req      *http.Request // nextCalled
	status   int           // headWritten
	header   http.Header   // headWritten
	p        []byte        // to read into, or written
	panicked bool          // finished
	err      error         // finished
	reply    chan reply
}

type eventKind uint8

const (
	nextCalled eventKind = iota
	headWritten
	written      // a piece of the body
	readRequest  // wants a piece of the request's body
	readResponse // wants a piece of the backend's
	finished     // the handler returned
	clientGone   // made by await
)

// reply is what the exchange has to say.
type reply struct {
	n      int
	err    error
	status int // of the backend, for nextCalled
	header http.Header
	flush  bool
}

// errEnded is what a middleware gets that goes on after its exchange.
var errEnded = errors.New("the exchange has ended")

// run runs the handler.
func (r *run) run(req *http.Request) {
	defer r.filter.owner.running.Done()
	e := event{kind: finished}
	defer func() { r.send(e) }()
	defer func() {
		if v := recover(); v != nil {
			e.panicked, e.err = true, fmt.Errorf("the middleware %q panicked: %v", r.filter.name, v)
			if v != http.ErrAbortHandler { //nolint:errorlint // the very value is the sign
				r.filter.env.Log.Error("a middleware panicked", "filter", r.filter.name, "route", r.routeID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			}
		}
	}()
	r.filter.handler.ServeHTTP(r.out, req)
}

// send gives e to the exchange and reports whether that took it.
func (r *run) send(e event) bool {
	select {
	case r.events <- e:
		return true
	case <-r.quit:
		return false
	}
}

// ask sends e and waits for the reply.
func (r *run) ask(e event) reply {
	e.reply = make(chan reply, 1)
	if !r.send(e) {
		return reply{err: errEnded}
	}
	select {
	case a := <-e.reply:
		return a
	case <-r.quit:
		select {
		case a := <-e.reply: // it came before the end
			return a
		default:
		}
		return reply{err: errEnded}
	}
}

// next is the handler behind the middleware: it waits for the response and copies
// it to w.
func (r *run) next(w http.ResponseWriter, req *http.Request) {
	a := r.ask(event{kind: nextCalled, req: req})
	if a.err != nil {
		panic(http.ErrAbortHandler) // nobody is there
	}
	if a.status == 0 {
		r.filter.env.Log.Error("a middleware called next twice, or after its answer began", "filter", r.filter.name, "route", r.routeID)
		return
	}
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	w.WriteHeader(a.status)
	p := buf.Get(buf.Medium)
	defer buf.Put(p)
	for {
		got := r.ask(event{kind: readResponse, p: p})
		if got.n > 0 {
			if _, err := w.Write(p[:got.n]); err != nil {
				return
			}
			if a.flush {
				_ = http.NewResponseController(w).Flush() // where it can
			}
		}
		switch {
		case got.err == io.EOF: //nolint:errorlint // read returns it bare
			return
		case got.err != nil:
			panic(http.ErrAbortHandler) // what came is not whole
		}
	}
}

// await serves the middleware until it does something that is of interest here.
func (r *run) await() event {
	for r.last == nil {
		select {
		case e := <-r.events:
			switch {
			case e.kind == finished:
				r.last = &e
			case e.kind == readRequest:
				e.reply <- r.in.read(e.p)
			case e.kind == readResponse:
				e.reply <- r.readResponse(e.p)
			case e.kind == nextCalled && (r.called != nil || r.c.Served()):
				e.reply <- reply{}
			default:
				return e
			}
		case <-r.ctx.Done():
			r.end()
			return event{kind: clientGone}
		}
	}
	return *r.last
}

// readResponse reads a piece of the backend's response.
func (r *run) readResponse(p []byte) reply {
	if r.body == nil {
		return reply{err: io.EOF}
	}
	n, err := r.body.Read(p)
	return reply{n: n, err: err}
}

// forward takes over what the middleware changed in the request.
func (r *run) forward(e event) {
	r.called = &e
	if err := r.sent.apply(r.c, e.req); err != nil {
		r.filter.env.Log.Error("a middleware left a request that cannot be sent", "filter", r.filter.name, "route", r.routeID, "error", err)
		r.refuse(message.ReasonInternal)
		return
	}
	r.in.handOn(r.c.Request, e.req)
}

// refuse ends the run and answers in its place.
func (r *run) refuse(why message.Reason) {
	r.end()
	r.c.Refuse(why)
}

// answer makes what the middleware writes the response: no backend is asked.
func (r *run) answer(status int, header http.Header) {
	resp := &message.Response{Status: status}
	addHeader(&resp.Header, header)
	length := lengthOf(header)
	r.c.Serve(resp)
	if r.out.bodiless || bodiless(status) {
		resp.ContentLength = max(length, 0)
		r.drain()
		return
	}
	resp.SetBody(&outbound{r: r, left: length}, length)
}

// respond hands the response to next and takes what comes of it.
func (r *run) respond() {
	resp := r.c.Response
	r.base = headerOf(resp)
	r.body = resp.Body
	r.called.reply <- reply{
		status: resp.Status, header: r.base.Clone(),
		flush: resp.ContentLength == message.Unknown,
	}
	e := r.await()
	switch e.kind {
	case headWritten:
		r.merge(resp, e.status, e.header)
	case finished:
		if e.panicked {
			closeReader(resp.Body)
			r.refuse(message.ReasonFilterPanic)
			return
		}
		r.merge(resp, http.StatusOK, r.out.take())
	}
}

// merge makes the response what the middleware wrote; fields that it left alone
// keep place and spelling.
func (r *run) merge(resp *message.Response, status int, header http.Header) {
	changeHeader(&resp.Header, r.base, header)
	if status != resp.Status {
		resp.Status, resp.Reason = status, ""
	}
	switch {
	case status == http.StatusSwitchingProtocols:
	case r.out.bodiless || bodiless(status):
		if length := lengthOf(header); length >= 0 {
			resp.ContentLength = length
		}
		r.drain()
		if r.body != nil && resp.Body == r.body {
			closeReader(resp.Body)
			resp.Body = nil
		}
	default:
		length := lengthOf(header)
		resp.SetBody(&outbound{r: r, below: resp.Body, left: length}, length)
	}
}

// drain lets the middleware run to its end, when nobody reads any more what it
// writes.
func (r *run) drain() {
	if w := r.pending; w != nil {
		r.pending = nil
		w.reply <- reply{err: http.ErrContentLength}
	}
	for {
		switch e := r.await(); e.kind {
		case written:
			e.reply <- reply{err: http.ErrContentLength}
		case finished, clientGone:
			return
		}
	}
}

// end cuts the middleware off.
func (r *run) end() {
	if !r.ended {
		r.ended = true
		close(r.quit)
	}
}

// bodiless reports whether responses of this status never have a body.
func bodiless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

// lengthOf returns what Content-Length says, message.Unknown if nothing.
func lengthOf(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return message.Unknown
	}
	return n
}

func closeReader(r io.Reader) {
	if c, ok := r.(io.Closer); ok {
		_ = c.Close() // nobody reads it any more
	}
}
