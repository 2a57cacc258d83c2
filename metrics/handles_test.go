package metrics

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/message"
)

func TestRouteLeaves(t *testing.T) {
	m := newMetrics(t)
	old := m.Route("a")
	old.BackendError()
	next := m.Route("a") // the next table, before the old one is dropped
	old.Drop()
	next.BackendError()
	has(t, scrape(t, m), `skipper_backend_error_total{route="a"} 2`)
	next.Drop()
	next.BackendError() // a request on its way
	hasNot(t, scrape(t, m), `route="a"`)
	m.Route("a").BackendError()
	has(t, scrape(t, m), `skipper_backend_error_total{route="a"} 1`)
	m.UnknownRoute().Drop()
	m.UnknownRoute().BackendError()
	has(t, scrape(t, m), `skipper_backend_error_total{route="_unknownroute_"} 1`)
}

func TestHostLeaves(t *testing.T) {
	m := newMetrics(t, "backend-host-metrics", "backend-zone-metrics", "metrics-max-hosts=2")
	a, same := m.Host("10.0.0.1:80", "z"), m.Host("10.0.0.1:80", "")
	a.ObserveHeader(1)
	same.ObserveHeader(1)
	has(t, scrape(t, m), `skipper_backend_request_header_bytes_count{host="10_0_0_1__80"} 2`)
	a.Drop()
	m.Host("b:1", "")
	above := m.Host("c:1", "") // the third of two
	above.ObserveHeader(1)
	above.Drop()
	text := scrape(t, m)
	has(t, text, `skipper_backend_request_header_bytes_count{host="10_0_0_1__80"} 2`)
	has(t, text, `skipper_backend_request_header_bytes_count{host="_other_"} 1`)
	same.Drop()
	hasNot(t, scrape(t, m), "10_0_0_1__80")
}

func TestMethodsAndStatuses(t *testing.T) {
	m := newMetrics(t)
	r := m.Route("r")
	for _, method := range methodNames[1:] {
		r.ObserveResponse(200, method, 1)
		has(t, scrape(t, m), `skipper_response_duration_seconds_count{code="200",method="`+method+`",route="r"} 1`)
	}
	r.ObserveResponse(200, "get", 1)
	r.ObserveResponse(200, "\"\n", 1)
	r.ObserveResponse(0, "GET", 1)
	r.ObserveResponse(1000, "GET", 1)
	text := scrape(t, m)
	has(t, text, `skipper_response_duration_seconds_count{code="200",method="_unknownmethod_",route="r"} 2`)
	has(t, text, `skipper_response_duration_seconds_count{code="_other_",method="GET",route="r"} 2`)
}

func TestStatusesAreBounded(t *testing.T) {
	m := newMetrics(t)
	r := m.Route("r")
	for status := 100; status < 1000; status++ {
		r.ObserveResponse(status, "GET", 1)
	}
	text := scrape(t, m)
	if n := strings.Count(text, "skipper_response_duration_seconds_count"); n != maxCodes+1 {
		t.Errorf("found %d series, want %d", n, maxCodes+1)
	}
	has(t, text, fmt.Sprintf(`skipper_response_duration_seconds_count{code="_other_",method="_other_",route="r"} %d`, 900-maxCodes))
}

func TestServedHostsAreBounded(t *testing.T) {
	m := newMetrics(t, "serve-host-counter", "metrics-max-hosts=3")
	for _, host := range []string{"a.b", "A.B", "a_b", "c", "d", strings.Repeat("x", maxLabel+1)} {
		m.ObserveServe(nil, host, "GET", 200, 1)
		m.ObserveServe(nil, host, "GET", 200, 1)
	}
	text := scrape(t, m)
	has(t, text, `skipper_serve_host_count{code="200",host="a_b",method="GET"} 6`)
	has(t, text, `skipper_serve_host_count{code="200",host="_other_",method="GET"} 6`)
	hasNot(t, text, `host="d"`)
}

// Hosts that nobody asks for any more make room when there is none.
func TestIdleHostsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMetrics(t, "serve-host-counter", "metrics-max-hosts=2")
		ask := func(host string) { m.ObserveServe(nil, host, "GET", 200, 1) }
		ask("busy")
		ask("idle")
		scrape(t, m)
		time.Sleep(idleAfter + time.Second)
		ask("busy")
		ask("new")
		text := scrape(t, m) // new came too early and is among the others
		has(t, text, `skipper_serve_host_count{code="200",host="busy",method="GET"} 2`)
		has(t, text, `skipper_serve_host_count{code="200",host="_other_",method="GET"} 1`)
		hasNot(t, text, `host="idle"`)
		ask("new")
		ask("busy")
		text = scrape(t, m)
		has(t, text, `skipper_serve_host_count{code="200",host="busy",method="GET"} 3`)
		has(t, text, `skipper_serve_host_count{code="200",host="new",method="GET"} 1`)
	})
}

// While there is room, nothing is forgotten.
func TestIdleHostsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMetrics(t, "serve-host-counter", "metrics-max-hosts=2")
		m.ObserveServe(nil, "idle", "GET", 200, 1)
		scrape(t, m)
		time.Sleep(2 * idleAfter)
		has(t, scrape(t, m), `skipper_serve_host_count{code="200",host="idle",method="GET"} 1`)
	})
}

func TestHostLabel(t *testing.T) {
	for host, want := range map[string]string{
		"": "", "www.example.org": "www_example_org", "WWW.example.org:80": "www_example_org__80", "[::1]:80": "[____1]__80",
		"a\nb\"\x00\xff": "a_b___", strings.Repeat("a", 300): "_other_",
	} {
		if got := hostLabel(host); got != want {
			t.Errorf("hostLabel(%q) = %q, want %q", host, got, want)
		}
	}
}

// Names that are not valid UTF-8 or endless must not break the page.
func TestStrangeNames(t *testing.T) {
	m := newMetrics(t)
	m.Route("a\xff").BackendError()
	m.Counter("k\xff").Inc()
	m.Counter("k\xff").Inc()
	m.Counter(strings.Repeat("x", 1000)).Inc()
	m.InvalidRoute("b\xff\n", "other", true)
	text := scrape(t, m)
	has(t, text, `skipper_backend_error_total{route="a_"} 1`)
	has(t, text, `skipper_custom_total{key="k_"} 2`)
	has(t, text, `skipper_custom_total{key="`+strings.Repeat("x", maxLabel)+`"} 1`)
	has(t, text, `skipper_route_invalid{reason="other",route_id="b_\n"} 1`)
}

func TestKeysAreBounded(t *testing.T) {
	m := newMetrics(t)
	for i := range maxKeys + 2 {
		m.Counter(fmt.Sprint("key", i)).Inc()
		m.Gauge(fmt.Sprint("key", i)).Add(1)
		m.Timer(fmt.Sprint("key", i)).Observe(1)
		m.InvalidRoute(fmt.Sprint("route", i), "other", true)
	}
	text := scrape(t, m)
	has(t, text, `skipper_custom_total{key="_other_"} 2`)
	has(t, text, `skipper_custom_gauges{key="_other_"} 2`)
	has(t, text, `skipper_custom_duration_seconds_count{key="_other_"} 2`)
	if n := strings.Count(text, "\nskipper_route_invalid{"); n != maxInvalid {
		t.Errorf("found %d invalid routes, want %d", n, maxInvalid)
	}
}

// Nothing is lost when many goroutines count while series become striped,
// routes come and go and the page is read.
func TestConcurrentUse(t *testing.T) {
	const workers, rounds = 4, hot
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2 * minStripes)) // stripes, whatever the machine
	m := newMetrics(t, "serve-host-counter")
	kept := m.Route("kept")
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				m.ObserveLookup(time.Duration(i))
				kept.ObserveResponse(200, "GET", time.Millisecond)
				m.ObserveServe(kept, "www.example.org", "GET", 200+i%maxCodes, 1)
				m.Rejected(message.ReasonNoRoute)
				m.ConnMoved(ClientSide, ConnClosed, ConnNew)
				m.ConnMoved(ClientSide, ConnNew, ConnClosed)
				if i%512 == 0 {
					r := m.Route(fmt.Sprint("route", i%3))
					r.ObserveBackend(nil, 200, 1)
					r.Drop()
					m.ObserveServe(nil, fmt.Sprint("host", w, i), "GET", 200, 1)
				}
			}
		})
	}
	wg.Go(func() {
		for range 3 {
			scrape(t, m)
		}
	})
	wg.Wait()
	text := scrape(t, m)
	total := fmt.Sprint(workers * rounds)
	has(t, text, `skipper_route_lookup_duration_seconds_count `+total)
	has(t, text, `skipper_route_lookup_duration_seconds_bucket{le="+Inf"} `+total)
	has(t, text, `skipper_response_duration_seconds_count{code="200",method="GET",route="kept"} `+total)
	has(t, text, `fairlead_http_rejected_total{reason="no-route"} `+total)
	has(t, text, `fairlead_connections{side="client",state="new"} 0`)
	sum := 0
	for status := range maxCodes {
		var n int
		line := like(text, fmt.Sprintf(`skipper_serve_host_count{code="%d",host="www_example_org"`, 200+status))
		for l := range strings.Lines(line) {
			if strings.Contains(l, fmt.Sprintf(`code="%d",host="www_example_org"`, 200+status)) {
				fmt.Sscan(l[strings.LastIndexByte(l, ' ')+1:], &n)
			}
		}
		sum += n
	}
	if m.shared.lookup.cells.stripes.Load() == nil || kept.used().responses.entries()[0].series.cells.stripes.Load() == nil {
		t.Error("busy series have no stripes")
	}
	if sum != workers*rounds {
		t.Errorf("counted %d exchanges, want %d", sum, workers*rounds)
	}
}

func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool allocate")
	}
	m := newMetrics(t, "serve-host-metrics", "serve-host-counter", "serve-route-metrics", "serve-route-counter",
		"backend-host-metrics", "backend-zone-metrics", "combined-response-metrics", "proxy-request-metrics", "enable-connection-metrics")
	r, h, f, c := m.Route("r"), m.Host("10.0.0.1:8080", "a"), m.Filter("setPath"), m.Counter("incoming.HTTP/1.1")
	host := string([]byte("www.example.org"))
	if n := testing.AllocsPerRun(1000, func() {
		c.Inc()
		m.ObserveLookup(300)
		f.ObserveRequest(1)
		f.ObserveResponse(1)
		r.ObserveFilters(1, 1)
		h.ObserveHeader(300)
		r.ObserveBackend(h, 503, 1)
		r.ObserveResponse(503, "POST", 1)
		r.BackendError()
		r.StreamError()
		m.ObserveResponseSize(host, 10)
		m.ObserveServe(r, host, "POST", 503, 1)
		m.ObserveProxy(1, 1)
		m.Rejected(message.ReasonBackendTimeout)
		m.ConnMoved(ClientSide, ConnIdle, ConnActive)
	}); n != 0 {
		t.Errorf("one exchange costs %v allocations", n)
	}
}

// A route that is loaded and not used costs less than 100 bytes.
func TestUnusedRoutesAreCheap(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector changes what memory costs")
	}
	const n = 100_000
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("route", i)
	}
	m := newMetrics(t)
	before := heap()
	for _, id := range ids {
		m.Route(id)
	}
	if each := float64(heap()-before) / n; each > 100 {
		t.Errorf("an unused route costs %.1f bytes", each)
	}
	m.Route(ids[0]).Drop()
}

func TestBuckets(t *testing.T) {
	f := &family{}
	f.setBuckets([]float64{1, 2, 3, 1000, 1 << 40}, 1)
	for v, want := range map[int64]int{0: 0, 1: 0, 2: 1, 3: 2, 4: 3, 999: 3, 1000: 3, 1001: 4, 1 << 40: 4, 1<<40 + 1: 5, 1<<63 - 1: 5} {
		if got := f.bucket(v); got != want {
			t.Errorf("bucket(%d) = %d, want %d", v, got, want)
		}
	}
	s := &series{family: f, cells: newCells(len(f.bounds) + 2)}
	s.observe(-5) // a clock that went backwards
	if s.count() != 1 || s.cells.value(sumCell) != 0 {
		t.Errorf("a negative value gives count %d and sum %d", s.count(), s.cells.value(sumCell))
	}
}
