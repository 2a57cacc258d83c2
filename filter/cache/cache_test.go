package cache

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

// TestStored asks for the same twice: the second answer comes from the cache or
// does not (RFC 9111 3).
func TestStored(t *testing.T) {
	const fresh = "Cache-Control: max-age=60"
	for _, tt := range []struct {
		name, request string
		status        int
		fields        string
		args          []any
		want          bool
	}{
		{"max-age", "/", 200, fresh, nil, true},
		{"max-age in capitals", "/", 200, "cache-control: MAX-AGE=60", nil, true},
		{"quoted", "/", 200, `Cache-Control: max-age="60"`, nil, true},
		{"among others", "/", 200, "Cache-Control: public, x=\"a, no-store\" , max-age=60,", nil, true},
		{"s-maxage", "/", 200, "Cache-Control: max-age=0, s-maxage=60", nil, true},
		{"s-maxage wins", "/", 200, "Cache-Control: max-age=60, s-maxage=0", nil, false},
		{"Expires", "/", 200, "Expires: Sat, 01 Jan 2000 00:01:00 GMT", nil, true},
		{"Expires counts from Date", "/", 200, "Date: Sat, 01 Jan 2000 00:01:00 GMT\nExpires: Sat, 01 Jan 2000 00:01:00 GMT", nil, false},
		{"Expires 0", "/", 200, "Expires: 0", nil, false},
		{"max-age wins over Expires", "/", 200, "Cache-Control: max-age=0\nExpires: Sat, 01 Jan 2000 00:01:00 GMT", nil, false},
		{"nothing said", "/", 200, "Last-Modified: Sat, 01 Jan 1999 00:00:00 GMT", nil, false},
		{"public alone", "/", 200, "Cache-Control: public", nil, false},
		{"no-store", "/", 200, "Cache-Control: max-age=60, no-store", nil, false},
		{"no-store in another field", "/", 200, "Cache-Control: max-age=60\nCache-Control: no-store", nil, false},
		{"private", "/", 200, "Cache-Control: max-age=60, private", nil, false},
		{"private for a field", "/", 200, `Cache-Control: max-age=60, private="X-User"`, nil, false},
		{"no-cache", "/", 200, "Cache-Control: max-age=60, no-cache", nil, false},
		{"two lifetimes", "/", 200, "Cache-Control: max-age=60, max-age=0", nil, false},
		{"malformed lifetime", "/", 200, "Cache-Control: max-age=6x", nil, false},
		{"negative lifetime", "/", 200, "Cache-Control: max-age=-1", nil, false},
		{"endless", "/", 200, "Cache-Control: max-age=99999999999999999999", nil, true},
		{"old already", "/", 200, fresh + "\nAge: 61", nil, false},
		{"sets a cookie", "/", 200, fresh + "\nSet-Cookie: a=b", nil, false},
		{"Vary: *", "/", 200, fresh + "\nVary: Accept, *", nil, false},
		{"a part", "/", 206, fresh + "\nContent-Range: bytes 0-3/9", nil, false},
		{"Content-Range", "/", 200, fresh + "\nContent-Range: bytes 0-3/9", nil, false},
		{"not found", "/", 404, fresh, nil, true},
		{"moved", "/", 301, fresh, nil, true},
		{"server error", "/", 500, fresh, nil, false},
		{"unknown status", "/", 299, fresh, nil, false},
		{"authorized", "/\nAuthorization: Bearer x", 200, fresh, nil, false},
		{"authorized, public", "/\nAuthorization: Bearer x", 200, fresh + ", public", nil, true},
		{"authorized, must-revalidate", "/\nAuthorization: Bearer x", 200, fresh + ", must-revalidate", nil, true},
		{"authorized, s-maxage", "/\nAuthorization: Bearer x", 200, "Cache-Control: s-maxage=60", nil, true},
		{"cookie", "/\nCookie: a=b", 200, fresh, nil, true},
		{"POST", "POST /", 200, fresh, nil, false},
		{"HEAD", "HEAD /", 200, fresh, nil, false},
		{"OPTIONS", "OPTIONS /", 200, fresh, nil, false},
		{"request no-store", "/\nCache-Control: no-store", 200, fresh, nil, false},
		{"request no-cache", "/\nCache-Control: no-cache", 200, fresh, nil, false},
		{"request Pragma", "/\nPragma: no-cache", 200, fresh, nil, false},
		{"request Pragma beside Cache-Control", "/\nPragma: no-cache\nCache-Control: max-age=9", 200, fresh, nil, true},
		{"range", "/\nRange: bytes=0-1", 200, fresh, nil, false},
		{"If-Match", "/\nIf-Match: x", 200, fresh, nil, false},
		{"another method in a field", "/\nX-HTTP-Method-Override: DELETE", 200, fresh, nil, false},

		{"forced", "/", 200, "X: y", []any{"1m", "10s", "0s"}, true},
		{"forced against max-age", "/", 200, "Cache-Control: max-age=0, must-revalidate", []any{"1m", "10s", "0s"}, true},
		{"forced against Expires", "/", 200, "Expires: 0\nAge: 1000", []any{"1m", "10s", "0s"}, true},
		{"forced, no-cache", "/", 200, "Cache-Control: no-cache", []any{"1m", "10s", "0s"}, false},
		{"forced, no-store", "/", 200, "Cache-Control: no-store", []any{"1m", "10s", "0s"}, false},
		{"forced, private", "/", 200, "Cache-Control: private", []any{"1m", "10s", "0s"}, false},
		{"forced, cookie", "/", 200, "Set-Cookie: a=b", []any{"1m", "10s", "0s"}, false},
		{"forced, error", "/", 503, "X: y", []any{"1m", "10s", "0s"}, true},
		{"forced, not found", "/", 404, "X: y", []any{"1m", 10, 0}, true},
		{"forced, no errors", "/", 503, "X: y", []any{"1m", "0s", "0s"}, false},
		{"forced, moved", "/", 302, fresh, []any{"1m", "10s", "0s"}, false},
		{"forced, authorized", "/\nAuthorization: x", 200, "X: y", []any{"1m", "10s", "0s"}, false},
		{"forced, authorized by key", "/\nAuthorization: x", 200, "Cache-Control: private", []any{"1m", "10s", "0s", "0s", "Accept, Authorization"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.args...)
				defer w.close()
				w.answers(tt.status, tt.fields, "body")
				first := w.get(tt.request)
				if first.status != tt.status || first.body != "body" || first.how == "HIT" {
					t.Errorf("first: %d %s %q", first.status, first.how, first.body)
				}
				second := w.get(tt.request)
				if n := w.reached(); (n == 1) != tt.want || (second.how == "HIT") != tt.want {
					t.Errorf("asked %d times, second is %s", n, second.how)
				}
				if second.status != tt.status || second.body != "body" {
					t.Errorf("second: %d %q", second.status, second.body)
				}
			})
		})
	}
}

// TestKey has pairs of requests: does the second get the answer of the first?
func TestKey(t *testing.T) {
	for _, tt := range []struct {
		name, first, second string
		vary                string
		args                []any
		want                bool
	}{
		{"another path", "/a", "/b", "", nil, false},
		{"another query", "/a?x=1", "/a?x=2", "", nil, false},
		{"no query", "/a?", "/a", "", nil, true},
		{"encoded otherwise", "/%61", "/a", "", nil, false},
		{"an unkeyed field", "/\nX-A: 1", "/\nX-A: 2", "", nil, true},
		{"HEAD", "/", "HEAD /", "", nil, true},
		{"varies", "/\nAccept: a", "/\nAccept: b", "Accept", nil, false},
		{"varies, the same", "/\nAccept: a", "/\naccept: a", "accept", nil, true},
		{"varies, two fields", "/\nAccept: a\nAccept: b", "/\nAccept: a,b", "Accept", nil, true},
		{"varies, one is missing", "/\nAccept: a", "/", "Accept", nil, false},
		{"varies, not this field", "/\nAccept: a\nX-A: 1", "/\nAccept: a\nX-A: 2", "Accept, Accept-Language", nil, true},
		{"another host by a proxy", "/", "/\nX-Forwarded-Host: evil.example.org", "", nil, false},
		{"another scheme by a proxy", "/\nX-Forwarded-Proto: https", "/\nX-Forwarded-Proto: http", "", nil, false},
		{"another URL", "/", "/\nX-Original-URL: /admin", "", nil, false},
		{"another client", "/\nX-Forwarded-For: 10.0.0.1", "/\nX-Forwarded-For: 10.0.0.2", "", nil, true},
		{"another client, Forwarded", "/\nForwarded: for=10.0.0.1;proto=https", "/\nForwarded: for=10.0.0.2;proto=https", "", nil, true},
		{"another scheme, Forwarded", "/\nForwarded: for=10.0.0.1;proto=https", "/\nForwarded: for=10.0.0.1;proto=http", "", nil, false},
		{"key field", "/\nX-A: 1", "/\nX-A: 2", "", []any{60, 0, 0, 0, "X-A"}, false},
		{"key field, the same", "/\nX-A: 1", "/\nX-A: 1", "", []any{60, 0, 0, 0, "x-a"}, true},
		{"key field, other pieces", "/\nX-A: 1\nX-A: 2", "/\nX-A: 12", "", []any{60, 0, 0, 0, "X-A"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.args...)
				defer w.close()
				w.answers(200, "Cache-Control: max-age=60\nVary: "+tt.vary, "body")
				w.get(tt.first)
				if g := w.get(tt.second); (g.how == "HIT") != tt.want {
					t.Errorf("the second is %s", g.how)
				}
				if g := w.get(tt.first); g.how != "HIT" {
					t.Errorf("the first again is %s", g.how)
				}
			})
		})
	}
}

func TestOtherRoutesHaveOtherKeys(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.get("/")
	if g := w.through(w.another(), request(t, "/")); g.how != "MISS" {
		t.Errorf("another route's answer: %s", g.how)
	}
	for _, change := range []func(*filtertest.Exchange){
		func(x *filtertest.Exchange) { x.Request.Scheme = "https" },
		func(x *filtertest.Exchange) { x.Request.Host = "other.example.org" },
		func(x *filtertest.Exchange) { x.Upstream.Address = "other" },
		func(x *filtertest.Exchange) { x.Upstream.Host = "other" },
		func(x *filtertest.Exchange) { x.Request.SetBody(strings.NewReader("b"), 1) },
	} {
		x := request(t, "/")
		change(x)
		if g := w.through(w.filter, x); g.how != "MISS" {
			t.Errorf("another request's answer: %s", g.how)
		}
	}
	x := request(t, "/")
	x.Request.Host = "WWW.example.ORG"
	if g := w.through(w.filter, x); g.how != "HIT" {
		t.Errorf("the same host: %s", g.how)
	}
}

// A filter behind the cache that says what the response varies by leaves nothing to
// compare the next request with.
func TestChosenLater(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.answers(200, "Cache-Control: max-age=60\nVary: X-User", "alice")
	for _, change := range []func(*filtertest.Exchange){
		func(x *filtertest.Exchange) { x.Request.Header.Set("X-User", "alice") },
		func(x *filtertest.Exchange) { x.Upstream.Address = "alice.example.org" },
	} {
		x := request(t, "/")
		x.RunRequest(w.filter)
		change(x)
		x.Response = w.ask(x.Request)
		x.RunResponse(w.filter)
		x.ResponseBody()
		x.RunEnd(w.filter)
		for _, r := range []string{"/\nX-User: alice", "/\nX-User: bob\nCache-Control: only-if-cached", "/\nCache-Control: only-if-cached"} {
			if g := w.get(r); g.how == "HIT" {
				t.Errorf("%q got somebody's answer", r)
			}
		}
		w.through(w.filter, request(t, "POST /"))
	}
}

func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.answers(200, "Cache-Control: max-age=60\nAge: 10", "body")
		w.get("/")
		time.Sleep(20 * time.Second)
		if g := w.get("/"); g.how != "HIT" || g.header.Get("Age") != "30" {
			t.Errorf("%s, age %s", g.how, g.header.Get("Age"))
		}
		time.Sleep(29 * time.Second)
		if g := w.get("/"); g.how != "HIT" || g.header.Get("Age") != "59" {
			t.Errorf("%s, age %s", g.how, g.header.Get("Age"))
		}
		time.Sleep(time.Second)
		if g := w.get("/"); g.how != "MISS" {
			t.Errorf("at its end: %s", g.how)
		}
		// A Date in the past counts, too.
		w.answers(200, "Cache-Control: max-age=60\nDate: "+time.Now().Add(-40*time.Second).UTC().Format(http.TimeFormat), "body")
		w.get("/dated")
		if g := w.get("/dated"); g.header.Get("Age") != "40" {
			t.Errorf("age %s", g.header.Get("Age"))
		}
	})
}

// TestAsk has what clients may ask of a response that is 30 s old and fresh for 60,
// or is stale for 30 (RFC 9111 5.2.1).
func TestAsk(t *testing.T) {
	for _, tt := range []struct {
		control       string
		stored        string
		fresh, staleH string
	}{
		{"", "max-age=60", "HIT", "MISS"},
		{"max-age=40", "max-age=60", "HIT", "MISS"},
		{"max-age=20", "max-age=60", "MISS", "MISS"},
		{"min-fresh=20", "max-age=60", "HIT", "MISS"},
		{"min-fresh=40", "max-age=60", "MISS", "MISS"},
		{"max-stale", "max-age=60", "HIT", "STALE"},
		{"max-stale=40", "max-age=60", "HIT", "STALE"},
		{"max-stale=20", "max-age=60", "HIT", "MISS"},
		{"max-stale", "max-age=60, must-revalidate", "HIT", "MISS"},
		{"max-stale", "max-age=60, proxy-revalidate", "HIT", "MISS"},
		{"max-stale", "s-maxage=60", "HIT", "MISS"},
		{"only-if-cached", "max-age=60", "HIT", "504"},
		{"only-if-cached, max-stale", "max-age=60", "HIT", "STALE"},
		{"no-cache", "max-age=60", "MISS", "MISS"},
		{"x, \"", "max-age=60", "HIT", "MISS"},
	} {
		t.Run(tt.control+" of "+tt.stored, func(t *testing.T) {
			for wait, want := range map[time.Duration]string{30 * time.Second: tt.fresh, 90 * time.Second: tt.staleH} {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					defer w.close()
					w.answers(200, "Cache-Control: "+tt.stored, "body")
					w.get("/")
					time.Sleep(wait)
					g := w.get("/\nCache-Control: " + tt.control)
					if want == "504" && g.status != 504 || want != "504" && g.how != want {
						t.Errorf("after %v: %d %s, want %s", wait, g.status, g.how, want)
					}
				})
			}
		})
	}
}

// TestConditions has the preconditions of clients (RFC 9110 13).
func TestConditions(t *testing.T) {
	for _, tt := range []struct {
		name, fields, asked string
		want                int
	}{
		{"same tag", `ETag: "a"`, `If-None-Match: "a"`, 304},
		{"in a list", `ETag: "a"`, `If-None-Match: "b", W/"a"`, 304},
		{"weak", `ETag: W/"a"`, `If-None-Match: "a"`, 304},
		{"any", `ETag: "a"`, `If-None-Match: *`, 304},
		{"another tag", `ETag: "a"`, `If-None-Match: "b", "aa"`, 200},
		{"a comma inside", `ETag: "a"`, `If-None-Match: "x,", "a"`, 304},
		{"no tag stored", `X: y`, `If-None-Match: ""`, 200},
		{"malformed", `ETag: "a"`, `If-None-Match: "a`, 200},
		{"not since", "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT", "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT", 304},
		{"since", "Last-Modified: Sat, 01 Jan 2000 00:00:01 GMT", "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT", 200},
		{"no date", "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT", "If-Modified-Since: yesterday", 200},
		{"the tag wins", "ETag: \"a\"\nLast-Modified: Sat, 01 Jan 2000 00:00:00 GMT", "If-None-Match: \"b\"\nIf-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.answers(200, "Cache-Control: max-age=60\nContent-Type: text/plain\n"+tt.fields, "body")
			w.get("/")
			g := w.get("/\n" + tt.asked)
			if g.status != tt.want || g.how != "HIT" || (g.body == "") != (tt.want == 304) || g.header.Has("Content-Type") != (tt.want == 200) {
				t.Errorf("%d %s %q", g.status, g.how, g.body)
			}
			if tt.want == 304 && (!g.header.Has("Cache-Control") || !g.header.Has("Date")) {
				t.Errorf("fields %v", g.header.Fields())
			}
		})
	}
}

// What the cache stores is not what one client's connection needs.
func TestFieldsKept(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.answers(200, "Cache-Control: max-age=60\nConnection: x\nProxy-Authenticate: x\nAlt-Svc: h3\nX-A: 1\nX-A: 2\nCache-Status: other; hit", "body")
	w.get("/")
	g := w.get("/")
	for _, name := range []string{"Connection", "Proxy-Authenticate", "Alt-Svc"} {
		if g.header.Has(name) {
			t.Errorf("%s was stored", name)
		}
	}
	if all := filtertest.Fields(&g.header, "X-A"); len(all) != 2 {
		t.Errorf("X-A: %q", all)
	}
	if all := strings.Join(filtertest.Fields(&g.header, "Cache-Status"), ", "); all != "other; hit, fairlead; hit" {
		t.Errorf("Cache-Status: %s", all)
	}
	g = w.get("HEAD /")
	if g.how != "HIT" || g.body != "" {
		t.Errorf("HEAD: %s %q", g.how, g.body)
	}
}

// TestChanges has what invalidates (RFC 9111 4.4).
func TestChanges(t *testing.T) {
	for _, tt := range []struct {
		name, request string
		status        int
		fields        string
		gone          string // of "/a", "/b?q=1"
	}{
		{"POST", "POST /a", 200, "", "/a"},
		{"unknown method", "FROB /a", 303, "", "/a"},
		{"DELETE", "DELETE /a", 204, "", "/a"},
		{"failed", "POST /a", 404, "", ""},
		{"safe", "OPTIONS /a", 200, "", ""},
		{"Location", "POST /c", 201, "Location: /b?q=1", "/b?q=1"},
		{"Content-Location", "PUT /x/c", 200, "Content-Location: ../b?q=1", "/b?q=1"},
		{"whole Location", "POST /c", 201, "Location: http://www.example.org/a", "/a"},
		{"another host", "POST /c", 201, "Location: http://other.example.org/a", ""},
		{"malformed", "POST /c", 201, "Location: http://%zz", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			w.get("/a")
			w.get("/b?q=1")
			w.answers(tt.status, tt.fields, "")
			w.through(w.another(), request(t, tt.request)) // of another route
			for _, target := range []string{"/a", "/b?q=1"} {
				w.answers(200, "Cache-Control: max-age=60", "body")
				if g := w.get(target); (g.how == "MISS") != (target == tt.gone) {
					t.Errorf("%s: %s", target, g.how)
				}
				if g := w.get(target); g.how != "HIT" {
					t.Errorf("%s afterwards: %s", target, g.how)
				}
			}
		})
	}
}

// An answer that was on its way when something changed is not kept.
func TestChangedMeanwhile(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	x := request(t, "/")
	x.RunRequest(w.filter)
	w.get("POST /")
	x.Response = w.ask(x.Request)
	x.RunResponse(w.filter)
	x.ResponseBody()
	x.RunEnd(w.filter)
	if g := w.get("/"); g.how != "MISS" {
		t.Errorf("an old answer: %s", g.how)
	}
}

func TestRefused(t *testing.T) {
	w := newWorld(t, "1m", "1m", "1m")
	defer w.close()
	x := request(t, "/")
	x.RunRequest(w.filter)
	x.Refuse(message.ReasonQueueFull) // a filter behind this one
	x.RunResponse(w.filter)
	x.ResponseBody()
	x.RunEnd(w.filter)
	if g := w.get("/"); g.status != 200 || g.how != "MISS" {
		t.Errorf("%d %s", g.status, g.how)
	}
}

func TestWrong(t *testing.T) {
	for _, tt := range []struct {
		args []any
		want string
	}{
		{[]any{"1m"}, "argument 1 (ttl): found 1 arguments"},
		{[]any{"1m", "1m"}, "argument 2 (error ttl): found 2 arguments"},
		{[]any{"x", "1m", "1m"}, "argument 1 (ttl)"},
		{[]any{"1m", -1, "1m"}, "argument 2 (error ttl)"},
		{[]any{"1m", "1m", "1m", "1m", "a b"}, "argument 5 (key headers)"},
		{[]any{"1m", "1m", "1m", "1m", "a", "b"}, "found 6 arguments"},
	} {
		if err := filtertest.BuildError(t, "cache", tt.args...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.args, err)
		}
	}
}
