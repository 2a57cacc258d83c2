package cache

import (
	"net/http"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// visit is one exchange that the cache could not answer, between the two phases.
type visit struct {
	filter          *cache
	asked           asked
	method          string
	key             string
	slot            uint64         // of the URI
	header          message.Header // of the request, as it was looked for
	scheme, address string         // chosen by filters before
	sent            time.Time
	began           uint64 // see store.invalidate
	stale           *entry // what is asked to be renewed, or stands in for an error; may be nil
	renews          bool   // our own validators are in the request
	// client are the preconditions that they replaced.
	client   message.Header
	own      bool // an exchange of the cache's own: nobody is answered
	flight   *flight
	answered bool
	taken    int64 // bytes that the filling took
}

// land tells those who wait that nothing more is to come, and gives back what was
// taken for filling.
func (v *visit) land() {
	if v.flight != nil {
		v.filter.flights.land(v.flight)
		v.flight = nil
	}
	if v.taken > 0 {
		v.filter.filling.Add(v.taken)
		v.taken = 0
	}
}

// begin notes how the request is when it leaves for the backend; e is what is stored
// for it.
func (v *visit) begin(c *filter.Context, key []byte, uri int, e *entry) {
	s := v.filter.store
	v.key, v.slot, v.began, v.sent = string(key), s.slot(key[:uri]), s.now(), time.Now()
	v.scheme, v.address = c.Upstream.Scheme, c.Upstream.Address
	h := &c.Request.Header
	v.header.Grow(h.Len())
	for _, f := range h.Fields() {
		v.header.AddField(f)
	}
	if e != nil && !e.pass {
		v.stale = e
		if e.validators() && v.method == "GET" {
			v.condition(c.Request)
		}
	}
}

// choice returns what of the request chose the response. ok is false where that is
// something that only filters behind this one have said: the next request could not
// be compared with it.
func (v *visit) choice(c *filter.Context) (chosen []selection, ok bool) {
	if c.Upstream.Scheme != v.scheme || c.Upstream.Address != v.address {
		return nil, false
	}
	chosen = selections(&v.header, &c.Response.Header)
	for _, s := range chosen {
		if !sameValues(&c.Request.Header, s.name, s.value) {
			return nil, false
		}
	}
	return chosen, len(chosen) <= mostVary
}

// condition asks the backend whether the stored response is still right (RFC 9111
// 4.3.1).
func (v *visit) condition(r *message.Request) {
	v.renews = true
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since"} {
		for value := range r.Header.Values(name) {
			v.client.Add(name, value)
		}
		r.Header.Del(name)
	}
	if tag := v.stale.header.Get("ETag"); tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	if changed := v.stale.header.Get("Last-Modified"); changed != "" {
		r.Header.Set("If-Modified-Since", changed)
	}
}

// answer deals with the response of the backend.
func (v *visit) answer(c *filter.Context) {
	v.answered = true
	now := time.Now()
	resp := c.Response
	_, v.asked.known = filter.State(c, "auth-user")
	switch {
	case !v.own && failed(resp.Status) && v.stale != nil && v.stale.helps(&v.asked.control, now):
		v.filter.stale.Add(1)
		v.replace(c, v.stale.respond(v.clientRequest(c.Request), "STALE", "fairlead; hit; detail=stale-if-error", now))
		v.land()
		return
	case resp.Status == http.StatusNotModified && v.renews:
		v.renewed(c, now)
		return
	}
	verdict := v.filter.policy.judge(&v.asked, resp, now)
	chosen, sure := v.choice(c)
	if v.asked.around || v.method != "GET" || !sure || c.Refused() != message.ReasonNone || c.Failed != message.ReasonNone {
		verdict.store = false
	}
	what := "fairlead; fwd=uri-miss"
	switch {
	case v.asked.around:
		what = "fairlead; fwd=bypass"
	case v.stale != nil:
		what = "fairlead; fwd=stale"
	}
	if !v.asked.around {
		v.filter.miss.Add(1)
	}
	if verdict.store {
		v.keep(c, verdict, chosen, now)
		what += "; stored"
	} else {
		v.refuse(resp, now)
	}
	resp.Header.Set(statusField, "MISS")
	resp.Header.Add(standardField, what)
}

// failed lists what stale-if-error is for (RFC 5861 4).
func failed(status int) bool { return status == 500 || status >= 502 && status <= 504 }

// replace answers with resp instead of what the backend, or Fairlead, said.
func (v *visit) replace(c *filter.Context, resp *message.Response) {
	if !v.own {
		c.Recover(resp)
	}
}

// clientRequest returns the request with the preconditions of the client.
func (v *visit) clientRequest(r *message.Request) *message.Request {
	if !v.renews {
		return r
	}
	return &message.Request{Method: v.method, Header: v.client}
}

// renewed takes the backend's word that the stored response is still right
// (RFC 9111 4.3.4).
func (v *visit) renewed(c *filter.Context, now time.Time) {
	old := v.stale
	// All that decides is judged anew, with the fields as they are now.
	head := message.Response{Status: old.status, Header: freshen(&old.header, &c.Response.Header)}
	e := v.entry(&head, v.filter.policy.judge(&v.asked, &head, now), now)
	e.body, e.vary = old.body, old.vary
	v.age(e, &c.Response.Header)
	if e.verdict.store {
		v.filter.store.put(v.key, e)
	} else {
		v.filter.store.drop([]byte(v.key), old)
	}
	v.filter.hit.Add(1)
	v.replace(c, e.respond(v.clientRequest(c.Request), "HIT", "fairlead; fwd=stale; fwd-status=304; stored", now))
	v.land()
}

// entry makes an entry of a response, without its body.
func (v *visit) entry(resp *message.Response, is verdict, now time.Time) *entry {
	e := &entry{
		status: resp.Status, header: keep(&resp.Header), verdict: is,
		received: now, began: v.began, slot: v.slot,
	}
	v.age(e, &resp.Header)
	return e
}

// age notes how old e was when it was received with the fields h.
func (v *visit) age(e *entry, h *message.Header) {
	e.initial, e.from = initialAge(h, v.sent, e.received), e.received
	if !v.filter.policy.forced {
		e.from = e.received.Add(-e.initial)
	}
}

// keep stores the response, its body as the client reads it.
func (v *visit) keep(c *filter.Context, is verdict, chosen []selection, now time.Time) {
	f, resp := v.filter, c.Response
	e := v.entry(resp, is, now)
	e.vary = chosen
	switch {
	case resp.Body == nil:
		v.store(e, resp)
	case resp.ContentLength > f.most:
		f.oversized.Add(1)
		v.refuse(resp, now)
	default:
		resp.SetBody(&fill{src: resp.Body, visit: v, entry: e, resp: resp, left: resp.ContentLength, limit: f.most}, resp.ContentLength)
	}
}

// store stores a response whose body is complete.
func (v *visit) store(e *entry, resp *message.Response) {
	if resp.Trailer.Len() == 0 && !v.filter.store.put(v.key, e) {
		v.filter.oversized.Add(1)
	}
	v.land()
}

// refuse notes that the response is not stored, so that nobody waits for the next
// one, and forgets what it was to renew.
func (v *visit) refuse(resp *message.Response, now time.Time) {
	if v.stale != nil && resp.Status < 500 && v.method == "GET" {
		v.filter.store.drop([]byte(v.key), v.stale)
	}
	if v.flight != nil {
		v.filter.store.put(v.key, v.filter.store.passing(v.slot, now))
	}
	v.land()
}
