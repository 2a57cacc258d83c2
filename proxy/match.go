package proxy

import (
	"strings"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/route"
)

// Step 2: which route?

// match finds the route of the request. Without one the request fails.
func (e *passage) match() bool {
	r := e.req
	if !e.canonical() {
		return false
	}
	host := r.Host
	if e.p.opts.NormalizeHost {
		r.Host = normalizeHost(host)
	}
	found, params := e.p.table.Load().Lookup(r, e.path, e.ctx.Params[:0])
	r.Host = host
	e.ctx.Params = params
	before := e.times.matched
	e.times.matched = e.now()
	if before == 0 {
		before = e.times.begin
	}
	e.p.metrics.ObserveLookup(time.Duration(e.times.matched - before))
	if found == nil {
		e.p.metrics.RouteError()
		e.fail(message.ReasonNoRoute, nil)
		return false
	}
	rt := found.Value.(*route.Route)
	if handle, ok := rt.Attachment.(*metrics.Route); ok {
		handle.Touch()
	}
	e.rounds = append(e.rounds, round{route: rt})
	e.req.Depth++ // requests that filters make of this one have these rounds behind them
	e.ctx.RouteID = rt.ID
	return true
}

// canonical settles the one path that is matched, seen by filters and sent on:
// without dot segments and repeated slashes (spec 1.6, step 1). It refuses paths
// that are another one for some backend.
func (e *passage) canonical() bool {
	r := e.req
	if r.Path == "*" {
		e.path = r.Path
		return true
	}
	e.path = message.CleanPath(r.Path)
	if message.Ambiguous(e.path) {
		e.fail(message.ReasonAmbiguousPath, nil)
		return false
	}
	r.SetPath(e.path)
	return true
}

// normalizeHost cuts port and trailing dot and lowers the case.
func normalizeHost(h string) string {
	if i := strings.LastIndexByte(h, ':'); i >= 0 && strings.IndexByte(h[i:], ']') < 0 {
		h = h[:i]
	}
	return strings.ToLower(strings.TrimSuffix(h, "."))
}

// loopback reports whether the request has to be routed again. When it was
// routed too often it fails, and forward finds that.
func (e *passage) loopback() bool {
	if e.ctx.Served() || e.route().Backend.Type != eskip.Loopback {
		return false
	}
	if e.req.Depth > e.p.opts.MaxLoopbacks {
		e.fail(message.ReasonLoopLimit, nil)
		return false
	}
	return true
}
