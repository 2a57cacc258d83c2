package proxy

import (
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// Step 4: endpoint, send, retry.

// mostEndpoints bounds how many endpoints one request is sent to or tries to be,
// unless the route says otherwise (filter.Retry); mostTried bounds them together
// with those that guards refused.
const (
	mostEndpoints = 3
	mostTried     = 16
)

// forward gets the response of the route's backend.
func (e *passage) forward() {
	if e.ctx.Served() || e.failed != message.ReasonNone {
		return
	}
	rt := e.route()
	switch rt.Backend.Type {
	case eskip.Shunt:
		e.shunt()
		return
	case eskip.Dynamic:
		ep, err := e.p.dynamicEndpoint(&e.ctx)
		if err != nil {
			e.fail(message.ReasonNoTarget, err)
			return
		}
		e.target = ep
	}
	e.prepare()
	if e.hedges() {
		e.race()
	} else if e.next(&e.first) {
		e.try()
	}
	if e.failed != message.ReasonNone {
		e.giveUp()
	}
}

// try sends the request to one endpoint after the other.
func (e *passage) try() {
	for a := &e.first; a != nil; a = e.again(a) {
		e.attempt = a
		a.run()
		e.settle(a)
	}
}

// giveUp says why there is no response.
func (e *passage) giveUp() {
	switch {
	case e.refused != nil:
		e.refusedByGuard()
	case e.failed != message.ReasonNoEndpoint:
		e.logFailure("forward request")
	}
}

// shunt answers without a backend: filters may still change status and body.
func (e *passage) shunt() {
	r := &e.own
	r.Reset()
	r.Status = e.p.opts.DefaultStatus
	e.ctx.Response = r
}

// prepare fills in what is the same for all attempts.
func (e *passage) prepare() {
	up := &e.ctx.Upstream
	e.pick = backend.Pick{
		Request: e.req, Key: up.HashKey, Balance: up.HashBalance, FadeIn: up.FadeIn, Exponent: up.FadeInExponent,
		Among: e.route().Backend.Endpoints, MostDown: e.p.health.MostDown(), MostDropped: e.p.health.MostDropped(),
	}
	a := &e.first
	*a = attempt{e: e, req: e.req, resp: &e.received, sent: e.times.filtered}
	e.attempt = a
	e.down.SendOptions(&a.send)
	a.send.RemoveHopFields = e.p.opts.RemoveHopHeaders
	a.send.ExpectTimeout = e.p.opts.ExpectTimeout
	a.send.Script = up.Script
	if up.ToProxy {
		a.send.Absolute = e.req.Scheme
	}
	if e.p.opts.Upgrade {
		a.send.Upgrade = e.down.Upgrade()
	}
	if up.Retry != nil || up.Hedge != nil {
		e.prepareRepeats()
	}
}

// next finds the endpoint of an attempt: one that the guards allow. Without one
// the exchange fails.
func (e *passage) next(a *attempt) bool {
	for {
		ep := e.choose()
		if ep == nil {
			if e.failed == message.ReasonNone {
				e.fail(message.ReasonNoEndpoint, nil)
			}
			return false
		}
		a.endpoint = ep
		if e.mayTry(a) {
			return true
		}
		if e.route().Backend.Algorithm == nil || !e.passOver(ep) {
			return false
		}
	}
}

// choose picks the endpoint of the next attempt, nil when none is left.
func (e *passage) choose() *backend.Endpoint {
	b := &e.route().Backend
	switch {
	case e.attempts >= e.mostAttempts():
		return nil
	case b.Algorithm != nil:
		return e.balance(b.Algorithm)
	case e.attempts > 0 && !e.samePossible():
		return nil
	case b.Type == eskip.Dynamic:
		return e.target
	}
	return b.Endpoints[0]
}

// balance asks the algorithm, and counts what -passive-health-check changed.
func (e *passage) balance(a backend.Algorithm) *backend.Endpoint {
	ep := a.Pick(&e.pick)
	if n := e.pick.Dropped(); n > 0 {
		e.p.count.dropped.Add(uint64(n))
		e.p.count.passed.Inc()
	}
	return ep
}

// passOver has the next choice be another endpoint than ep, if it can.
func (e *passage) passOver(ep *backend.Endpoint) bool {
	n := len(e.pick.Tried)
	if n == mostTried {
		return false
	}
	e.tried[n] = ep
	e.pick.Tried = e.tried[:n+1]
	return true
}

// settle takes note of how an attempt ended.
func (e *passage) settle(a *attempt) {
	if a.err == nil {
		e.take(a)
	} else {
		e.missed(a)
	}
	e.conclude(a, e.outcome())
	if a.err != nil {
		a.drop()
	}
}

// take makes the response of a that of the exchange.
func (e *passage) take(a *attempt) {
	e.failed, e.cause, e.refused = message.ReasonNone, nil, nil
	e.times.sent, e.times.answered = a.sent, a.answered
	e.ctx.Response = a.resp
}

// again returns the attempt that follows a, nil when a was the last.
func (e *passage) again(a *attempt) *attempt {
	if e.failed == message.ReasonNone && e.ctx.Upstream.Retry == nil {
		return nil
	}
	if a.lost() && e.route().Backend.Algorithm != nil && e.failed != message.ReasonClientGone {
		return e.another(a)
	}
	return e.retry(a)
}

// another returns an attempt with another endpoint after a found no connection:
// nothing was sent yet.
func (e *passage) another(a *attempt) *attempt {
	if !e.passOver(a.endpoint) {
		return nil
	}
	failed, cause := e.failed, e.cause
	n := e.newAttempt()
	if !e.next(n) {
		return nil
	}
	e.logAttempt(a, failed, cause)
	return n
}

// newAttempt returns an attempt like the first.
func (e *passage) newAttempt() *attempt {
	f := &e.first
	n := &attempt{e: e, req: f.req, resp: new(message.Response), send: f.send, sent: e.now()}
	if e.racing != nil { // several at a time: each with its own
		req := *f.req
		n.req = &req
	}
	if p := e.replay; p != nil {
		n.req.Body = p.again(n.req)
		n.send.Expect = n.send.Expect && !p.begun()
		n.send.From = p
	}
	return n
}

// host returns the Host field for the backend.
func (e *passage) host(ep *backend.Endpoint) string {
	up := &e.ctx.Upstream
	// A program behind FastCGI has no name of its own; a proxy is asked for what the
	// client asked for.
	preserve := e.p.opts.PreserveHost || ep.Scheme == "fastcgi" || up.ToProxy
	switch {
	case up.Host != "":
		return up.Host
	case up.PreserveHost == filter.On:
		preserve = true
	case up.PreserveHost == filter.Off:
		preserve = false
	}
	if preserve && e.req.Host != "" {
		return e.req.Host
	}
	return ep.Authority
}

// deadline returns when the exchange with the backend must end, on the sweeper's
// clock; 0: no limit.
func (e *passage) deadline() int64 {
	if up := e.ctx.Upstream.Timeout; up > 0 {
		return e.times.filtered + int64(up)
	}
	return 0
}

// shorter returns the shorter one of two limits, 0 meaning none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
