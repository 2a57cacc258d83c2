package cache

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/message"
)

// TestValidation has a stale response with validators, and what the backend says to
// them (RFC 9111 4.3).
func TestValidation(t *testing.T) {
	for _, tt := range []struct {
		name, stored, request string
		asked                 string // preconditions
		status                int
		fields                string
		want                  int
		how, body             string
		after                 string // of the next request
	}{
		{"still right", `ETag: "a"`, "/", `"a"|`, 304, "Cache-Control: max-age=60\nX-New: 1", 200, "HIT", "old", "HIT"},
		{"by date", "Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT", "/", "|Sat, 01 Jan 2000 00:00:00 GMT", 304, "Cache-Control: max-age=60", 200, "HIT", "old", "HIT"},
		{"still right, but not to be kept", `ETag: "a"`, "/", `"a"|`, 304, "Cache-Control: no-store", 200, "HIT", "old", "MISS"},
		{"another one", `ETag: "a"`, "/", `"a"|`, 200, "Cache-Control: max-age=60", 200, "MISS", "new", "HIT"},
		{"another one, not to be kept", `ETag: "a"`, "/", `"a"|`, 200, "Cache-Control: no-store", 200, "MISS", "new", "MISS"},
		{"gone", `ETag: "a"`, "/", `"a"|`, 404, "X: y", 404, "MISS", "new", "MISS"},
		{"failed", `ETag: "a"`, "/", `"a"|`, 500, "X: y", 500, "MISS", "new", "MISS"},
		{"the client has it, too", `ETag: "a"`, "/\nIf-None-Match: \"a\"", `"a"|`, 304, "Cache-Control: max-age=60", 304, "HIT", "", "HIT"},
		{"the client has another one", `ETag: "a"`, "/\nIf-None-Match: \"z\"", `"a"|`, 304, "Cache-Control: max-age=60", 200, "HIT", "old", "HIT"},
		{"asked for by the client", `ETag: "a"`, "/\nCache-Control: no-cache", `"a"|`, 304, "Cache-Control: max-age=60", 200, "HIT", "old", "HIT"},
		{"no validators", "X: y", "/", "|", 200, "Cache-Control: max-age=60", 200, "MISS", "new", "HIT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				w.answers(200, "Cache-Control: max-age=10\nContent-Type: text/old\n"+tt.stored, "old")
				w.get("/")
				time.Sleep(11 * time.Second)
				w.reached()
				body := "new"
				if tt.status == 304 {
					body = ""
				}
				w.answers(tt.status, "Content-Type: text/new\n"+tt.fields, body)
				g := w.get(tt.request)
				h := &w.last().Header
				if asked := h.Get("If-None-Match") + "|" + h.Get("If-Modified-Since"); asked != tt.asked {
					t.Errorf("asked with %s", asked)
				}
				if g.status != tt.want || g.how != tt.how || g.body != tt.body {
					t.Errorf("%d %s %q", g.status, g.how, g.body)
				}
				if tt.status == 304 && g.status == 200 && (g.header.Get("Content-Type") != "text/old" || tt.name == "still right" && g.header.Get("X-New") != "1" || g.header.Get("Age") != "0") {
					t.Errorf("fields %v", g.header.Fields())
				}
				w.answers(200, "X: y", "next")
				if g := w.get("/"); g.how != tt.after {
					t.Errorf("the next is %s", g.how)
				}
			})
		})
	}
}

// A 304 that the client asked for itself is the client's.
func TestOthersNotModified(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.answers(304, "Cache-Control: max-age=60\nETag: \"a\"", "")
	if g := w.get("/\nIf-None-Match: \"a\""); g.status != 304 || g.how != "MISS" {
		t.Errorf("%d %s", g.status, g.how)
	}
	w.answers(200, "Cache-Control: max-age=60", "body")
	if g := w.get("/"); g.status != 200 || g.how != "MISS" {
		t.Errorf("%d %s", g.status, g.how)
	}
}

func TestStaleWhileRevalidate(t *testing.T) {
	for _, tt := range []struct {
		name, fields string
		args         []any
		want         bool
	}{
		{"said by the response", "Cache-Control: max-age=10, stale-while-revalidate=20", nil, true},
		{"forbidden by it", "Cache-Control: max-age=10, stale-while-revalidate=20, must-revalidate", nil, false},
		{"not said", "Cache-Control: max-age=10", nil, false},
		{"said by the route", "X: y", []any{"10s", "0s", "20s"}, true},
		{"said by the route, forbidden by the response", "Cache-Control: s-maxage=1", []any{"10s", "0s", "20s"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.args...)
				defer w.close()
				w.answers(200, tt.fields+"\nETag: \"1\"", "one")
				w.get("/a?b")
				time.Sleep(15 * time.Second)
				w.reached()
				w.answers(200, tt.fields, "two")
				x := request(t, "/a?b\nPragma: x\nCookie: c=1")
				g := w.through(w.filter, x)
				if (g.how == "STALE" && g.body == "one") != tt.want {
					t.Errorf("%s %q", g.how, g.body)
				}
				synctest.Wait()
				if r := w.last(); r.Path != "/a" || r.Query != "b" || r.Header.Get("Cookie") != "c=1" || r.Header.Get("If-None-Match") != `"1"` || r.Header.Has("Pragma") == tt.want {
					t.Errorf("asked with %+v", r)
				}
				if n := w.reached(); n != 1 {
					t.Errorf("the backend was asked %d times", n)
				}
				if g := w.get("/a?b"); g.how != "HIT" || g.body != "two" {
					t.Errorf("afterwards: %s %q", g.how, g.body)
				}
				time.Sleep(31 * time.Second)
				if g := w.get("/a?b"); g.how != "MISS" {
					t.Errorf("behind the window: %s", g.how)
				}
			})
		})
	}
}

// One renewal at a time for each response, and a bound for all.
func TestRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldWith(t, []string{"-cache-max-renewals=1"}, "10s", "0s", "1h")
		defer w.close()
		w.answers(200, "ETag: \"1\"", "one")
		w.get("/a")
		w.get("/b")
		time.Sleep(15 * time.Second)
		hold := make(chan struct{})
		w.backend = func(*message.Request) answer { <-hold; return answer{304, "ETag: \"1\"", ""} }
		w.reached()
		for range 5 {
			if g := w.get("/a"); g.how != "STALE" {
				t.Errorf("got %s", g.how)
			}
			w.get("/b")
		}
		synctest.Wait()
		if n, dropped := w.reached(), w.counts.get("reval_dropped"); n != 1 || dropped != 5 {
			t.Errorf("%d renewals, %v dropped", n, dropped)
		}
		close(hold)
		synctest.Wait()
		if g := w.get("/a"); g.how != "HIT" || g.body != "one" || g.header.Get("Age") != "0" {
			t.Errorf("%s %q age %s", g.how, g.body, g.header.Get("Age"))
		}
		// One that fails is counted, and tried again.
		w.answers(500, "", "")
		w.get("/b")
		synctest.Wait()
		if n := w.counts.get("reval_error"); n != 1 {
			t.Errorf("%v failures", n)
		}
		x := request(t, "/b")
		x.Routes = func(context.Context, *message.Request) (*message.Response, error) { return nil, errors.New("busy") }
		if g := w.through(w.filter, x); g.how != "STALE" {
			t.Errorf("got %s", g.how)
		}
		synctest.Wait()
		if n := w.counts.get("reval_error"); n != 2 {
			t.Errorf("%v failures", n)
		}
	})
}

func TestStaleIfError(t *testing.T) {
	for _, tt := range []struct {
		name, fields, request string
		args                  []any
		status                int
		want                  bool
	}{
		{"said by the response", "Cache-Control: max-age=10, stale-if-error=60", "/", nil, 503, true},
		{"said by the request", "Cache-Control: max-age=10", "/\nCache-Control: stale-if-error=60", nil, 500, true},
		{"too late", "Cache-Control: max-age=10, stale-if-error=5", "/", nil, 503, false},
		{"forbidden", "Cache-Control: max-age=10, stale-if-error=60, must-revalidate", "/", nil, 503, false},
		{"no failure", "Cache-Control: max-age=10, stale-if-error=60", "/", nil, 501, false},
		{"said by the route", "X: y", "/", []any{"10s", "0s", "0s", "1m"}, 502, true},
		{"not said", "Cache-Control: max-age=10", "/", nil, 503, false},
		{"HEAD", "Cache-Control: max-age=10, stale-if-error=60", "HEAD /", nil, 504, true},
		{"validated", "Cache-Control: max-age=10, stale-if-error=60\nETag: \"1\"", "/\nIf-None-Match: \"z\"", nil, 504, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.args...)
				defer w.close()
				w.answers(200, tt.fields, "old")
				w.get("/")
				time.Sleep(20 * time.Second)
				w.answers(tt.status, "X: y", "failed")
				for range 2 {
					g := w.get(tt.request)
					if (g.how == "STALE" && g.status == 200) != tt.want || !tt.want && g.status != tt.status || strings.HasPrefix(tt.request, "/") && (g.body == "old") != tt.want {
						t.Errorf("%d %s %q", g.status, g.how, g.body)
					}
				}
			})
		})
	}
}

// slow is a body that comes when it is told to.
type slow struct {
	io.Reader
	come chan struct{}
}

func (s *slow) Read(p []byte) (int, error) { <-s.come; return s.Reader.Read(p) }

// Many ask for the same at once.
func TestCollapse(t *testing.T) {
	for _, tt := range []struct {
		name, fields string
		wait         string
		asked        int // of 10
		took         time.Duration
	}{
		{"kept", "Cache-Control: max-age=60", "2s", 1, time.Second},
		{"not kept", "X: y", "2s", 10, 2 * time.Second},
		{"kept too late", "Cache-Control: max-age=60", "500ms", 10, 1500 * time.Millisecond},
		{"off", "Cache-Control: max-age=60", "0s", 10, time.Second},
		{"not these", "Cache-Control: max-age=60\nVary: X-N", "2s", 10, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldWith(t, []string{"-cache-collapse-wait=" + tt.wait})
				defer w.close()
				w.backend = func(*message.Request) answer {
					time.Sleep(time.Second)
					return answer{200, tt.fields, "body"}
				}
				begun := time.Now()
				var wg sync.WaitGroup
				var hits atomic.Int32
				for i := range 10 {
					wg.Go(func() {
						g := w.get("/\nX-N: " + strings.Repeat("x", i))
						if g.status != 200 || g.body != "body" {
							t.Errorf("%d %q", g.status, g.body)
						}
						if g.how == "HIT" {
							hits.Add(1)
						}
					})
				}
				wg.Wait()
				if n, took := w.reached(), time.Since(begun); n != tt.asked || took != tt.took || int(hits.Load()) != 10-tt.asked {
					t.Errorf("the backend was asked %d times, in %v, %d hits", n, took, hits.Load())
				}
				// Who was not kept once is not waited for again.
				if tt.name != "not kept" {
					return
				}
				begun = time.Now()
				for range 10 {
					wg.Go(func() { w.get("/") })
				}
				wg.Wait()
				if took := time.Since(begun); took != time.Second {
					t.Errorf("the next ten took %v", took)
				}
			})
		})
	}
}

// Who waits stops waiting when the client goes, and when the leader fails.
func TestCollapseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldWith(t, []string{"-cache-collapse-wait=1h"})
		defer w.close()
		leader := request(t, "/")
		leader.RunRequest(w.filter)
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			x := request(t, "/")
			x.Done = ctx
			w.through(w.filter, x)
		})
		synctest.Wait()
		w.answers(200, "X: y", "body")
		cancel() // who goes takes nobody along
		wg.Wait()
		w.answers(200, "Cache-Control: max-age=60", "body")
		follower := request(t, "/")
		done := make(chan got)
		go func() { done <- w.through(w.filter, follower) }()
		synctest.Wait()
		leader.Response = w.ask(leader.Request)
		leader.RunResponse(w.filter)
		if err := leader.Response.Body.(io.Closer).Close(); err != nil { // unread
			t.Error(err)
		}
		leader.RunEnd(w.filter)
		if g := <-done; g.how != "MISS" || g.body != "body" {
			t.Errorf("%s %q", g.how, g.body)
		}
	})
}

// A second round through the same route does not wait for the first.
func TestLoopback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldWith(t, []string{"-cache-collapse-wait=1h"})
		defer w.close()
		x := request(t, "/")
		x.RunRequest(w.filter)
		x.Resume()
		x.RunRequest(w.filter)
		x.Response = w.ask(x.Request)
		x.RunResponse(w.filter)
		x.RunResponse(w.filter)
		if b := x.ResponseBody(); b != "body" {
			t.Errorf("got %q", b)
		}
		x.RunEnd(w.filter)
		x.RunEnd(w.filter)
		if g := w.get("/"); g.how != "HIT" {
			t.Errorf("got %s", g.how)
		}
	})
}

// What a client reads slowly is handed on as it comes.
func TestStreams(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	x := request(t, "/")
	x.RunRequest(w.filter)
	x.Response = w.ask(x.Request)
	come := make(chan struct{}, 1)
	x.Response.SetBody(&slow{strings.NewReader("body"), come}, message.Unknown)
	x.RunResponse(w.filter)
	b := make([]byte, 2)
	come <- struct{}{}
	if n, err := x.Response.Body.Read(b); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	close(come)
	if rest := x.ResponseBody(); rest != "dy" {
		t.Errorf("rest %q", rest)
	}
	x.RunEnd(w.filter)
	if g := w.get("/"); g.how != "HIT" || g.body != "body" {
		t.Errorf("%s %q", g.how, g.body)
	}
}

// Bodies that are not what they should be are not kept.
func TestBodies(t *testing.T) {
	for _, tt := range []struct {
		name    string
		body    io.Reader
		length  int64
		trailer bool
		want    bool
	}{
		{"known", strings.NewReader("body"), 4, false, true},
		{"unknown", strings.NewReader("body"), message.Unknown, false, true},
		{"byte by byte", &bytewise{"body"}, message.Unknown, false, true},
		{"too short", strings.NewReader("bod"), 4, false, false},
		{"too long", strings.NewReader("bodyy"), 4, false, false},
		{"broken", io.MultiReader(strings.NewReader("bo"), broken{}), message.Unknown, false, false},
		{"with trailers", strings.NewReader("body"), message.Unknown, true, false},
		{"too large", strings.NewReader(strings.Repeat("x", 2000)), 2000, false, false},
		{"too large, unknown", strings.NewReader(strings.Repeat("x", 2000)), message.Unknown, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorldWith(t, []string{"-cache-max-entry=1000"})
			defer w.close()
			x := request(t, "/")
			x.RunRequest(w.filter)
			x.Response = w.ask(x.Request)
			x.Response.SetBody(tt.body, tt.length)
			if tt.trailer {
				x.Response.Trailer.Add("X-End", "1")
			}
			x.RunResponse(w.filter)
			_, _ = io.Copy(io.Discard, x.Response.Body)
			if c, ok := x.Response.Body.(io.Closer); ok { // those that are too large are not touched
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
			x.RunEnd(w.filter)
			if g := w.get("/"); (g.how == "HIT") != tt.want {
				t.Errorf("got %s", g.how)
			}
			if large := strings.HasPrefix(tt.name, "too large"); (w.counts.get("lru_oversized") == 1) != large {
				t.Errorf("%v oversized", w.counts.get("lru_oversized"))
			}
		})
	}
}

type bytewise struct{ left string }

func (b *bytewise) Read(p []byte) (int, error) {
	if b.left == "" {
		return 0, io.EOF
	}
	p[0], b.left = b.left[0], b.left[1:]
	return 1, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut") }

// When there is no memory for what is on its way it is passed on and not kept.
func TestNoMemoryToFill(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	s := sharedOf(w.env)
	before := s.filling.Swap(3)
	if g := w.get("/"); g.body != "body" {
		t.Errorf("got %q", g.body)
	}
	if g := w.get("/"); g.how != "MISS" {
		t.Errorf("got %s", g.how)
	}
	if left := s.filling.Swap(before); left != 3 {
		t.Errorf("%d left", left)
	}
}
