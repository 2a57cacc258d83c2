package proxy

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/http1"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/route"
)

// downstream is the client's side of an exchange, whatever protocol it speaks.
type downstream interface {
	Reply(*message.Response) error
	Tunnel(*message.Response, *http1.Client) (up, down int64, err error)
	Upgrade() string
	SendOptions(*http1.SendOptions)
	CloseAfter()
	Sent() (status int, bytes int64)
	Gone() bool
	OnGone(func())
	BodyError() error
}

// exchange is one request on its way through the proxy. It is used again and
// again: reset clears it.
type exchange struct {
	p    *Proxy
	x    *http1.Exchange
	down downstream
	req  *message.Request
	ctx  filter.Context

	path   string // as matched
	rounds []round
	failed message.Reason // why Fairlead itself answers
	cause  error

	// resp is where backend responses are read into; own is for responses made
	// here.
	resp, own message.Response

	endpoint *backend.Endpoint
	busy     *backend.Endpoint // the one that counts this request
	client   *http1.Client
	send     http1.SendOptions
	pick     backend.Pick
	tried    [mostEndpoints]*backend.Endpoint

	replied bool
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
func (p *Proxy) begin(x *http1.Exchange) *exchange {
	e, ok := x.Own.(*exchange)
	if !ok {
		e = &exchange{}
		x.Own = e
	}
	e.p, e.x, e.down, e.req = p, x, x, &x.Request
	e.times = times{begin: x.Begun}
	e.req.ShuttingDown = p.stopping.Load()
	e.ctx.Begin(e.req, e)
	return e
}

// end accounts for the exchange and lets go of everything it held. It is
// deferred: a panic of a filter ends up here.
func (e *exchange) end() {
	if v := recover(); v != nil {
		e.panicked(v)
	}
	e.account()
	e.x.Ended = e.times.end
	e.release()
	e.context.end()
	e.reset()
}

func (e *exchange) panicked(v any) {
	e.p.log.Error("a filter panicked", "route", e.ctx.RouteID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	e.down.CloseAfter()
	if e.client != nil {
		e.drop()
	}
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

func (e *exchange) reset() {
	clear(e.rounds)
	e.rounds = e.rounds[:0]
	clear(e.tried[:])
	e.path, e.failed, e.cause, e.replied = "", message.ReasonNone, nil, false
	e.pick, e.send = backend.Pick{}, http1.SendOptions{}
	e.resp.Reset()
	e.own.Reset()
	e.ctx.End()
	e.x, e.down, e.req, e.endpoint = nil, nil, nil, nil
}

// route returns the route of the last round, nil when none matched.
func (e *exchange) route() *route.Route {
	if len(e.rounds) == 0 {
		return nil
	}
	return e.rounds[len(e.rounds)-1].route
}

// now looks at the clock.
func (e *exchange) now() int64 { return e.p.sweeper.Now() }

// lazyContext is a context that is made when somebody asks for it.
type lazyContext struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

// Context implements filter.Host.
func (e *exchange) Context() context.Context {
	c := &e.context
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		c.ctx, c.cancel = context.WithCancel(e.p.base)
		e.down.OnGone(c.cancel)
	}
	return c.ctx
}

func (c *lazyContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
		c.ctx, c.cancel = nil, nil
	}
}
