package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// Exchanges of Fairlead's own: filters send requests through the routes.

// errEnding is returned by Exchange when the process ends.
var errEnding = errors.New("the proxy is about to end and begins no exchange of its own any more")

// errNoAnswer is returned by Exchange when nobody answered: something below
// failed that answers otherwise.
var errNoAnswer = errors.New("the exchange ended without a response")

// Exchange implements filter.Router. Requests of Fairlead's own are not asked
// again what clients are asked at the door: trust, -forwarded-headers, query and
// body rules have had their say when the request came that led to this one.
func (p *Proxy) Exchange(ctx context.Context, req *message.Request) (*message.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x := newInner(p, req)
	if err := p.inner.enter(); err != nil {
		x.closeUpload()
		return nil, err
	}
	go x.run(ctx)
	select {
	case resp, ok := <-x.answer:
		if !ok {
			return nil, errNoAnswer
		}
		return resp, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx) // which interrupts x as well
	}
}

// inners counts the exchanges of Fairlead's own.
type inners struct {
	most     int
	passages sync.Pool // what they leave to the next

	mu     sync.Mutex
	open   int
	closed bool
	none   sync.Cond // of open
}

func (n *inners) init(most int) {
	n.most, n.none.L = most, &n.mu
	n.passages.New = func() any { return new(passage) }
}

// enter admits one more. It never waits: who waits in an exchange for a place
// would keep one.
func (n *inners) enter() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return errEnding
	case n.open >= n.most:
		return fmt.Errorf("%d exchanges of the proxy's own are under way, as many as -max-inner-exchanges allows", n.open)
	}
	n.open++
	return nil
}

func (n *inners) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open--; n.open == 0 {
		n.none.Broadcast()
	}
}

// close admits nobody any more and waits for those under way. They end with
// Proxy.base at the latest.
func (n *inners) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for n.open > 0 {
		n.none.Wait()
	}
}

// InnerExchanges returns how many exchanges of Fairlead's own are under way.
func (p *Proxy) InnerExchanges() int {
	p.inner.mu.Lock()
	defer p.inner.mu.Unlock()
	return p.inner.open
}

// run carries x through the proxy.
func (x *inner) run(ctx context.Context) {
	p := x.p
	defer p.inner.leave()
	own := p.inner.passages.Get()
	x.record.Own = own
	defer p.inner.passages.Put(own)
	defer x.settle()
	stop := context.AfterFunc(ctx, func() { x.interrupt(context.Cause(ctx)) })
	defer stop()
	stopBase := context.AfterFunc(p.base, func() { x.interrupt(errEnding) })
	defer stopBase()
	p.Handle(x)
}

// isInner reports whether the request is one of Fairlead's own.
func (e *passage) isInner() bool {
	_, ok := e.down.(*inner)
	return ok
}

// admitInner is admit for requests of Fairlead's own. Loops end here, too: each
// exchange has the rounds behind it of the one that made it.
func (e *passage) admitInner() bool {
	var reason message.Reason
	switch {
	case e.p.table.Load() == nil:
		reason = message.ReasonNotReady
	case e.req.Depth > e.p.opts.MaxLoopbacks:
		reason = message.ReasonLoopLimit
	default:
		return true
	}
	e.fail(reason, nil)
	e.answer()
	e.brand()
	e.reply()
	return false
}

var _ exchange.Downstream = (*inner)(nil)
