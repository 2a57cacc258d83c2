package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/fastcgi"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/http2"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/pool"
)

// Step 4: endpoint, send, retry.

// mostEndpoints bounds how many endpoints one request is sent to or tries to be;
// mostTried bounds them together with those that guards refused.
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
		e.endpoint = ep
	}
	e.prepare()
	for e.attempt() {
	}
	if e.asking.refused != nil {
		e.refusedByGuard()
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
	e.pick = backend.Pick{Request: e.req, Key: up.HashKey, Balance: up.HashBalance}
	e.down.SendOptions(&e.send)
	e.send.RemoveHopFields = e.p.opts.RemoveHopHeaders
	e.send.ExpectTimeout = e.p.opts.ExpectTimeout
	e.send.Script = up.Script
	if up.ToProxy {
		e.send.Absolute = e.req.Scheme
	}
	if e.p.opts.Upgrade {
		e.send.Upgrade = e.down.Upgrade()
	}
	e.times.sent = e.times.filtered
}

// attempt sends the request to one endpoint. It returns true when another
// attempt should follow.
func (e *passage) attempt() bool {
	ep := e.choose()
	if ep == nil {
		if e.failed == message.ReasonNone {
			e.fail(message.ReasonNoEndpoint, nil)
		}
		return false
	}
	e.failed, e.cause = message.ReasonNone, nil
	if !e.mayTry(ep) {
		return e.another(ep)
	}
	e.attempts++
	e.endpoint = ep
	e.occupy(ep)
	again := e.exchangeWith(ep)
	e.tellGuards(e.outcome())
	return again
}

// occupy counts the request for ep, and no longer for the one before it; nil
// ends the counting.
func (e *passage) occupy(ep *backend.Endpoint) {
	if e.busy != nil {
		e.busy.End()
	}
	if e.busy = ep; ep != nil {
		ep.Begin()
	}
}

// choose picks the endpoint of the next attempt, nil when none is left.
func (e *passage) choose() *backend.Endpoint {
	n := len(e.pick.Tried)
	b := &e.route().Backend
	switch {
	case e.attempts >= mostEndpoints:
		return nil
	case b.Algorithm != nil:
		return b.Algorithm.Pick(&e.pick)
	case n > 0:
		return nil
	case b.Type == eskip.Dynamic:
		return e.endpoint
	}
	return b.Endpoints[0]
}

// exchangeWith sends the request to ep: over an idle connection if there is
// one, over a new one otherwise. It returns true when another endpoint should
// be tried.
func (e *passage) exchangeWith(ep *backend.Endpoint) (again bool) {
	l, err := e.p.transport(ep).lane(e.ctx.Upstream.TLS)
	if err != nil {
		e.fail(message.ReasonTLSFailed, err)
		e.logFailure("connect to backend")
		return false
	}
	e.lane = l
	silent := false // an idle connection ended under an idempotent request
	for try := 0; ; try++ {
		u, err := l.get(e, try > 0)
		if err != nil {
			e.dialFailed(err)
			return e.another(ep)
		}
		e.up = u
		err = e.roundTrip(u, ep)
		if err == nil {
			return false
		}
		var se *exchange.SendError
		if !errors.As(err, &se) || !e.mayRetry(u, se, try, silent) {
			e.sendFailed(err)
			e.drop()
			return false
		}
		silent = silent || !se.Unsent
		e.drop()
	}
}

// mostUnsent bounds how often one endpoint is tried over HTTP/2: connections that
// end refuse what comes too late.
const mostUnsent = 3

// mayRetry reports whether the request may be sent to the same endpoint once
// more; silent says that this was done after a connection ended silently.
func (e *passage) mayRetry(u exchange.Upstream, se *exchange.SendError, try int, silent bool) bool {
	if errors.Is(se, exchange.ErrNoUpgrade) {
		return false
	}
	again := u.Reused() && se.Silent && !silent && e.idempotent()
	if _, ok := u.(*http2.ClientStream); ok {
		return try < mostUnsent && (se.Unsent || again)
	}
	return try == 0 && (again || (u.Reused() && se.Unsent))
}

// another notes that ep cannot be had and reports whether there may be others.
func (e *passage) another(ep *backend.Endpoint) bool {
	if e.route().Backend.Algorithm == nil || e.failed == message.ReasonClientGone {
		return false
	}
	e.times.sent = e.now()
	n := len(e.pick.Tried)
	if n == mostTried {
		return false
	}
	e.tried[n] = ep
	e.pick.Tried = e.tried[:n+1]
	return true
}

// idempotent reports whether the request may be sent twice (RFC 9110 9.2.2).
func (e *passage) idempotent() bool {
	if e.req.Body != nil {
		return false
	}
	switch e.req.Method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

func (e *passage) roundTrip(u exchange.Upstream, ep *backend.Endpoint) error {
	up := &e.ctx.Upstream
	o := &e.send
	o.Now = e.times.sent
	o.Host = e.host(ep)
	o.Timeout = e.p.opts.ResponseTimeout
	by := int64(0)
	if up.Timeout > 0 {
		by = e.times.filtered + int64(up.Timeout)
		left := max(time.Duration(by-o.Now), 1)
		if o.Timeout == 0 || left < o.Timeout {
			o.Timeout = left
		}
	}
	u.LimitBody(e.p.opts.WriteTimeout, by)
	e.down.Pair(u)
	if err := u.Do(e.req, &e.resp, o); err != nil {
		e.resp.Reset()
		return err
	}
	e.times.answered = e.now()
	e.ctx.Response = &e.resp
	return nil
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

// dialFailed notes why there is no connection.
func (e *passage) dialFailed(err error) {
	reason := message.ReasonDialFailed
	var de *pool.DialError
	if errors.As(err, &de) {
		reason = de.Reason
	}
	if errors.Is(err, http2.ErrBusy) {
		reason = message.ReasonBackendBusy
	}
	if errors.Is(err, context.DeadlineExceeded) && e.ctx.Upstream.Timeout > 0 {
		reason = message.ReasonBackendTimeout
	}
	e.fail(reason, err)
	e.logFailure("connect to backend")
}

// sendFailed notes why there is no response.
func (e *passage) sendFailed(err error) {
	e.fail(e.sendReason(err), err)
	e.logFailure("forward request")
}

func (e *passage) sendReason(err error) message.Reason {
	var pe *exchange.ProtocolError
	var netErr net.Error
	switch {
	case bodyReason(err) != message.ReasonNone:
		return bodyReason(err)
	case e.down.Gone():
		return message.ReasonClientGone
	case e.down.BodyError() != nil:
		return clientReason(e.down.BodyError())
	case errors.Is(err, exchange.ErrNoUpgrade):
		return message.ReasonUpgradeFailed
	case errors.Is(err, exchange.ErrLengthRequired):
		return message.ReasonLengthRequired
	case errors.Is(err, fastcgi.ErrOverloaded):
		return message.ReasonBackendBusy
	case errors.Is(err, exchange.ErrUnsendable):
		return message.ReasonInternal
	case errors.Is(err, sock.ErrTimeout):
		return message.ReasonBackendTimeout
	case errors.As(err, &pe):
		if pe.Reason == message.ReasonBackendHeaderTooLarge {
			return pe.Reason
		}
		return message.ReasonBackendMalformed
	case errors.Is(err, exchange.ErrUnexpectedEnd), errors.Is(err, sock.ErrStale):
		return message.ReasonBackendClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return message.ReasonBackendReset
	case errors.As(err, &netErr) && netErr.Timeout():
		return message.ReasonBackendTimeout
	}
	return message.ReasonBackendReset
}

// clientReason says what is wrong with a request body.
func clientReason(err error) message.Reason {
	var pe *exchange.ProtocolError
	switch {
	case errors.As(err, &pe):
		return pe.Reason
	case bodyReason(err) != message.ReasonNone:
		return bodyReason(err)
	case errors.Is(err, sock.ErrTimeout):
		return message.ReasonBodyTimeout
	case errors.Is(err, exchange.ErrUnexpectedEnd):
		return message.ReasonBodyCut
	}
	return message.ReasonClientGone
}

// replyFailed notes why the response did not reach the client completely.
func (e *passage) replyFailed(err error) {
	if e.up != nil {
		defer e.drop()
	}
	if e.failed == message.ReasonClientGone {
		return // that is known, and nobody is there
	}
	defer e.logFailure("send response")
	var re *exchange.ReplyError
	backend, late := errors.As(err, &re) && re.Backend, errors.Is(err, sock.ErrTimeout)
	refused := bodyReason(err)
	if refused == message.ReasonNone && backend {
		refused = e.uploadReason()
	}
	switch {
	case refused != message.ReasonNone:
		e.fail(refused, err)
	case backend && e.down.Gone():
		e.fail(message.ReasonClientGone, err) // which interrupted the backend
		return
	case backend && late:
		e.fail(message.ReasonBackendBodyTimeout, err)
	case backend:
		e.fail(message.ReasonBackendBodyCut, err)
	case late:
		e.fail(message.ReasonClientStalled, err)
		return
	default:
		e.fail(message.ReasonClientGone, err)
		return
	}
	if status, _ := e.down.Sent(); status != 0 {
		e.endGRPC()
		return
	}
	if errors.As(err, new(*exchange.ProtocolError)) {
		e.fail(message.ReasonBackendMalformed, err)
	}
	e.answer()
	e.brand()
	_ = e.down.Reply(e.ctx.Response)
}

func (e *passage) logFailure(what string) {
	address := ""
	if e.endpoint != nil {
		address = e.endpoint.Address
	}
	level := slog.LevelError
	if e.failed.Status() < 500 { // the client's doing
		level = slog.LevelInfo
	}
	e.logSome(level, e.failed, "request failed", "while", what, "reason", e.failed.Code(), "client", e.req.Remote.String(), "route", e.ctx.RouteID,
		"backend", address, "method", e.req.Method, "host", e.req.Host, "path", e.req.Path, "error", errorText(e.cause))
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return strings.Clone(fmt.Sprint(err))
}
