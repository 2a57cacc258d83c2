package proxy

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/route"
)

// passage is one request on its way through the proxy. It is used again and
// again: reset clears it.
type passage struct {
	p    *Proxy
	down exchange.Downstream
	rec  *exchange.Record
	req  *message.Request
	ctx  filter.Context

	path   string // as matched
	rounds []round
	failed message.Reason // why Fairlead itself answers
	cause  error

	// received is where the backend's response is read into, unless there is more
	// than one; own is for responses made here.
	received, own message.Response

	// attempt is the last one, and the one whose response is taken; first is memory
	// for the usual case that there is only one.
	*attempt
	first    attempt
	attempts int               // endpoints that the request was sent to, or tried to be
	target   *backend.Endpoint // of a dynamic backend
	pick     backend.Pick
	tried    [mostTried]*backend.Endpoint
	asking   *attempt     // the one that guards were asked about last; may be nil
	refused  filter.Guard // that kept the request from the last endpoint
	replay   *replay      // nil: the body is sent once
	racing   *race        // nil: one attempt at a time

	replied bool
	limited filter.Client // what the client's side knows of ctx.Client
	times   times

	context lazyContext
}

// round is one pass through a route: loopbacks make several.
type round struct {
	route *route.Route
	ran   int // filters whose request phase ran
}

// times are points on the sweeper's clock, 0 where it did not come to that.
type times struct {
	begin, matched, filtered, sent, answered, responded, end int64
}

// begin takes the exchange's state and connects it to the request.
func (p *Proxy) begin(d exchange.Downstream) *passage {
	rec := d.Record()
	e, ok := rec.Own.(*passage)
	if !ok {
		e = &passage{}
		rec.Own = e
	}
	e.p, e.down, e.rec, e.req = p, d, rec, &rec.Request
	e.times, e.attempt = times{begin: rec.Begun}, &e.first
	e.req.ShuttingDown = p.stopping.Load()
	e.ctx.Begin(e.req, e)
	return e
}

// end accounts for the exchange and lets go of everything it held. It is
// deferred: a panic of a filter ends up here.
func (e *passage) end() {
	if v := recover(); v != nil {
		e.panicked(v)
	}
	e.dismissGuards()
	e.account()
	e.finish()
	e.rec.Ended = e.times.end
	e.release()
	e.context.end()
	e.reset()
}

func (e *passage) panicked(v any) {
	e.p.log.Error("a filter panicked", "route", e.ctx.RouteID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	e.closeAfter()
	e.drop()
	e.failed, e.cause = message.ReasonFilterPanic, nil
	defer func() {
		if v := recover(); v != nil {
			e.p.log.Error("a body panicked when it was closed", "route", e.ctx.RouteID, "panic", fmt.Sprint(v))
		}
	}()
	if r := e.ctx.Response; r != nil {
		defer closeBody(r)
	}
	if !e.replied {
		e.answer()
		e.brand()
		e.reply()
	}
}

func (e *passage) reset() {
	clear(e.rounds)
	e.rounds = e.rounds[:0]
	clear(e.tried[:])
	e.path, e.failed, e.cause, e.replied, e.attempts = "", message.ReasonNone, nil, false, 0
	e.attempt, e.first, e.target, e.asking, e.refused, e.replay = &e.first, attempt{}, nil, nil, nil, nil
	e.pick = backend.Pick{}
	e.received.Reset()
	e.limited = filter.Client{}
	e.own.Reset()
	e.ctx.End()
	e.rec, e.down, e.req = nil, nil, nil
}

// route returns the route of the last round, nil when none matched.
func (e *passage) route() *route.Route {
	if len(e.rounds) == 0 {
		return nil
	}
	return e.rounds[len(e.rounds)-1].route
}

// now looks at the clock.
func (e *passage) now() int64 { return e.p.sweeper.Now() }

// lazyContext is a context that is made when somebody asks for it.
type lazyContext struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

// Context implements filter.Host.
func (e *passage) Context() context.Context {
	c := &e.context
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		c.ctx, c.cancel = context.WithCancel(e.p.base)
		e.down.OnGone(c.cancel)
	}
	return c.ctx
}

// Router implements filter.Host.
func (e *passage) Router() filter.Router { return e.p }

func (c *lazyContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
		c.ctx, c.cancel = nil, nil
	}
}
