package proxy

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// Requests that are sent to several endpoints at a time because the route says so
// (filter.Hedge).

// race is an exchange with several attempts under way. All of it happens in the
// goroutine of the exchange, but for attempt.run.
type race struct {
	e       *passage
	hedge   *filter.Hedge
	live    sync.WaitGroup
	results chan *runner
	informs chan *message.Response // interim ones, for the client
	runners []*runner
	waiting int     // runners that have not said how it ended
	held    *runner // has a response that is taken when there is no better one
	saved   bool    // no further endpoint is to be asked
}

// mostRunners bounds the attempts of a race.
const mostRunners = 16

// runner is an attempt in a goroutine of its own.
type runner struct {
	*attempt
	extra  bool
	ctx    context.Context // of making the connection
	cancel context.CancelFunc

	mu      sync.Mutex
	conn    exchange.Upstream // to be interrupted; nil: none
	stop    bool
	arrived bool // the goroutine has ended, the attempt is the exchange's
}

// hedges reports whether the request is one that may be sent to several endpoints.
func (e *passage) hedges() bool {
	h, b := e.ctx.Upstream.Hedge, &e.route().Backend
	if h == nil || b.Algorithm == nil || len(b.Endpoints) < 2 || e.first.send.Upgrade != "" || !h.May(e.req.Method) {
		return false
	}
	return e.req.Body == nil || e.replay != nil
}

// race sends the request to one endpoint, after a while to further ones, and takes
// the first response.
func (e *passage) race() {
	rc := &race{e: e, hedge: e.ctx.Upstream.Hedge, results: make(chan *runner, mostRunners), informs: make(chan *message.Response)}
	e.racing = rc
	gone := e.Context()
	first := e.newAttempt()
	if !e.next(first) {
		return
	}
	rc.start(first, false)
	late := time.NewTimer(rc.hedge.Delay)
	defer late.Stop()
	for extra := 0; rc.waiting > 0; {
		select {
		case r := <-rc.results:
			rc.waiting--
			if rc.decide(r) {
				return
			}
		case <-late.C:
			if rc.widen() {
				extra++
			}
			if extra < rc.hedge.Max && !rc.saved {
				late.Reset(rc.hedge.Delay)
			}
		case resp := <-rc.informs:
			e.first.send.Inform(resp)
		case <-gone.Done():
			e.fail(message.ReasonClientGone, context.Cause(gone))
			return
		}
	}
}

// start runs a in a goroutine of its own.
func (rc *race) start(a *attempt, extra bool) {
	r := &runner{attempt: a, extra: extra}
	r.ctx, r.cancel = context.WithCancel(rc.e.p.base)
	a.runner = r
	if a.send.Inform != nil {
		a.send.Inform = func(resp *message.Response) { rc.inform(r, resp) }
	}
	rc.e.passOver(a.endpoint)
	rc.runners = append(rc.runners, r)
	rc.waiting++
	rc.live.Go(func() {
		r.run()
		rc.results <- r
	})
}

// inform passes an interim response on to the goroutine of the exchange, the only
// one that writes to the client: r may have lost already.
func (rc *race) inform(r *runner, resp *message.Response) {
	select {
	case rc.informs <- &message.Response{Status: resp.Status, Reason: strings.Clone(resp.Reason), Header: resp.Header.Clone()}:
	case <-r.ctx.Done():
	}
}

// widen sends the request to one more endpoint, if there is one that is up and all
// of the body is here.
func (rc *race) widen() bool {
	e := rc.e
	if len(rc.runners) == mostRunners || e.replay != nil && !e.replay.whole() || e.late() {
		return false
	}
	failed, cause, refused := e.failed, e.cause, e.refused
	n := e.newAttempt()
	if !e.next(n) {
		e.failed, e.cause, e.refused = failed, cause, refused
		return false
	}
	if n.endpoint.Down() || !rc.hedge.Spend(e.now()) {
		e.attempts-- // it is none: retries may have it
		rc.saved = true
		e.tellGuards(n, filter.Outcome{Refused: true})
		return false
	}
	n.send.Inform = nil // one at a time tells the client
	rc.start(n, true)
	return true
}

// decide says what follows from how an attempt ended, and reports whether the race
// is over.
func (rc *race) decide(r *runner) (over bool) {
	e := rc.e
	if r.err == nil && !rc.failure(r.resp.Status) {
		rc.win(r)
		return true
	}
	if r.err != nil {
		e.missed(r.attempt)
		e.conclude(r.attempt, filter.Outcome{Reason: e.failed})
		r.drop()
	} else {
		e.conclude(r.attempt, filter.Outcome{Status: r.resp.Status})
		if rc.held == nil {
			rc.held = r
		} else {
			r.release(e.now())
		}
	}
	if rc.waiting > 0 {
		return false
	}
	last := r.attempt
	if rc.held != nil {
		last = rc.held.attempt
		e.take(last)
	}
	e.attempt = last
	if n := e.again(last); n != nil {
		rc.held = nil
		rc.start(n, false)
		return false
	}
	if rc.held != nil {
		rc.win(rc.held)
	}
	return true
}

// failure reports whether a response with this status is worse than one that is
// still to come.
func (rc *race) failure(status int) bool {
	r := rc.e.ctx.Upstream.Retry
	return status >= 500 || r != nil && r.Statuses.Has(status)
}

// win takes the response of r and stops all others.
func (rc *race) win(r *runner) {
	e, a := rc.e, r.attempt
	r.conn = nil
	a.runner = nil
	r.cancel()
	e.down.Pair(a.up)
	e.attempt = a
	e.take(a)
	if e.req.Body != nil {
		e.req.Body = a.req.Body // who sends it, to be waited for
	}
	e.conclude(a, filter.Outcome{Status: a.resp.Status})
	if r.extra && rc.hedge.Won != nil {
		rc.hedge.Won.Add(1)
	}
	rc.stopAll()
}

// stopAll stops those that are still under way, without waiting for them.
func (rc *race) stopAll() {
	for _, r := range rc.runners {
		if r.attempt.runner == nil {
			continue // the winner
		}
		if r.halt() {
			r.drop()
		}
		rc.e.tellGuards(r.attempt, filter.Outcome{Reason: message.ReasonClientGone})
	}
}

// endRace stops what is still under way and waits for it.
func (e *passage) endRace() {
	rc := e.racing
	if rc == nil {
		return
	}
	for _, r := range rc.runners {
		if r.attempt.runner != nil && r.halt() {
			r.drop()
		}
	}
	rc.live.Wait()
	e.racing = nil
}

// run is the goroutine of r.
func (r *runner) run() {
	defer r.arrive()
	defer func() {
		if v := recover(); v != nil {
			r.e.p.log.Error("sending a request panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			r.err = &exchange.SendError{Err: fmt.Errorf("%w: sending it panicked: %v", exchange.ErrUnsendable, v)}
		}
	}()
	r.attempt.run()
}

// arrive hands the attempt to the exchange, or gives it up when nobody wants it.
func (r *runner) arrive() {
	r.mu.Lock()
	stop := r.stop
	r.arrived = true
	r.mu.Unlock()
	if stop {
		r.drop()
	}
	r.cancel()
}

// halt stops the attempt. It returns true when that has ended before: the caller
// drops it.
func (r *runner) halt() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.arrived {
		return !r.stop
	}
	if !r.stop {
		r.stop = true
		if r.conn != nil {
			r.conn.Interrupt()
		}
		r.cancel()
	}
	return false
}

// hold has halt interrupt u.
func (r *runner) hold(u exchange.Upstream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = u
	if r.stop {
		u.Interrupt()
	}
}

// letGo ends what hold began and reports whether the connection was left alone.
func (r *runner) letGo() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = nil
	return !r.stop
}

// stopped reports whether nobody wants the response any more. A nil runner is never
// stopped.
func (r *runner) stopped() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stop
}
