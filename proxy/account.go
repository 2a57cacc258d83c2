package proxy

import (
	"time"

	"fairlead.dev/fairlead/accesslog"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/route"
)

// Step 7: log and metrics.

// counters are those that count every exchange.
type counters struct{ incoming10, incoming11, incoming2, incoming3, inner, outgoing, dropped, passed *metrics.Counter }

func newCounters(m *metrics.Metrics) counters {
	return counters{
		incoming10: m.Counter("incoming.HTTP/1.0"), incoming11: m.Counter("incoming.HTTP/1.1"),
		incoming2: m.Counter("incoming.HTTP/2.0"), incoming3: m.Counter("incoming.HTTP/3.0"),
		inner: m.Counter("incoming.inner"), outgoing: m.Counter("outgoing.HTTP/1.1"),
		dropped: m.Counter("passive-health-check.endpoints.dropped"), passed: m.Counter("passive-health-check.requests.passed"),
	}
}

// account reports the exchange.
func (e *passage) account() {
	t := &e.times
	t.end = e.now()
	status, sent := e.down.Sent()
	if e.failed == message.ReasonNone {
		e.failed = e.ctx.Refused()
	}
	e.ctx.Result = filter.Result{Status: status, Bytes: sent, Reason: e.failed}
	e.count(status)
	e.logAccess(status, sent)
}

func (e *passage) count(status int) {
	m := e.p.metrics
	if m == nil {
		return
	}
	t := &e.times
	rm := m.UnknownRoute()
	if rt := e.route(); rt != nil {
		if handle, ok := rt.Attachment.(*metrics.Route); ok {
			rm = handle
		}
	}
	if e.isInner() {
		e.p.count.inner.Inc()
	} else {
		e.p.count.incoming(e.req).Inc()
	}
	if t.answered != 0 {
		e.p.count.outgoing.Inc()
		rm.ObserveBackend(e.p.transport(e.endpoint).host, e.resp.Status, time.Duration(t.answered-t.sent))
		m.ObserveProxy(time.Duration(t.sent-t.begin), time.Duration(t.end-t.answered))
	}
	if e.failed != message.ReasonNone {
		m.Rejected(e.failed)
		e.countFailure(rm)
	}
	if t.filtered != 0 {
		rm.ObserveFilters(time.Duration(t.filtered-t.matched), -1)
	}
	begun := max(t.begin, t.filtered, t.answered)
	if t.responded != 0 {
		rm.ObserveFilters(-1, time.Duration(t.responded-begun))
		begun = t.responded
	}
	rm.ObserveResponse(status, e.req.Method, time.Duration(t.end-begun))
	m.ObserveServe(rm, e.req.Host, e.req.Method, status, time.Duration(t.end-t.begin))
}

// incoming returns the counter of the request's version of HTTP.
func (c *counters) incoming(r *message.Request) *metrics.Counter {
	switch {
	case r.Major == 2:
		return c.incoming2
	case r.Major == 3:
		return c.incoming3
	case r.Minor == 0:
		return c.incoming10
	}
	return c.incoming11
}

// countFailure tells errors of backends and of streams apart.
func (e *passage) countFailure(rm *metrics.Route) {
	switch {
	case e.endpoint == nil, e.refused != nil:
	case e.times.answered != 0:
		rm.StreamError()
	default:
		rm.BackendError()
	}
}

// logAccess writes the line of the access log, if the exchange is to have one.
// Exchanges of Fairlead's own are no visits: they have one where a filter of
// their route asks for it.
func (e *passage) logAccess(status int, sent int64) {
	l := e.p.accessLog
	if e.isInner() && e.ctx.AccessLog.Enabled != filter.On {
		return
	}
	if !l.Wanted(&e.ctx.AccessLog, status) {
		return
	}
	r, o := e.req, &e.ctx.Original
	user, _ := filter.State(&e.ctx, "auth-user")
	entry := accesslog.Entry{
		User:     user,
		Received: e.p.sweeper.Time(e.times.begin), Duration: time.Duration(e.times.end - e.times.begin),
		Remote: r.Remote, ForwardedFor: r.Header.Get("X-Forwarded-For"),
		Method: o.Method, Path: o.RawPath, Query: o.Query, Major: r.Major, Minor: r.Minor, Host: o.Host,
		Referer: r.Header.Get("Referer"), UserAgent: r.Header.Get("User-Agent"),
		FlowID: r.Header.Get("X-Flow-Id"), Audit: r.Header.Get("X-Unverified-Audit"),
		Status: status, Size: sent, Reason: e.failed, MaskQuery: e.ctx.AccessLog.MaskQuery,
	}
	l.Write(&entry)
}

// Attach returns what the proxy keeps with a route: its *metrics.Route. It is
// the compiler's hook.
func (p *Proxy) Attach(r *route.Route) any { return p.metrics.Route(r.ID) }

// AttachStep returns what the proxy keeps with each filter: a *metrics.Filter,
// nil when single filters are not timed. It is the compiler's hook.
func (p *Proxy) AttachStep(name string) any {
	if !p.metrics.FilterTimes() {
		return nil
	}
	return p.metrics.Filter(name)
}
