package cache

import (
	"net/http"
	"strings"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name: "cache",
	Params: []arg.Param{
		{Name: "ttl", Type: arg.Duration, Unit: time.Second, Optional: true},
		{Name: "error ttl", Type: arg.Duration, Unit: time.Second, Optional: true},
		{Name: "stale while revalidate", Type: arg.Duration, Unit: time.Second, Optional: true},
		{Name: "stale if error", Type: arg.Duration, Unit: time.Second, Optional: true},
		{Name: "key headers", Type: arg.Text, Optional: true},
	},
	Doc: "keeps responses in memory and answers with them: without arguments for as long as they say themselves (RFC 9111), with arguments for so long as those say",
	Example: `news: Path("/news") -> cache() -> "http://127.0.0.1:8080";
slow: Path("/slow") -> cache("5m", "15s", "30s", "1h", "Accept-Language") -> "http://127.0.0.1:8080"`,
	Differs: "No heuristic lifetime: what does not say how long it lasts is not kept, so that nobody's page is kept by mistake. " +
		"With arguments, too, responses that say no-store or private, set cookies, or answer a request with Authorization, or one whose sender a filter has found out (a login, a certificate), without saying public are not kept, unless that field is a key header; a filter behind that drops Cache-Control is the way around. " +
		"A response belongs to its route as it is written: a change of the route begins with an empty cache. " +
		"Only what a backend or a filter answered is kept: that a backend was not reached, or a limit was, is nobody else's answer. " +
		"Fields by which proxies name another resource, such as X-Forwarded-Host, are part of the key; requests with a body, ranges or X-HTTP-Method-Override pass by. " +
		"Unsafe methods invalidate the URI for all routes. A request waits for another one that may bring its response for -cache-collapse-wait at most, and not for those that were not kept the last time. " +
		"The memory is -cache-size for all routes and not a quarter of the container's. Cache-Status (RFC 9211) stands beside X-Cache-Status.",
	New: newCache,
})

// cache is the filter of one route.
type cache struct {
	*shared
	id         uint64 // of this instance: part of its keys
	policy     policy
	keyHeaders []string
	visits     *filter.Key[*visit]
}

func newCache(v arg.Values, env *filter.Env) (filter.Filter, error) {
	if n := v.Len(); n == 1 || n == 2 {
		return nil, v.Wrong(n-1, "found %d arguments, expected none, or ttl, error ttl, stale while revalidate and what follows", n)
	}
	f := &cache{shared: sharedOf(env), visits: filter.NewKey[*visit]("cache")}
	f.id = f.ids.Add(1)
	for i := range min(v.Len(), 4) {
		if d := v.Duration(i); d < 0 || d > longest {
			return nil, v.Wrong(i, "found %v, expected a duration of at most %v", d, longest)
		}
	}
	if v.Len() > 0 {
		f.policy = policy{forced: true, ttl: v.Duration(0), errorTTL: v.Duration(1), whileRevalidate: v.Duration(2), ifErr: v.Duration(3)}
	}
	for name := range message.Tokens(v.Text(4)) {
		if err := filter.CheckFieldName(name); err != nil {
			return nil, v.Wrong(4, "%w", err)
		}
		f.policy.private = f.policy.private || message.EqualName(name, "Authorization")
		f.keyHeaders = append(f.keyHeaders, strings.Clone(name))
	}
	return f, nil
}

// HandlesErrors implements filter.ErrorHandler: a stale response may be better than
// a failure.
func (f *cache) HandlesErrors() bool { return true }

// Request implements filter.Filter: it answers what is stored.
func (f *cache) Request(c *filter.Context) {
	if _, again := f.visits.Get(c); again {
		return // the second round through the same route: the first one stores
	}
	r := c.Request
	a := ask(r)
	if a.around || a.control.noStore {
		f.around(c, a)
		return
	}
	own := r.Tee == renewal
	var small [512]byte
	key, uri := f.appendKey(small[:0], c, &a)
	now := time.Now()
	e := f.get(key, r, now)
	if !own && f.serve(c, e, &a, now) {
		return
	}
	if a.control.onlyIfCached { // RFC 9111 5.2.1.7
		c.ServeText(http.StatusGatewayTimeout, "text/plain; charset=utf-8", "Gateway Timeout\n")
		c.Response.Header.Add(statusField, "MISS")
		return
	}
	v := &visit{filter: f, asked: a, method: r.Method, own: own}
	if !own && (e == nil || !e.pass) {
		if f.collapse(c, v, key) {
			return
		}
		e = f.get(key, r, now)
	}
	v.begin(c, key, uri, e)
	f.visits.Set(c, v)
}

// get returns what is stored for a request.
func (f *cache) get(key []byte, r *message.Request, now time.Time) *entry {
	e := f.store.get(key, &r.Header)
	if e != nil && e.pass && e.left(now) <= 0 {
		return nil
	}
	return e
}

// around lets a request pass by, and has its response looked at: it may change
// what is stored.
func (f *cache) around(c *filter.Context, a asked) {
	r := c.Request
	key := appendURI(nil, r.Scheme, r.Host, r.RawPath, r.Query)
	a.around = true
	f.visits.Set(c, &visit{filter: f, asked: a, method: strings.Clone(r.Method), key: string(key)})
}

// serve answers with e if it may.
func (f *cache) serve(c *filter.Context, e *entry, a *asked, now time.Time) bool {
	if e == nil || e.pass {
		return false
	}
	usable, renew := e.usable(&a.control, now)
	switch {
	case !usable:
		return false
	case e.left(now) <= 0:
		f.stale.Add(1)
		c.Serve(e.respond(c.Request, "STALE", "fairlead; hit; detail=stale", now))
	default:
		f.hit.Add(1)
		c.Serve(e.respond(c.Request, "HIT", "fairlead; hit", now))
	}
	if renew {
		f.renew(c, e)
	}
	return true
}

// collapse waits for another request that may bring what is asked for, and answers
// with it. Otherwise the request goes on, and others wait for it if it leads.
func (f *cache) collapse(c *filter.Context, v *visit, key []byte) bool {
	if f.opts.Wait <= 0 || v.method != "GET" || v.asked.condition || v.asked.control.noCache {
		return false
	}
	name := key
	for _, s := range f.store.choosing(key) {
		name = appendValues(name, &c.Request.Header, s.name)
	}
	flight, leads := f.flights.join(name)
	if leads {
		v.flight = flight
	} else if !f.flights.await(c.Context(), flight, f.opts.Wait) {
		return false
	}
	now := time.Now() // who leads may have come too late to see what is there now
	e := f.get(key, c.Request, now)
	if e == nil || e.pass {
		return false
	}
	if usable, _ := e.usable(&v.asked.control, now); !usable {
		return false
	}
	v.land()
	f.collapsed.Add(1)
	f.hit.Add(1)
	c.Serve(e.respond(c.Request, "HIT", "fairlead; fwd=uri-miss; collapsed", now))
	return true
}

// Response implements filter.Filter: it stores, renews and invalidates.
func (f *cache) Response(c *filter.Context) {
	v, ok := f.visits.Get(c)
	if !ok || v.answered {
		return
	}
	if unsafe(v.method) {
		v.answered = true
		f.changed(c, v)
		return
	}
	v.answer(c)
}

// End implements filter.Ender.
func (f *cache) End(c *filter.Context) {
	if v, ok := f.visits.Get(c); ok {
		v.land()
	}
}
