package metrics

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

var update = flag.Bool("update", false, "write the expected texts")

// newMetrics returns metrics with the given flags ("serve-host-metrics",
// "metrics-prefix=x") and without runtime metrics.
func newMetrics(t testing.TB, flags ...string) *Metrics {
	t.Helper()
	m, err := tryMetrics(t, nil, flags...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func tryMetrics(t testing.TB, log *bytes.Buffer, flags ...string) (*Metrics, error) {
	t.Helper()
	args := []string{"-runtime-metrics=false"}
	for _, f := range flags {
		args = append(args, "-"+f)
	}
	set := option.NewSet()
	if rest, _, err := set.ApplyFlags(args); err != nil || len(rest) > 0 {
		t.Fatalf("flags %q: %v, left over %q", args, err, rest)
	}
	if log == nil {
		return New(set, nil)
	}
	return New(set, slog.New(slog.NewTextHandler(log, nil)))
}

// scrape returns the metrics page.
func scrape(t testing.TB, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("metrics page: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// has checks that the page has exactly this line.
func has(t *testing.T, page, line string) {
	t.Helper()
	if !strings.Contains("\n"+page, "\n"+line+"\n") {
		name, _, _ := strings.Cut(line, " ")
		t.Errorf("no line %q; like it:\n%s", line, like(page, name))
	}
}

// hasNot checks that no line of the page contains text.
func hasNot(t *testing.T, page, text string) {
	t.Helper()
	if strings.Contains(page, text) {
		t.Errorf("%q is there:\n%s", text, like(page, text))
	}
}

func like(page, name string) string {
	name, _, _ = strings.Cut(name, "{")
	var b strings.Builder
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, name) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// exchange reports one request the way the proxy does.
func exchange(m *Metrics, r *Route, h *Host, status int) {
	m.Counter("incoming.HTTP/1.1").Inc()
	m.ObserveLookup(time.Microsecond)
	m.Filter("setPath").ObserveRequest(2 * time.Microsecond)
	m.Filter("setPath").ObserveResponse(3 * time.Microsecond)
	r.ObserveFilters(4*time.Microsecond, 5*time.Microsecond)
	h.ObserveHeader(5000)
	r.ObserveBackend(h, status, 20*time.Millisecond)
	r.ObserveResponse(status, "GET", 30*time.Millisecond)
	m.ObserveResponseSize("www.Example.org:8080", 700)
	m.ObserveServe(r, "www.Example.org:8080", "GET", status, 40*time.Millisecond)
	m.ObserveProxy(50*time.Millisecond, 60*time.Millisecond)
}

// TestPage compares the page with the expected text for several flags. Run it
// with -update to write the texts, then read the difference.
func TestPage(t *testing.T) {
	all := []string{
		"serve-host-metrics", "serve-host-counter", "serve-route-metrics", "serve-route-counter",
		"combined-response-metrics", "backend-host-metrics", "backend-zone-metrics",
		"proxy-request-metrics", "proxy-response-metrics", "enable-connection-metrics",
	}
	for name, flags := range map[string][]string{
		"default":   nil,
		"no-compat": {"disable-metrics-compat"},
		"no-labels": {"disable-metrics-compat", "serve-host-metrics", "serve-route-metrics",
			"serve-method-metric=false", "serve-status-code-metric=false"},
		"all": all,
	} {
		t.Run(name, func(t *testing.T) {
			m := newMetrics(t, append(flags, "histogram-metric-buckets=.025,.1", "metrics-prefix=edge.")...)
			report(m)
			got, file := withoutZeroReasons(scrape(t, m)), filepath.Join("testdata", name+".prom")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("page differs (-want +got):\n%s", diff)
			}
		})
	}
}

// withoutZeroReasons leaves out the reasons that did not occur, so that a new
// reason changes no expected text.
func withoutZeroReasons(text string) string {
	return regexp.MustCompile(`(?m)^fairlead_http_rejected_total.* 0\n`).ReplaceAllString(text, "")
}

// What we write ourselves is what the client library would have written.
func TestPageEqualsLibrary(t *testing.T) {
	m := newMetrics(t, "serve-host-counter", "serve-route-metrics", "backend-host-metrics")
	report(m)
	for _, odd := range []string{`a"b\c`, "a\nb", "\xff", "", "é"} {
		m.Counter(odd).Inc()
		m.Route(odd).BackendError()
	}
	for i, v := range []float64{0, -1, 0.1, 1e-9, 999_999, 1e6, 1.5e6, 1e21, math.Inf(1), math.Inf(-1), math.NaN(), 123456789} {
		m.Gauge(fmt.Sprint("value", i)).Set(v)
	}
	for i := range 5000 {
		m.ObserveServe(m.Route(fmt.Sprint("r", i%40)), fmt.Sprint("host", i%30), "GET", 200+i%7, time.Duration(i*i*1000))
		m.ObserveLookup(time.Duration(i * i * 1000))
	}
	w := httptest.NewRecorder()
	m.Handler().(*page).library.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if diff := cmp.Diff(lines(w.Body.String()), lines(scrape(t, m))); diff != "" {
		t.Errorf("the pages differ (-library +ours):\n%s", diff)
	}
}

// lines returns the lines in an order of their own: the client library sorts
// otherwise. Prometheus wants the lines of a metric together, in any order.
func lines(page string) []string {
	list := strings.Split(page, "\n")
	slices.Sort(list)
	return list
}

// Lines of one metric stand together, TYPE before them.
func TestPageIsGrouped(t *testing.T) {
	m := newMetrics(t, "serve-host-counter")
	report(m)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(scrape(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	if f := families["skipper_serve_host_count"]; f.GetType() != dto.MetricType_COUNTER || len(f.Metric) != 2 {
		t.Errorf("skipper_serve_host_count is %v", f)
	}
}

func TestPageByName(t *testing.T) {
	m := newMetrics(t)
	report(m)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics?name[]=fairlead_ready", nil))
	if want := "# HELP fairlead_ready 1 when requests are served.\n# TYPE fairlead_ready gauge\nfairlead_ready 1\n"; w.Body.String() != want {
		t.Errorf("page is %q, want %q", w.Body, want)
	}
}

// report uses everything once.
func report(m *Metrics) {
	r, h := m.Route("kube_default__app"), m.Host("10.0.0.1:8080", "zone-a")
	exchange(m, r, h, 200)
	exchange(m, r, h, 503)
	r.BackendError()
	r.StreamError()
	m.RouteError()
	m.UnknownRoute().ObserveResponse(404, "GET", time.Millisecond)
	m.Filter("setPath").ObserveCreate(time.Millisecond)
	m.Rejected(message.ReasonNoRoute)
	m.ConnRefused("proxy", "tls-timeout")
	m.ConnEnded("HTTP/2", "ENHANCE_YOUR_CALM")
	m.ObserveHandshake(20 * time.Millisecond)
	m.InvalidRoute("broken", "unknown_filter", true)
	m.InvalidRoute("mended", "unknown_filter", true)
	m.InvalidRoute("mended", "unknown_filter", false)
	m.ConnMoved(ClientSide, ConnClosed, ConnNew)
	m.ConnMoved(ClientSide, ConnNew, ConnActive)
	m.ConnMoved(BackendSide, ConnClosed, ConnActive)
	m.ConnMoved(BackendSide, ConnActive, ConnIdle)
	m.ConnMoved(BackendSide, ConnIdle, ConnClosed)
	m.RoutesUpdated(3, 1, time.Unix(1_700_000_000, 0), 5*time.Millisecond)
	m.Gauge("lifo.app.active").Add(3)
	m.Gauge("lifo.app.active").Add(-1)
	m.CounterFunc("access_log_dropped_total", "Lines of the access log that were lost.", func() uint64 { return 7 })
	m.GaugeFunc("ready", "1 when requests are served.", func() float64 { return 1 })
}

// Names of our own follow the rules of Prometheus; Skipper's names are given.
func TestOwnNamesAreGood(t *testing.T) {
	m := newMetrics(t)
	report(m)
	var own strings.Builder
	for line := range strings.Lines(scrape(t, m)) {
		if regexp.MustCompile(`^(# (HELP|TYPE) )?fairlead_`).MatchString(line) {
			own.WriteString(line)
		}
	}
	if n := strings.Count(own.String(), "# TYPE"); n < 4 {
		t.Fatalf("found %d metrics of our own", n)
	}
	problems, err := promlint.New(strings.NewReader(own.String())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestRuntimeMetrics(t *testing.T) {
	for _, on := range []bool{true, false} {
		flag := map[bool]string{true: "runtime-metrics=true", false: "runtime-metrics=false"}[on]
		text := scrape(t, newMetrics(t, flag))
		for _, name := range []string{"go_goroutines ", "process_open_fds "} {
			if got := strings.Contains(text, "\n"+name); got != on {
				t.Errorf("-%s: %s is there: %v", flag, name, got)
			}
		}
	}
}

func TestBadOptions(t *testing.T) {
	for flag, want := range map[string]string{
		"metrics-prefix=1st.":                `option -metrics-prefix: "1st." cannot start a metric name`,
		"metrics-prefix=a b":                 `option -metrics-prefix: "a b" cannot start a metric name`,
		"histogram-metric-buckets=1,0.5":     "option -histogram-metric-buckets: bucket 2 (0.5) is not above the one before (1): sort the list",
		"histogram-metric-buckets=1,1":       "option -histogram-metric-buckets: bucket 2 (1) is not above",
		"histogram-metric-buckets=-1,1":      "option -histogram-metric-buckets: bucket 1 is -1, expected a number from 1e-09 to ",
		"request-size-buckets=0.5,1":         "option -request-size-buckets: bucket 1 is 0.5",
		"response-size-buckets=5,4":          "option -response-size-buckets: bucket 2 (4) is not above",
		"histogram-metric-buckets=" + many(): "option -histogram-metric-buckets: found 201 buckets, at most 200 are possible",
	} {
		if _, err := tryMetrics(t, nil, flag); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("-%s: error is %v, want %q", flag, err, want)
		}
	}
}

func many() string { return strings.TrimSuffix(strings.Repeat("1,", maxBuckets+1), ",") }

func TestFlavours(t *testing.T) {
	for flag, warned := range map[string]bool{
		"metrics-flavour=prometheus": false, "metrics-flavour=codahale,prometheus": true, "metrics-flavour=otel": true,
	} {
		var log bytes.Buffer
		m, err := tryMetrics(t, &log, flag)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "level=WARN"); got != warned {
			t.Errorf("-%s: warned %v, want %v: %s", flag, got, warned, &log)
		}
		has(t, scrape(t, m), "# TYPE skipper_route_lookup_duration_seconds histogram")
	}
}

// The buckets of the deployment documents, in their spelling.
func TestDocumentedBuckets(t *testing.T) {
	m := newMetrics(t, "histogram-metric-buckets=.0001,.00025,.0005,.00075,.001,.0025,.005,.0075,.01,.025,.05,.075,.1,.2,.3,.4,.5,.75,1,2,3,4,5,7,10,15,20,30,60,120,300,600")
	m.ObserveLookup(100 * time.Microsecond) // on the bound: inside
	m.ObserveLookup(100*time.Microsecond + 1)
	text := scrape(t, m)
	has(t, text, `skipper_route_lookup_duration_seconds_bucket{le="0.0001"} 1`)
	has(t, text, `skipper_route_lookup_duration_seconds_bucket{le="0.00025"} 2`)
	has(t, text, `skipper_route_lookup_duration_seconds_bucket{le="600"} 2`)
}

func TestAcceptsGzip(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "deflate, gzip;q=0.5": true, "*": true, "identity": false,
		"gzip;q=0": false, "gzip; q=0.000": false, "gzip ;q=1": true, "gzipped": false,
	} {
		if got := acceptsGzip([]string{value}); got != want {
			t.Errorf("Accept-Encoding %q allows gzip: %v, want %v", value, got, want)
		}
	}
}

func TestCompressedPage(t *testing.T) {
	m := newMetrics(t)
	report(m)
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil || string(got) != scrape(t, m) {
		t.Errorf("the unpacked page (%d bytes, %v) is not the plain one", len(got), err)
	}
}

// A scraper that reads nothing holds one of few places, not more.
func TestScrapesAreBounded(t *testing.T) {
	p := newMetrics(t).Handler().(*page)
	for range maxScrapes {
		p.scrapes <- struct{}{}
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 503 {
		t.Errorf("scrape %d is answered %d", maxScrapes+1, w.Code)
	}
}

func TestCompression(t *testing.T) {
	for flag, want := range map[string]string{"disable-metrics-compression=false": "gzip", "disable-metrics-compression": ""} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		newMetrics(t, flag).Handler().ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); got != want || w.Code != 200 {
			t.Errorf("-%s: status %d, encoding %q, want %q", flag, w.Code, got, want)
		}
	}
}

// OpenMetrics renames counters, so it must be asked for.
func TestOpenMetrics(t *testing.T) {
	for flag, want := range map[string]string{"enable-open-metrics": "application/openmetrics-text", "enable-open-metrics=false": "text/plain"} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2")
		w := httptest.NewRecorder()
		newMetrics(t, flag).Handler().ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, want) || w.Code != 200 {
			t.Errorf("-%s: status %d, type %q, want %q", flag, w.Code, got, want)
		}
	}
}

// Code under test has no metrics: nothing may panic.
func TestNil(t *testing.T) {
	var m *Metrics
	report(m)
	m.Route("x").Drop()
	m.Host("x", "").Drop()
	m.Timer("x").Observe(1)
	if m.FilterTimes() {
		t.Error("nil metrics want filter times")
	}
	w := httptest.NewRecorder()
	if m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil)); w.Code != 404 {
		t.Errorf("page of nil metrics: %d", w.Code)
	}
}
