package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
)

func BenchmarkObserve(b *testing.B) {
	m := newMetrics(b, "serve-host-metrics", "serve-host-counter", "serve-route-metrics", "serve-route-counter", "backend-host-metrics",
		"combined-response-metrics", "proxy-request-metrics", "proxy-response-metrics")
	off := newMetrics(b, "disable-metrics-compat")
	r, h, f := m.Route("r"), m.Host("10.0.0.1:8080", "a"), m.Filter("setPath")
	offRoute := off.Route("r")
	for name, do := range map[string]func(){
		"lookup":       func() { m.ObserveLookup(300) },
		"response":     func() { r.ObserveResponse(200, "GET", time.Millisecond) },
		"backend":      func() { r.ObserveBackend(h, 200, time.Millisecond) },
		"filters":      func() { r.ObserveFilters(100, 100) },
		"filter":       func() { f.ObserveRequest(100) },
		"proxy":        func() { m.ObserveProxy(100, 100) },
		"serve":        func() { m.ObserveServe(r, "www.example.org", "GET", 200, time.Millisecond) },
		"size":         func() { m.ObserveResponseSize("www.example.org", 100) },
		"connection":   func() { m.ConnMoved(ClientSide, ConnActive, ConnActive) },
		"off response": func() { offRoute.ObserveResponse(200, "GET", time.Millisecond) },
		"off serve":    func() { off.ObserveServe(offRoute, "www.example.org", "GET", 200, time.Millisecond) },
		"off error":    func() { offRoute.BackendError() },
	} {
		b.Run(name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					do()
				}
			})
		})
	}
}

// BenchmarkExchange is what the proxy reports for one request under the flags
// of the deployment documents.
func BenchmarkExchange(b *testing.B) {
	for _, routes := range []int{1, 10_000} {
		b.Run(fmt.Sprint(routes), func(b *testing.B) {
			m := newMetrics(b, "serve-host-metrics")
			handles := make([]*Route, routes)
			for i := range handles {
				handles[i] = m.Route(fmt.Sprintf("route%d", i))
			}
			h := m.Host("10.0.0.1:8080", "")
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i += 7919 {
					r := handles[i%routes]
					m.ObserveLookup(300)
					r.ObserveFilters(200, 200)
					r.ObserveBackend(h, 200, time.Millisecond)
					r.ObserveResponse(200, "GET", 2*time.Microsecond)
					m.ObserveServe(r, "www.example.org", "GET", 200, time.Millisecond)
					m.ObserveProxy(1000, 1000)
				}
			})
		})
	}
}

func BenchmarkScrape(b *testing.B) {
	m := newMetrics(b)
	for i := range 10_000 {
		r := m.Route(fmt.Sprintf("route%d", i))
		r.ObserveResponse(200, "GET", 1)
		r.ObserveBackend(nil, 200, 1)
		r.ObserveFilters(1, 1)
	}
	for name, h := range map[string]http.Handler{"ours": m.Handler(), "library": m.Handler().(*page).library} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := &discard{header: http.Header{}}
				h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
				b.ReportMetric(float64(w.n), "bytes")
			}
		})
	}
}

// discard is an http.ResponseWriter that counts bytes.
type discard struct {
	header http.Header
	n      int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { d.n += len(p); return len(p), nil }

// BenchmarkHandle measures a route that is loaded and not used.
func BenchmarkHandle(b *testing.B) {
	const n = 100_000
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("route%d", i)
	}
	for b.Loop() {
		m := newMetrics(b)
		before := heap()
		for _, id := range ids {
			m.Route(id)
		}
		b.ReportMetric(float64(heap()-before)/n, "B/route")
		runtime.KeepAlive(m)
	}
}

func heap() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
