package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"fairlead.dev/fairlead/message"
)

// exposition shows a Metrics to a registry.
type exposition struct{ m *Metrics }

// Describe sends the description of every family.
func (e exposition) Describe(out chan<- *prometheus.Desc) {
	for _, f := range e.m.all {
		out <- f.desc
	}
}

// Collect sends every series that is in use.
func (e exposition) Collect(out chan<- prometheus.Metric) {
	e.m.walk(func(s sample) { out <- s })
}

// sink takes samples.
type sink func(sample)

// walk shows every series that is in use.
func (m *Metrics) walk(to sink) {
	m.served.makeRoom()
	m.walkShared(to)
	m.walkRoutes(to)
	m.walkHosts(to)
	m.walkNamed(to)
}

// show sends a series; values are in the order of its family's sorted labels.
func show(to sink, s *series, values ...string) {
	to(sample{series: s, values: values})
}

// showLazy sends a series when it was used.
func showLazy(to sink, l *lazy, values ...string) {
	if s := l.series.Load(); s != nil {
		show(to, s, values...)
	}
}

// showCodes sends the series of t; last is the value of the label that is
// neither code nor method.
func showCodes(to sink, t *codeTable, last string) {
	for _, e := range t.entries() {
		labels := e.series.family.labels
		values := make([]string, len(labels))
		for i, label := range labels {
			switch label {
			case "code":
				values[i] = e.code.status()
			case "method":
				values[i] = e.code.method()
			default:
				values[i] = last
			}
		}
		show(to, e.series, values...)
	}
}

func (m *Metrics) walkShared(to sink) {
	s := &m.shared
	for _, one := range []*series{
		s.lookup, s.routeErrors, s.backend, s.backend5xx, s.filtersRequest, s.filtersResponse, s.proxyTotal,
	} {
		show(to, one)
	}
	if m.on.ProxyRequest {
		show(to, s.proxyRequest)
	}
	if m.on.ProxyResponse {
		show(to, s.proxyResponse)
	}
	showCodes(to, &m.combined, "")
	show(to, s.handshakes)
	m.refusals.each(func(r *refusal) { show(to, r.series, r.listener, r.reason) })
	m.endings.each(func(e *ending) { show(to, e.series, e.code, e.protocol) })
	show(to, s.routesValid, "valid")
	show(to, s.routesInvalid, "invalid")
	for _, r := range message.Reasons() {
		show(to, m.rejected[r], r.Code())
	}
	for side, states := range m.conns.open {
		for state, gauge := range states {
			if gauge != nil {
				show(to, gauge, sideNames[side], stateNames[state])
			}
		}
	}
	m.endpoints.each(func(address string, healthy bool) {
		is := m.families.endpointHealthy.newSeries()
		if healthy {
			is.add(1)
		}
		show(to, is, address)
	})
	for _, r := range m.invalid.list() {
		set := m.families.routeInvalid.newSeries()
		set.add(1)
		show(to, set, r.reason, r.id)
	}
}

func (m *Metrics) walkRoutes(to sink) {
	used := []*Route{m.unknown}
	m.routes.each(func(r *Route) {
		if r.series.Load() != nil {
			used = append(used, r)
		}
	})
	for _, r := range used {
		s := r.series.Load()
		if s == nil {
			continue
		}
		id := nameLabel(r.id)
		showCodes(to, &s.responses, id)
		showCodes(to, &s.served, id)
		showCodes(to, &s.servedCount, id)
		showLazy(to, &s.backend, "", id, "")
		for _, l := range []*lazy{&s.request, &s.response, &s.backendErrors, &s.streamErrors} {
			showLazy(to, l, id)
		}
	}
}

func (m *Metrics) walkHosts(to sink) {
	backends := []*backendHost{&m.restHost}
	m.hosts.each(func(h *backendHost) { backends = append(backends, h) })
	for _, h := range backends {
		showLazy(to, &h.backend, h.label, "", "")
		showLazy(to, &h.header, h.label)
	}
	m.zones.each(func(z *zone) { showLazy(to, &z.backend, "", "", z.name) })
	for _, h := range m.served.list() {
		showCodes(to, &h.served, h.label)
		showCodes(to, &h.servedCount, h.label)
		showLazy(to, &h.size, h.label)
	}
}

func (m *Metrics) walkNamed(to sink) {
	m.counters.each(func(c *Counter) { show(to, c.series, c.key) })
	m.timers.each(func(t *Timer) { show(to, t.series, t.key) })
	m.gauges.each(func(g *Gauge) { show(to, g.series, g.key) })
	m.filters.each(func(f *Filter) {
		for _, l := range []*lazy{&f.create, &f.request, &f.response} {
			showLazy(to, l, f.name)
		}
	})
}
