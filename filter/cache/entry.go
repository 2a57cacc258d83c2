package cache

import (
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/message"
)

// entry is one stored response. What is in it never changes but for its place in
// the shard and renewing.
type entry struct {
	status int
	header message.Header // without Age and what belongs to one exchange
	body   []byte
	vary   []selection

	// pass says that what is asked for cannot be stored: nobody waits for another
	// request to bring it.
	pass bool

	received time.Time
	initial  time.Duration // age when it was received
	from     time.Time     // the lifetime counts from then
	verdict  verdict
	began    uint64 // see store.invalidate
	slot     uint64 // of its URI
	size     int64

	renewing atomic.Bool

	home       *resource
	prev, next *entry
}

// selection is a request field that chose the response (RFC 9111 4.1).
type selection struct{ name, value string }

// selects reports whether the request's fields choose e.
func (e *entry) selects(h *message.Header) bool {
	for i := range e.vary {
		if !sameValues(h, e.vary[i].name, e.vary[i].value) {
			return false
		}
	}
	return true
}

// sameValues compares the values of a field, joined by commas.
func sameValues(h *message.Header, name, joined string) bool {
	first := true
	for v := range h.Values(name) {
		if !first {
			rest, ok := strings.CutPrefix(joined, ",")
			if !ok {
				return false
			}
			joined = rest
		}
		first = false
		rest, ok := strings.CutPrefix(joined, v)
		if !ok {
			return false
		}
		joined = rest
	}
	return joined == ""
}

// selections returns what of a request chose a response.
func selections(req, resp *message.Header) []selection {
	var all []selection
	for list := range resp.Values("Vary") {
		for name := range message.Tokens(list) {
			var values []string
			for v := range req.Values(name) {
				values = append(values, v)
			}
			all = append(all, selection{strings.Clone(name), strings.Join(values, ",")})
		}
	}
	for i := range all {
		all[i].value = strings.Clone(all[i].value)
	}
	return all
}

// mostVary bounds the fields that choose a response.
const mostVary = 16

// age is the current age (RFC 9111 4.2.3).
func (e *entry) age(now time.Time) time.Duration { return max(now.Sub(e.received), 0) + e.initial }

// left is how long e is fresh from now; negative when it is stale.
func (e *entry) left(now time.Time) time.Duration { return e.verdict.lifetime - now.Sub(e.from) }

// usable says whether e can answer without asking the backend, and whether it has
// to be renewed then (4.2, 5.2.1, RFC 5861 3).
func (e *entry) usable(c *control, now time.Time) (usable, renew bool) {
	left := e.left(now)
	switch {
	case c.noCache, c.maxAge != missing && e.age(now) > c.maxAge && c.maxStale == missing:
		return false, false
	case left > 0:
		return c.minFresh == missing || left >= c.minFresh, false
	case e.verdict.prohibits, c.minFresh != missing:
		return false, false
	case -left <= e.verdict.stale && e.verdict.stale > 0:
		return c.maxStale == missing || -left <= c.maxStale, true
	}
	return c.maxStale != missing && -left <= c.maxStale, false
}

// helps reports whether e may stand in for an error (RFC 5861 4).
func (e *entry) helps(c *control, now time.Time) bool {
	window := max(e.verdict.ifError, c.ifError)
	return !e.verdict.prohibits && window > 0 && -e.left(now) <= window
}

// validators reports whether the backend can be asked if e is still right.
func (e *entry) validators() bool { return e.header.Has("ETag") || e.header.Has("Last-Modified") }

// notKept reports whether a field of a response is not stored (3.1): those of one
// connection, one proxy or one moment.
func notKept(f message.Field) bool {
	if f.Kind != message.KindOther {
		return true
	}
	for _, name := range [...]string{
		"Age", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Alt-Svc", statusField,
	} {
		if message.EqualName(f.Name, name) {
			return true
		}
	}
	return false
}

// keep copies the fields of a response.
func keep(h *message.Header) message.Header {
	kept := h.Clone()
	kept.DelFunc(notKept)
	return kept
}

// freshen returns the fields of a stored response after a 304 (3.2): the new ones
// win, but for those that describe the content, which is the old one.
func freshen(stored, from *message.Header) message.Header {
	h := stored.Clone()
	update := keep(from)
	for _, name := range [...]string{"Content-Encoding", "Content-Type", "Content-Range", "Content-Language"} {
		update.Del(name)
	}
	for _, f := range update.Fields() {
		h.Del(f.Name)
	}
	for _, f := range update.Fields() {
		h.AddField(f)
	}
	return h
}

// hit is the answer with a stored response.
type hit struct {
	response message.Response
	body     body
	age      [20]byte
}

// Names and words of the fields that say what the cache did: those of the peer, and
// RFC 9211.
const (
	statusField   = "X-Cache-Status"
	standardField = "Cache-Status"
)

// respond makes the answer to a request of e. how is HIT, STALE or the like; what
// says the same in the words of RFC 9211.
func (e *entry) respond(req *message.Request, how, what string, now time.Time) *message.Response {
	x := &hit{}
	r := &x.response
	r.Status = e.status
	r.Header.Grow(e.header.Len() + 3)
	for _, f := range e.header.Fields() {
		r.Header.AddField(f)
	}
	age := strconv.AppendInt(x.age[:0], int64(e.age(now)/time.Second), 10)
	r.Header.AddField(message.Field{Name: "Age", Value: string(age)})
	r.Header.AddField(message.Field{Name: statusField, Value: how})
	r.Header.AddField(message.Field{Name: standardField, Value: what})
	switch {
	case e.status == 200 && matches(&req.Header, &e.header):
		r.Status = 304
		for _, name := range [...]string{"Content-Type", "Content-Encoding", "Content-Language"} {
			r.Header.Del(name) // RFC 9110 15.4.5
		}
	case req.Method == "HEAD":
		r.ContentLength = int64(len(e.body))
	case len(e.body) > 0:
		x.body.left = e.body
		r.SetBody(&x.body, int64(len(e.body)))
	}
	return r
}

// body is a stored body on its way. It implements exchange.Body: who sends it
// needs no copy.
type body struct{ left []byte }

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(b.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// Next implements exchange.Body.
func (b *body) Next(int) ([]byte, error) {
	if len(b.left) == 0 {
		return nil, io.EOF
	}
	return b.left, nil
}

// Arrived implements exchange.Body.
func (b *body) Arrived() ([]byte, error) { return b.Next(0) }

// Consume implements exchange.Body.
func (b *body) Consume(n int) { b.left = b.left[n:] }

// Whole implements exchange.Body.
func (b *body) Whole() ([]byte, bool) { return b.left, true }

// Left implements exchange.Body.
func (b *body) Left() int64 { return int64(len(b.left)) }

// Ends implements exchange.Body.
func (b *body) Ends(n int) bool { return n >= len(b.left) }
