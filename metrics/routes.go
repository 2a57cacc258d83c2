package metrics

import (
	"sync"
	"time"
)

// maxInvalid bounds how many invalid routes are shown.
const maxInvalid = 10_000

// invalidRoute is one route that is left out.
type invalidRoute struct{ id, reason string }

type invalidRoutes struct {
	mu  sync.Mutex
	all map[invalidRoute]struct{}
}

// InvalidRoute says whether the route called id is left out for reason, one of
// the names of spec 1.11.
func (m *Metrics) InvalidRoute(id, reason string, set bool) {
	if m == nil {
		return
	}
	key := invalidRoute{nameLabel(id), nameLabel(reason)}
	m.invalid.mu.Lock()
	defer m.invalid.mu.Unlock()
	switch {
	case !set:
		delete(m.invalid.all, key)
	case len(m.invalid.all) < maxInvalid:
		m.invalid.all[key] = struct{}{}
	}
}

func (i *invalidRoutes) list() []invalidRoute {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := make([]invalidRoute, 0, len(i.all))
	for key := range i.all {
		list = append(list, key)
	}
	return list
}

// RoutesUpdated reports that a set of routes came into force at the given
// time: how many routes it has, how many were left out, and how long it took
// from reading the sources.
func (m *Metrics) RoutesUpdated(valid, invalid int, at time.Time, took time.Duration) {
	if m == nil {
		return
	}
	m.Gauge("routes.total").Set(float64(valid))
	m.Gauge("routes.updated_timestamp").Set(float64(at.Unix()))
	m.Timer("routes.update_latency").Observe(took)
	m.shared.routesValid.set(valid)
	m.shared.routesInvalid.set(invalid)
}
