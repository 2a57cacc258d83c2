package metrics

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Metrics are the metrics of one process. All methods may be called at any
// time from any goroutine, and on nil, when they do nothing.
type Metrics struct {
	on       Values // with the defaults of -disable-metrics-compat applied
	log      *slog.Logger
	registry *prometheus.Registry // what this package counts
	others   *prometheus.Registry // the runtime, and what other packages count
	cpu      *processors
	families families
	all      []*family

	shared   shared
	combined codeTable // responses of all routes
	rejected [256]*series

	routes    handles[*Route]
	unknown   *Route
	hosts     handles[*backendHost]
	restHost  backendHost // hosts above the bound
	zones     *table[zone]
	served    servedHosts
	filters   *table[Filter]
	counters  *table[Counter]
	gauges    *table[Gauge]
	timers    *table[Timer]
	conns     connections
	refusals  *table[refusal]
	endings   *table[ending]
	invalid   invalidRoutes
	endpoints endpoints
}

// shared are the series that belong to no route.
type shared struct {
	lookup, backend, backend5xx             *series
	filtersRequest, filtersResponse         *series
	proxyTotal, proxyRequest, proxyResponse *series
	routeErrors                             *series
	routesValid, routesInvalid              *series
	handshakes                              *series
}

// New returns the metrics that the options ask for. An error says which option
// cannot be used.
func New(set *option.Set, log *slog.Logger) (*Metrics, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	v := Options.From(set).withCompat()
	warnFlavours(v.Flavour, log)
	m := &Metrics{on: v, log: log, registry: prometheus.NewRegistry(), others: prometheus.NewRegistry(), cpu: newProcessors()}
	if err := m.defineFamilies(); err != nil {
		return nil, err
	}
	m.makeShared()
	m.makeTables(max(v.MaxHosts, 1))
	m.registry.MustRegister(exposition{m})
	if v.Runtime {
		m.others.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	return m, nil
}

func (m *Metrics) makeShared() {
	f, s := &m.families, &m.shared
	s.lookup = f.routeLookup.newShared()
	s.backend, s.backend5xx = f.backendCombined.newShared(), f.backend5xx.newShared()
	s.filtersRequest, s.filtersResponse = f.filtersCombinedRequest.newShared(), f.filtersCombinedResponse.newShared()
	s.proxyTotal, s.proxyRequest, s.proxyResponse = f.proxyTotal.newShared(), f.proxyRequest.newShared(), f.proxyResponse.newShared()
	s.routeErrors = f.routeError.newShared()
	s.handshakes = f.handshake.newShared()
	s.routesValid, s.routesInvalid = f.routes.newSeries(), f.routes.newSeries()
	for _, r := range message.Reasons() {
		m.rejected[r] = f.rejected.newSeries()
	}
}

func (m *Metrics) makeTables(maxHosts int) {
	m.routes.make(0)
	m.hosts.make(maxHosts)
	m.restHost.label = otherLabel
	m.served.make(maxHosts)
	m.zones = newTable[zone](maxZones)
	m.unknown = &Route{metrics: m, id: unknownRoute}
	m.filters = newTable[Filter](maxKeys)
	m.counters = newTable[Counter](maxKeys)
	m.gauges = newTable[Gauge](maxKeys)
	m.refusals = newTable[refusal](maxRefusals)
	m.endings = newTable[ending](maxEndings)
	m.timers = newTable[Timer](maxKeys)
	m.invalid.all = map[invalidRoute]struct{}{}
	m.endpoints.healthy = map[string]bool{}
	m.makeConnections()
}

// ObserveLookup reports how long finding a route took.
func (m *Metrics) ObserveLookup(d time.Duration) {
	if m != nil {
		m.shared.lookup.observe(int64(d))
	}
}

// RouteError counts a request that found no route.
func (m *Metrics) RouteError() {
	if m != nil {
		m.shared.routeErrors.add(1)
	}
}

// ObserveProxy reports what the proxy itself took: before the backend request
// and after the backend response.
func (m *Metrics) ObserveProxy(request, response time.Duration) {
	if m == nil {
		return
	}
	m.shared.proxyTotal.observe(int64(request + response))
	if m.on.ProxyRequest {
		m.shared.proxyRequest.observe(int64(request))
	}
	if m.on.ProxyResponse {
		m.shared.proxyResponse.observe(int64(response))
	}
}

// Rejected counts an exchange that Fairlead answered or gave up for r.
func (m *Metrics) Rejected(r message.Reason) {
	if m == nil {
		return
	}
	if s := m.rejected[r]; s != nil {
		s.add(1)
	}
}

// FilterTimes reports whether single filters are to be timed.
func (m *Metrics) FilterTimes() bool { return m != nil && m.on.FilterMetrics }

// CounterFunc shows fn as the counter fairlead_<name>; name ends with _total.
// It panics when the name is taken or no metric name: a mistake of the
// programmer.
func (m *Metrics) CounterFunc(name, help string, fn func() uint64) {
	if m != nil {
		m.others.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: ownNamespace, Name: name, Help: help},
			func() float64 { return float64(fn()) }))
	}
}

// GaugeFunc shows fn as the gauge fairlead_<name>. It panics like CounterFunc.
func (m *Metrics) GaugeFunc(name, help string, fn func() float64) {
	if m != nil {
		m.others.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: ownNamespace, Name: name, Help: help}, fn))
	}
}
