package cache

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/message"
)

// Memory is bounded, and what was used last stays.
func TestEviction(t *testing.T) {
	w := newWorldWith(t, []string{"-cache-size=1048576", "-cache-max-entry=100000"})
	defer w.close()
	w.answers(200, "Cache-Control: max-age=60", strings.Repeat("x", 10_000))
	for i := range 300 {
		w.get("/hot")
		w.get(fmt.Sprintf("/%d", i))
	}
	if g := w.get("/hot"); g.how != "HIT" {
		t.Errorf("what is used often is %s", g.how)
	}
	if n := w.counts.get("lru_bytes"); n > 1<<20 || n < 1<<18 {
		t.Errorf("%v bytes", n)
	}
	if w.counts.get("lru_eviction") < 200 {
		t.Errorf("%v evictions", w.counts.get("lru_eviction"))
	}
	w.answers(200, "Cache-Control: max-age=60", strings.Repeat("x", 70_000)) // a sixteenth is less
	w.get("/large")
	if g := w.get("/large"); g.how != "MISS" || w.counts.get("lru_oversized") != 2 {
		t.Errorf("%s, %v oversized", g.how, w.counts.get("lru_oversized"))
	}
}

func TestVariants(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.answers(200, "Cache-Control: max-age=60\nVary: X-N", "body")
	for i := range 3 * mostVariants {
		w.get(fmt.Sprintf("/\nX-N: %d", i))
	}
	kept := 0
	for i := range 3 * mostVariants {
		if g := w.get(fmt.Sprintf("/\nCache-Control: only-if-cached\nX-N: %d", i)); g.how == "HIT" {
			kept++
		}
	}
	if kept != mostVariants {
		t.Errorf("%d variants are kept", kept)
	}
	many := strings.Repeat("X-A, ", mostVary+1)
	w.answers(200, "Cache-Control: max-age=60\nVary: "+many, "body")
	w.get("/many")
	if g := w.get("/many"); g.how != "MISS" {
		t.Errorf("one that varies by too much is %s", g.how)
	}
}

// Everything at once, for the race detector.
func TestTogether(t *testing.T) {
	w := newWorldWith(t, []string{"-cache-size=65536", "-cache-max-entry=1000", "-cache-collapse-wait=1ms"}, "1ms", "1ms", "1h")
	defer w.close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 200 {
				target := fmt.Sprintf("/%d", k%7)
				switch (i + k) % 10 {
				case 0:
					w.get("POST " + target)
				case 1:
					w.get("HEAD " + target)
				case 2:
					w.get(target + "\nCache-Control: no-cache")
				default:
					if g := w.get(target); g.body != "body" {
						t.Errorf("got %q", g.body)
					}
				}
				w.mu.Lock()
				w.asked = nil
				w.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func FuzzControl(f *testing.F) {
	for _, s := range []string{"max-age=60, private", `a="b,c\"", no-store`, ",,=,", `"`, `max-age="`, "s-maxage=99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var h message.Header
		h.Add("Cache-Control", s)
		c := parseControl(&h)
		for _, d := range []time.Duration{c.maxAge, c.sMaxAge, c.minFresh, c.maxStale, c.whileRevalidate, c.ifError} {
			if d < missing || d > longest {
				t.Errorf("%q: %v", s, d)
			}
		}
		if strings.IndexByte(s, '"') >= 0 {
			return
		}
		stored := false
		for item := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
			name, _, _ := strings.Cut(item, "=")
			stored = stored || message.EqualName(strings.Trim(name, " \t"), "no-store")
		}
		if stored != c.noStore {
			t.Errorf("%q: no-store is %v", s, c.noStore)
		}
	})
}

func FuzzTags(f *testing.F) {
	f.Add(`"a", W/"b"`, `"b"`)
	f.Add(`*`, `W/""`)
	f.Fuzz(func(_ *testing.T, list, tag string) { hasTag(list, tag) })
}

func BenchmarkHit(b *testing.B) {
	for _, tt := range []struct{ name, request string }{
		{"GET", "/news/today?page=1\nAccept: text/html\nUser-Agent: x\nCookie: a=b\nX-Forwarded-For: 10.0.0.1"},
		{"304", "/news/today?page=1\nAccept: text/html\nIf-None-Match: \"a\""},
	} {
		b.Run(tt.name, func(b *testing.B) {
			w := newWorld(b)
			w.answers(200, "Cache-Control: max-age=600\nContent-Type: text/html\nETag: \"a\"\nVary: Accept", "body")
			w.get(strings.Replace(tt.request, "If-None-Match", "X-None", 1))
			x := request(b, tt.request)
			b.ReportAllocs()
			for b.Loop() {
				x.Resume()
				w.filter.Request(x.Context)
				if !x.Served() {
					b.Fatal("not served")
				}
			}
		})
	}
}

// A hit costs one answer, its fields and its age.
func TestAllocs(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	x := request(t, "/\nAccept: a")
	w.get("/\nAccept: a")
	if n := testing.AllocsPerRun(100, func() {
		x.Resume()
		w.filter.Request(x.Context)
	}); n > 3 {
		t.Errorf("%v allocations", n)
	}
}
