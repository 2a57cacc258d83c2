package metrics

import "sync"

// maxEndpoints bounds how many endpoints are shown.
const maxEndpoints = 10_000

// endpoints are those of which health checks know something.
type endpoints struct {
	mu      sync.Mutex
	healthy map[string]bool
}

// EndpointHealthy says whether the endpoint at address (scheme://host:port) is well.
func (m *Metrics) EndpointHealthy(address string, healthy bool) {
	if m == nil {
		return
	}
	e := &m.endpoints
	label := nameLabel(address)
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known := e.healthy[label]; !known && len(e.healthy) >= maxEndpoints {
		return
	}
	e.healthy[label] = healthy
}

// EndpointGone says that nothing is known of the endpoint any more.
func (m *Metrics) EndpointGone(address string) {
	if m == nil {
		return
	}
	m.endpoints.mu.Lock()
	defer m.endpoints.mu.Unlock()
	delete(m.endpoints.healthy, nameLabel(address))
}

// each calls do with all of them.
func (e *endpoints) each(do func(address string, healthy bool)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for address, healthy := range e.healthy {
		do(address, healthy)
	}
}
