package proxy

import (
	"fmt"
	"runtime/debug"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// Guards of filters (filter.Guard): who is asked whether the request may be sent to
// an endpoint, and told how that ended.

// mayTry asks all guards about the endpoint of a. One that refuses fails the
// exchange unless there is another endpoint.
func (e *passage) mayTry(a *attempt) bool {
	for i, g := range e.ctx.Guards {
		e.asking = a
		if why := g.Allow(&e.ctx, a.endpoint.Address); why != message.ReasonNone {
			e.fail(why, nil)
			e.refused = g
			e.tellGuards(a, filter.Outcome{Reason: why, Refused: true})
			return false
		}
		a.allowed = i + 1
	}
	e.refused = nil
	e.attempts++
	return true
}

// tellGuards tells those that allowed the attempt how it ended, once, the last
// one first.
func (e *passage) tellGuards(a *attempt, o filter.Outcome) {
	for a.allowed > 0 {
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

// conclude tells who has to know how the attempt ended.
func (e *passage) conclude(a *attempt, o filter.Outcome) {
	if a.concluded {
		return
	}
	a.concluded = true
	if e.route().Backend.Algorithm != nil {
		end := a.answered
		if end == 0 {
			end = e.now()
		}
		e.p.health.Report(a.endpoint, o, time.Duration(end-a.sent))
	}
	e.tellGuards(a, o)
}

// refusedByGuard makes the answer to a request that a guard kept from its last
// endpoint.
func (e *passage) refusedByGuard() {
	e.answer()
	e.refused.Refusal(&e.ctx, e.ctx.Response)
}

// dismissGuards tells those guards how it ended that a panic kept from it.
func (e *passage) dismissGuards() {
	if e.asking != nil {
		e.dismiss(e.asking)
	}
	e.dismiss(e.attempt)
	if rc := e.racing; rc != nil {
		for _, r := range rc.runners {
			e.dismiss(r.attempt)
		}
	}
}

func (e *passage) dismiss(a *attempt) {
	for a.allowed > 0 {
		e.dismissOne(a)
	}
}

func (e *passage) dismissOne(a *attempt) {
	defer func() {
		if v := recover(); v != nil {
			e.p.log.Error("a filter's guard panicked", "route", e.ctx.RouteID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	e.tellGuards(a, filter.Outcome{Reason: message.ReasonFilterPanic})
}
