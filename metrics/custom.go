package metrics

import (
	"math"
	"time"
)

// maxKeys bounds how many custom keys of a kind there are; route files choose
// some of them.
const maxKeys = 10_000

// Counter is a counter with a key of its own: custom_total{key}. Get it once
// with Metrics.Counter.
type Counter struct {
	key    string
	series *series
}

// Counter returns the counter of key. Above 10,000 keys all share "_other_".
func (m *Metrics) Counter(key string) *Counter {
	if m == nil {
		return nil
	}
	return named(m.counters, key, func(name string) *Counter {
		return &Counter{key: name, series: m.families.customTotal.newSeries()}
	})
}

// Add adds n.
func (c *Counter) Add(n uint64) {
	if c != nil {
		c.series.add(n)
	}
}

// Inc adds 1.
func (c *Counter) Inc() { c.Add(1) }

// Timer is a histogram of durations with a key of its own:
// custom_duration_seconds{key}. Get it once with Metrics.Timer.
type Timer struct {
	key    string
	series *series
}

// Timer returns the timer of key. Above 10,000 keys all share "_other_".
func (m *Metrics) Timer(key string) *Timer {
	if m == nil {
		return nil
	}
	return named(m.timers, key, func(name string) *Timer {
		return &Timer{key: name, series: m.families.customDuration.newSeries()}
	})
}

// Observe reports a duration.
func (t *Timer) Observe(d time.Duration) {
	if t != nil {
		t.series.observe(int64(d))
	}
}

// Gauge is a number that goes up and down, with a key of its own:
// custom_gauges{key}. Get it once with Metrics.Gauge.
type Gauge struct {
	key    string
	series *series
}

// Gauge returns the gauge of key. Above 10,000 keys all share "_other_".
func (m *Metrics) Gauge(key string) *Gauge {
	if m == nil {
		return nil
	}
	return named(m.gauges, key, func(name string) *Gauge {
		return &Gauge{key: name, series: m.families.customGauge.newSeries()}
	})
}

// Set makes v the value.
func (g *Gauge) Set(v float64) {
	if g != nil {
		g.series.cells.words[0].Store(math.Float64bits(v))
	}
}

// Add adds v, which may be negative.
func (g *Gauge) Add(v float64) {
	if g == nil {
		return
	}
	for {
		old := g.series.cells.words[0].Load()
		if g.series.cells.words[0].CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// Filter is the handle of one filter name. Get it once with Metrics.Filter.
type Filter struct {
	metrics                   *Metrics
	name                      string
	create, request, response lazy
}

// Filter returns the handle of the filter called name.
func (m *Metrics) Filter(name string) *Filter {
	if m == nil {
		return nil
	}
	return named(m.filters, name, func(name string) *Filter { return &Filter{metrics: m, name: name} })
}

// ObserveCreate reports how long making an instance took.
func (f *Filter) ObserveCreate(d time.Duration) {
	if f != nil {
		f.create.get(f.metrics.families.filterCreate).observe(int64(d))
	}
}

// ObserveRequest reports how long the filter took for a request.
func (f *Filter) ObserveRequest(d time.Duration) {
	if f != nil && f.metrics.on.FilterMetrics {
		f.request.get(f.metrics.families.filterRequest).observe(int64(d))
	}
}

// ObserveResponse reports how long the filter took for a response.
func (f *Filter) ObserveResponse(d time.Duration) {
	if f != nil && f.metrics.on.FilterMetrics {
		f.response.get(f.metrics.families.filterResponse).observe(int64(d))
	}
}

// named returns the value of key in t. When t is full all further keys share
// the value of otherLabel.
func named[T any](t *table[T], key string, create func(name string) *T) *T {
	if v := t.get(key); v != nil {
		return v
	}
	name := nameLabel(key)
	if v := t.get(name); v != nil {
		return v
	}
	if name != otherLabel {
		if v := t.add(name, func() *T { return create(name) }); v != nil {
			return v
		}
	}
	return t.spare(func() *T { return create(otherLabel) })
}
