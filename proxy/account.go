package proxy

import (
	"time"

	"fairlead.dev/fairlead/accesslog"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/route"
)

// Step 7: log and metrics.

// attachment is what the proxy keeps with each route.
type attachment struct{ metrics *metrics.Route }

// Close gives the metrics back when the route goes.
func (a *attachment) Close() error {
	a.metrics.Drop()
	return nil
}

// account reports the exchange.
func (e *exchange) account() {
	t := &e.times
	t.end = e.now()
	status, sent := e.down.Sent()
	e.count(status)
	e.logAccess(status, sent)
}

func (e *exchange) count(status int) {
	m := e.p.metrics
	if m == nil {
		return
	}
	t := &e.times
	rm := m.UnknownRoute()
	if rt := e.route(); rt != nil {
		if a, ok := rt.Attachment.(*attachment); ok {
			rm = a.metrics
		}
	}
	if e.failed != 0 {
		m.Rejected(e.failed)
	}
	total := time.Duration(t.end - t.begin)
	if t.answered != 0 {
		rm.ObserveBackend(nil, e.resp.Status, time.Duration(t.answered-t.sent))
		m.ObserveProxy(time.Duration(t.sent-t.begin), time.Duration(t.end-t.answered))
	}
	if t.filtered != 0 {
		rm.ObserveFilters(time.Duration(t.filtered-t.matched), 0)
	}
	rm.ObserveResponse(status, e.req.Method, total)
	m.ObserveServe(rm, e.req.Host, e.req.Method, status, total)
}

// logAccess writes the line of the access log, if the exchange is to have one.
func (e *exchange) logAccess(status int, sent int64) {
	l := e.p.accessLog
	if !l.Wanted(&e.ctx.AccessLog, status) {
		return
	}
	r, o := e.req, &e.ctx.Original
	entry := accesslog.Entry{
		Received: e.p.sweeper.Time(e.times.begin), Duration: time.Duration(e.times.end - e.times.begin),
		Remote: r.Remote, ForwardedFor: r.Header.Get("X-Forwarded-For"),
		Method: o.Method, Path: o.RawPath, Query: o.Query, Major: r.Major, Minor: r.Minor, Host: o.Host,
		Referer: r.Header.Get("Referer"), UserAgent: r.Header.Get("User-Agent"),
		FlowID: r.Header.Get("X-Flow-Id"), Audit: r.Header.Get("X-Unverified-Audit"),
		Status: status, Size: sent, Reason: e.failed, MaskQuery: e.ctx.AccessLog.MaskQuery,
	}
	l.Write(&entry)
}

// Attach makes what the proxy keeps with a route; it is the compiler's hook.
func (p *Proxy) Attach(r *route.Route) any {
	return &attachment{metrics: p.metrics.Route(r.ID)}
}
