package proxy

import (
	"errors"
	"math/rand/v2"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// Requests that are sent again because the route says so (filter.Retry).

// prepareRepeats keeps what is needed to send the request more than once.
func (e *passage) prepareRepeats() {
	up := &e.ctx.Upstream
	most, method := 0, e.req.Method
	if r := up.Retry; r != nil {
		if r.May(method) {
			most = r.Body
		}
		if r.Budget != nil {
			r.Budget.Earn(e.times.filtered)
		}
	}
	if h := up.Hedge; h != nil {
		if h.May(method) {
			most = max(most, h.Body)
		}
		if h.Budget != nil {
			h.Budget.Earn(e.times.filtered)
		}
	}
	if r := e.req; r.Body != nil && most > 0 && r.ContentLength <= int64(most) {
		e.replay = newReplay(r, most, e.first.send.From)
		r.Body = e.replay.again(r)
		e.first.send.From = e.replay
	}
}

// mostAttempts bounds the attempts of the exchange.
func (e *passage) mostAttempts() int {
	most := mostEndpoints
	if r := e.ctx.Upstream.Retry; r != nil {
		most = max(most, r.Attempts)
	}
	if e.racing != nil {
		most += e.racing.hedge.Max
	}
	return most
}

// samePossible reports whether the endpoint that was tried may be tried again
// where there is no other.
func (e *passage) samePossible() bool {
	r := e.ctx.Upstream.Retry
	return r != nil && r.Same
}

// retry returns an attempt after a, which failed, nil when the request is not to be
// sent again. A response of a that counts as a failure is given up only for an
// attempt that can be made.
func (e *passage) retry(a *attempt) *attempt {
	r := e.ctx.Upstream.Retry
	if r == nil || !e.mayRetry(a, r) {
		return nil
	}
	sending := a.req.Body // what sends it, maybe; n has the same request
	n := e.successor(a)
	if n == nil {
		a.req.Body = sending
		return nil
	}
	if !r.Spend(e.now()) || !e.backOff(r) {
		a.req.Body = sending
		e.tellGuards(n, filter.Outcome{Refused: true})
		return nil
	}
	if a.err == nil {
		e.discard(a)
	} else {
		e.logAttempt(a, e.failed, e.cause)
	}
	n.sent = e.now()
	return n
}

// mayRetry reports whether the request may be sent again after a.
func (e *passage) mayRetry(a *attempt, r *filter.Retry) bool {
	if e.attempts >= r.Attempts || a.send.Upgrade != "" || e.late() {
		return false
	}
	if e.req.Body != nil && (e.replay == nil || !e.replay.possible() || a.sending() && !e.replay.resumes) {
		return false
	}
	if a.err == nil {
		return r.Statuses.Has(a.resp.Status) && r.May(e.req.Method)
	}
	return a.failedByBackend(e.failed) && (r.May(e.req.Method) || a.unsent())
}

// sending reports whether the request's body is still being sent.
func (a *attempt) sending() bool {
	u, ok := a.req.Body.(exchange.Upload)
	return ok && !u.Sent()
}

// late reports whether the time for the backend is over.
func (e *passage) late() bool {
	by := e.deadline()
	return by != 0 && e.now() >= by
}

// unsent reports whether the backend cannot have processed the request.
func (a *attempt) unsent() bool {
	var se *exchange.SendError
	return a.lost() || errors.As(a.err, &se) && se.Unsent
}

// failedByBackend reports whether another endpoint might do better than for this
// reason.
func (a *attempt) failedByBackend(why message.Reason) bool {
	switch why {
	case message.ReasonDialFailed, message.ReasonDialTimeout, message.ReasonNameNotFound, message.ReasonTLSFailed,
		message.ReasonBackendBusy, message.ReasonBackendTimeout, message.ReasonBackendReset, message.ReasonBackendClosed,
		message.ReasonBackendMalformed:
		return true
	}
	return false
}

// successor returns an attempt with another endpoint than that of a, as long as
// there is one, and leaves the exchange as it is when there is none.
func (e *passage) successor(a *attempt) *attempt {
	failed, cause, refused := e.failed, e.cause, e.refused
	_ = e.passOver(a.endpoint)
	n := e.newAttempt()
	if e.next(n) {
		return n
	}
	b := &e.route().Backend
	if b.Algorithm != nil && len(b.Endpoints) > 1 && e.attempts < e.mostAttempts() {
		// All were tried: begin anew, but not with the one that failed last.
		e.pick.Tried = e.tried[:0]
		_ = e.passOver(a.endpoint)
		if e.next(n) {
			return n
		}
	}
	if b.Algorithm != nil && e.samePossible() && e.attempts < e.mostAttempts() {
		e.pick.Tried = e.tried[:0]
		if e.next(n) {
			return n
		}
	}
	e.failed, e.cause, e.refused = failed, cause, refused
	return nil
}

// backOff waits before a further attempt and reports whether the client is still
// there.
func (e *passage) backOff(r *filter.Retry) bool {
	if r.Backoff <= 0 {
		return true
	}
	most := min(r.Backoff<<min(e.attempts-1, 10), time.Minute)
	wait := time.NewTimer(rand.N(most) + 1)
	defer wait.Stop()
	select {
	case <-wait.C:
		return !e.late()
	case <-e.Context().Done():
		return false
	}
}

// discard drops the response of a. Its connection is kept if nothing more has to be
// read.
func (e *passage) discard(a *attempt) {
	e.ctx.Response, e.times.answered = nil, 0
	if b, ok := a.resp.Body.(exchange.Body); ok {
		if data, all := b.Whole(); all {
			b.Consume(len(data))
		}
	}
	a.release(e.now())
	a.resp.Reset()
}
