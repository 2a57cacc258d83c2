package proxy

import (
	"fmt"
	"runtime/debug"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// Guards of filters (filter.Guard): who is asked whether the request may be sent to
// an endpoint, and told how that ended.

// asking is what the guards of one exchange were asked.
type asking struct {
	// endpoint is that of the attempt under way, which the first allowed guards
	// agreed to and have not been told the end of.
	endpoint *backend.Endpoint
	allowed  int
	// refused is the guard that kept the request from the last endpoint.
	refused filter.Guard
}

// mayTry asks all guards about ep. One that refuses fails the exchange unless
// there is another endpoint.
func (e *passage) mayTry(ep *backend.Endpoint) bool {
	a := &e.asking
	a.endpoint, a.refused = ep, nil
	for i, g := range e.ctx.Guards {
		if why := g.Allow(&e.ctx, ep.Address); why != message.ReasonNone {
			e.fail(why, nil)
			a.refused = g
			e.tellGuards(filter.Outcome{Reason: why, Refused: true})
			return false
		}
		a.allowed = i + 1
	}
	return true
}

// tellGuards tells those that allowed the attempt how it ended, once, the last
// one first.
func (e *passage) tellGuards(o filter.Outcome) {
	for a := &e.asking; a.allowed > 0; {
		a.allowed-- // before: it may panic
		e.ctx.Guards[a.allowed].Done(&e.ctx, a.endpoint.Address, o)
	}
}

// outcome is how the attempt ended.
func (e *passage) outcome() filter.Outcome {
	if e.failed == message.ReasonNone {
		return filter.Outcome{Status: e.resp.Status}
	}
	return filter.Outcome{Reason: e.failed}
}

// refusedByGuard makes the answer to a request that a guard kept from its last
// endpoint.
func (e *passage) refusedByGuard() {
	e.answer()
	e.asking.refused.Refusal(&e.ctx, e.ctx.Response)
}

// dismissGuards tells those guards how it ended that a panic kept from it.
func (e *passage) dismissGuards() {
	for e.asking.allowed > 0 {
		e.dismissOne()
	}
}

func (e *passage) dismissOne() {
	defer func() {
		if v := recover(); v != nil {
			e.p.log.Error("a filter's guard panicked", "route", e.ctx.RouteID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	e.tellGuards(filter.Outcome{Reason: message.ReasonFilterPanic})
}
