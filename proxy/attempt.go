package proxy

import (
	"errors"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/http2"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/pool"
)

// attempt is the sending of a request to one endpoint. When it is one of several at
// the same time (hedge.go), run is all that happens in a goroutine of its own, and
// that changes nothing of the passage.
type attempt struct {
	e        *passage
	endpoint *backend.Endpoint
	lane     *lane
	up       exchange.Upstream
	req      *message.Request
	resp     *message.Response
	send     exchange.SendOptions

	counted   bool // by the endpoint
	allowed   int  // the first guards agreed and were not told the end
	concluded bool // see conclude

	sent, answered int64 // on the sweeper's clock
	err            error // why there is no response
	runner         *runner
}

// run sends the request to the endpoint: over an idle connection if there is one,
// over a new one otherwise. It leaves the reason why there is no response in err.
func (a *attempt) run() {
	e := a.e
	a.counted = true
	a.endpoint.Begin()
	a.lane, a.err = e.p.transport(a.endpoint).lane(e.ctx.Upstream.TLS)
	if a.err != nil {
		a.err = &pool.DialError{Endpoint: a.endpoint, Reason: message.ReasonTLSFailed, Err: a.err}
		return
	}
	silent := false // an idle connection ended under an idempotent request
	for try := 0; ; try++ {
		u, err := a.lane.get(a, try > 0)
		if err != nil {
			a.err = err
			return
		}
		a.hold(u)
		if a.runner.stopped() { // while there was no connection to interrupt
			a.err = &exchange.SendError{Err: errNotWanted, Unsent: true}
			return
		}
		if a.err = a.roundTrip(u); a.err == nil {
			return
		}
		var se *exchange.SendError
		if !errors.As(a.err, &se) || !a.mayRepeat(u, se, try, silent) {
			return
		}
		silent = silent || !se.Unsent
		a.close()
	}
}

// errNotWanted is for attempts that another one has overtaken.
var errNotWanted = errors.New("another attempt has brought the response")

// lost reports whether there was no connection: nothing was sent.
func (a *attempt) lost() bool { return a.err != nil && !errors.As(a.err, new(*exchange.SendError)) }

// mostUnsent bounds how often one endpoint is tried over HTTP/2: connections that
// end refuse what comes too late.
const mostUnsent = 3

// mayRepeat reports whether the request may be sent to the same endpoint once
// more; silent says that this was done after a connection ended silently.
func (a *attempt) mayRepeat(u exchange.Upstream, se *exchange.SendError, try int, silent bool) bool {
	if errors.Is(se, exchange.ErrNoUpgrade) || a.runner.stopped() {
		return false
	}
	again := u.Reused() && se.Silent && !silent && a.req.Body == nil && filter.Idempotent(a.req.Method)
	if _, ok := u.(*http2.ClientStream); ok {
		return try < mostUnsent && (se.Unsent || again)
	}
	return try == 0 && (again || (u.Reused() && se.Unsent))
}

func (a *attempt) roundTrip(u exchange.Upstream) error {
	e, o := a.e, &a.send
	o.Now = a.sent
	o.Host = e.host(a.endpoint)
	o.Timeout = e.p.opts.ResponseTimeout
	if r := e.ctx.Upstream.Retry; r != nil {
		o.Timeout = shorter(o.Timeout, r.Timeout)
	}
	by := e.deadline()
	if by != 0 {
		o.Timeout = shorter(o.Timeout, max(time.Duration(by-o.Now), 1))
	}
	u.LimitBody(e.p.opts.WriteTimeout, by)
	if err := u.Do(a.req, a.resp, o); err != nil {
		a.resp.Reset()
		return err
	}
	a.answered = e.now()
	return nil
}

// hold takes a connection, which ends when the client goes away.
func (a *attempt) hold(u exchange.Upstream) {
	a.up = u
	if a.runner != nil {
		a.runner.hold(u)
		return
	}
	a.e.down.Pair(u)
}

// letGo ends what hold began and reports whether the connection was left alone.
func (a *attempt) letGo() bool {
	if a.runner != nil {
		return a.runner.letGo()
	}
	return a.e.down.Unpair()
}

// close gives up the connection.
func (a *attempt) close() {
	if a.up == nil {
		return
	}
	_ = a.letGo()
	_ = a.up.Close()
	a.up = nil
}

// drop gives up the connection and the endpoint.
func (a *attempt) drop() {
	a.close()
	a.free()
}

// release gives the connection back: into the pool if it can be used again.
func (a *attempt) release(now int64) {
	a.free()
	u := a.up
	if u == nil {
		return
	}
	a.up = nil
	alone := a.letGo()
	a.lane.put(u, u.Finish() && alone && a.e.ctx.Upstream.ProxyProtocol == 0, now)
}

// free ends the counting of the request by the endpoint.
func (a *attempt) free() {
	if a.counted {
		a.counted = false
		a.endpoint.End()
	}
}
