package proxy

import (
	"fmt"
	"runtime/debug"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/route"
)

// Steps 3 and 5: filters, down and up.

// request runs the filters of the matched route.
func (e *passage) request() {
	rd := &e.rounds[len(e.rounds)-1]
	e.times.filtered = e.times.matched
	for _, s := range rd.route.Request {
		rd.ran = s.Index + 1
		s.Filter.Request(&e.ctx)
		if e.ctx.Client != e.limited {
			e.limitClient()
		}
		if timer, ok := s.Attachment.(*metrics.Filter); ok {
			now := e.now()
			timer.ObserveRequest(time.Duration(now - e.times.filtered))
			e.times.filtered = now
		}
		if e.ctx.Served() {
			break
		}
	}
	if !e.ctx.Served() {
		rd.ran = len(rd.route.Filters)
	}
	if len(rd.route.Request) > 0 && e.times.filtered == e.times.matched {
		e.times.filtered = e.now()
	}
}

// response makes sure that there is a response and runs the filters of all
// rounds on it, the last first.
func (e *passage) response() {
	failed := e.failed != message.ReasonNone
	e.ctx.Failed = e.failed
	if failed && e.ctx.Response == nil {
		e.answer()
	}
	e.brand()
	for i := len(e.rounds) - 1; i >= 0; i-- {
		rd := &e.rounds[i]
		if !failed || e.ctx.Recovered() {
			e.runResponse(rd.route.Response, rd.ran)
			continue
		}
		if from, ok := e.runErrorResponse(rd); ok {
			e.runResponse(rd.route.Response, from) // now there is a response as others are
		}
	}
}

// runResponse runs those steps of a round whose filters saw the request and stand
// before the one at index end.
func (e *passage) runResponse(steps []route.Step, end int) {
	before := max(e.times.filtered, e.times.answered, e.times.responded)
	for _, s := range steps {
		if s.Index < end {
			before = e.respondOne(s, before)
		}
	}
}

// runErrorResponse is runResponse for filters that handle errors. ok means that the
// one at index from has found an answer.
func (e *passage) runErrorResponse(rd *round) (from int, ok bool) {
	before := max(e.times.filtered, e.times.answered, e.times.responded)
	for _, s := range rd.route.ErrorResponse {
		if s.Index >= rd.ran {
			continue
		}
		before = e.respondOne(s, before)
		if e.ctx.Recovered() {
			return s.Index, true
		}
	}
	return 0, false
}

// respondOne runs one filter on the response, since before on the clock; it returns
// when that was done.
func (e *passage) respondOne(s route.Step, before int64) int64 {
	s.Filter.Response(&e.ctx)
	e.times.responded = e.now()
	if timer, ok := s.Attachment.(*metrics.Filter); ok {
		timer.ObserveResponse(time.Duration(e.times.responded - before))
	}
	return e.times.responded
}

// finish tells the filters that asked for it that the exchange has ended.
func (e *passage) finish() {
	for i := len(e.rounds) - 1; i >= 0; i-- {
		rd := &e.rounds[i]
		for _, s := range rd.route.End {
			if s.Index < rd.ran {
				e.finishOne(s)
			}
		}
	}
}

// finishOne keeps a filter that panics from the others: what they hold is given
// back in any case.
func (e *passage) finishOne(s route.Step) {
	defer func() {
		if v := recover(); v != nil {
			e.p.log.Error("a filter panicked when the exchange ended", "route", e.ctx.RouteID, "filter", s.Name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	s.Filter.(filter.Ender).End(&e.ctx)
}

// limitClient has the client's side keep to what filters ask of it.
func (e *passage) limitClient() {
	to := e.ctx.Client
	l, ok := e.down.(exchange.Limiter)
	if ok && to.ReadTimeout != e.limited.ReadTimeout {
		l.Limit(to.ReadTimeout, 0)
	}
	if ok && to.WriteTimeout != e.limited.WriteTimeout {
		l.Limit(0, to.WriteTimeout)
	}
	e.limited = to
}

// limitReply bounds the response that is about to be sent: the backend's side of
// it, too.
func (e *passage) limitReply() {
	if e.ctx.Client != e.limited {
		e.limitClient()
	}
	t := e.limited.WriteTimeout
	if t == 0 || e.up == nil {
		return
	}
	if u := e.upload(); u == nil || u.Sent() {
		by := e.now() + int64(t)
		if earlier := e.deadline(); earlier != 0 {
			by = min(by, earlier)
		}
		e.up.LimitBody(e.p.opts.WriteTimeout, by)
	}
}

// serverName is what the Server field says when nothing else does (spec 1.12).
const serverName = "Skipper"

// brand adds the fields that every response carries, unless a backend or a
// filter wrote them: Server, Date (RFC 9110 6.6.1), and Alt-Svc while HTTP/3 is
// served.
func (e *passage) brand() {
	h := &e.ctx.Response.Header
	server, date := false, false
	alt := e.altSvc()
	for _, f := range h.Fields() {
		switch len(f.Name) {
		case len("Server"):
			server = server || message.EqualName(f.Name, "Server")
		case len("Date"):
			date = date || message.EqualName(f.Name, "Date")
		case len("Alt-Svc"):
			if message.EqualName(f.Name, "Alt-Svc") {
				alt = ""
			}
		}
	}
	if !server {
		h.AddField(message.Field{Name: "Server", Value: serverName})
	}
	if !date {
		h.AddField(message.Field{Name: "Date", Value: e.p.date.at(e.p.sweeper.Time(e.now()))})
	}
	if alt != "" {
		h.AddField(message.Field{Name: "Alt-Svc", Value: alt})
	}
}
