package metrics

import "fairlead.dev/fairlead/filter"

// ForFilters returns the custom metrics as filters see them.
func (m *Metrics) ForFilters() filter.Metrics { return forFilters{m} }

type forFilters struct{ m *Metrics }

func (f forFilters) Counter(key string) filter.Counter { return f.m.Counter(key) }
func (f forFilters) Gauge(key string) filter.Gauge     { return f.m.Gauge(key) }
func (f forFilters) Timer(key string) filter.Timer     { return f.m.Timer(key) }
