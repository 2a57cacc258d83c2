package metrics

import (
	"sync/atomic"
	"time"
)

// unknownRoute is the route label of requests that no route matches.
const unknownRoute = "_unknownroute_"

// Route is the handle of one route. Get it with Metrics.Route when the route is
// compiled; Drop it when the route is no longer in force.
type Route struct {
	metrics *Metrics
	id      string
	refs    int32
	series  atomic.Pointer[routeSeries]
}

// routeSeries is what a route needs once it is used.
type routeSeries struct {
	responses           codeTable
	backend             lazy
	request, response   lazy // all filters together
	served, servedCount codeTable
	backendErrors       lazy
	streamErrors        lazy

	// memory holds what nearly every request of the route observes, side by
	// side, so that Touch can fetch all of it at once.
	memory [memories]inlined
}

// The places in routeSeries.memory.
const (
	ofResponse = iota
	ofBackend
	ofRequestFilters
	ofResponseFilters
	memories
)

// Touch fetches what observing a request of the route will need into the
// processor's cache. With very many routes each is cold: the waits for memory
// then overlap instead of following each other.
func (r *Route) Touch() {
	if r == nil {
		return
	}
	s := r.series.Load()
	if s == nil {
		return
	}
	for i := range s.memory {
		_ = s.memory[i].words[sumCell].Load()
		_ = s.memory[i].words[inlineCells/2].Load()
	}
}

func (r *Route) users() *int32 { return &r.refs }

// used returns the series of r, made at first use.
func (r *Route) used() *routeSeries {
	if s := r.series.Load(); s != nil {
		return s
	}
	r.series.CompareAndSwap(nil, new(routeSeries))
	return r.series.Load()
}

// Route returns the handle of the route called id; equal ids share one. m
// keeps id.
func (m *Metrics) Route(id string) *Route {
	if m == nil {
		return nil
	}
	r, _ := m.routes.acquire(id, func() *Route { return &Route{metrics: m, id: id} })
	return r
}

// UnknownRoute returns the handle for requests that no route matches. It needs
// no Drop.
func (m *Metrics) UnknownRoute() *Route {
	if m == nil {
		return nil
	}
	return m.unknown
}

// Close is Drop, for those who close what they are given.
func (r *Route) Close() error {
	r.Drop()
	return nil
}

// Drop gives the handle back, once for each call of Metrics.Route. The last
// one removes what was counted. Requests that are still on their way may go on
// using it.
func (r *Route) Drop() {
	if r != nil && r != r.metrics.unknown {
		r.metrics.routes.release(r.id, r)
	}
}

// ObserveResponse reports that sending the response to the client took d.
func (r *Route) ObserveResponse(status int, method string, d time.Duration) {
	if r == nil {
		return
	}
	m := r.metrics
	if !m.on.RouteResponse && !m.on.CombinedResponse {
		return
	}
	c := codeOf(status, method)
	if m.on.CombinedResponse {
		m.combined.get(m.families.response, c).observe(int64(d))
	}
	if m.on.RouteResponse {
		s := r.used()
		s.responses.getIn(m.families.response, c, &s.memory[ofResponse]).observe(int64(d))
	}
}

// ObserveFilters reports how long all filters of the route took in the two
// phases. A negative duration means that the phase did not run.
func (r *Route) ObserveFilters(request, response time.Duration) {
	if r == nil {
		return
	}
	m := r.metrics
	if request >= 0 {
		m.shared.filtersRequest.observe(int64(request))
		if m.on.AllFilters {
			s := r.used()
			s.request.getIn(m.families.filtersRequest, &s.memory[ofRequestFilters]).observe(int64(request))
		}
	}
	if response >= 0 {
		m.shared.filtersResponse.observe(int64(response))
		if m.on.AllFilters {
			s := r.used()
			s.response.getIn(m.families.filtersResponse, &s.memory[ofResponseFilters]).observe(int64(response))
		}
	}
}

// ObserveBackend reports that the backend h answered with status after d. h may
// be nil.
func (r *Route) ObserveBackend(h *Host, status int, d time.Duration) {
	if r == nil {
		return
	}
	m := r.metrics
	m.shared.backend.observe(int64(d))
	if status >= 500 {
		m.shared.backend5xx.observe(int64(d))
	}
	if m.on.RouteBackend {
		s := r.used()
		s.backend.getIn(m.families.backend, &s.memory[ofBackend]).observe(int64(d))
	}
	if h != nil {
		h.observe(m, d)
	}
}

// BackendError counts a request of the route that no backend answered.
func (r *Route) BackendError() {
	if r != nil && r.metrics.on.RouteBackendErrors {
		r.used().backendErrors.get(r.metrics.families.backendError).add(1)
	}
}

// StreamError counts a response of the route that broke off while it was sent.
func (r *Route) StreamError() {
	if r != nil && r.metrics.on.RouteStreamErrors {
		r.used().streamErrors.get(r.metrics.families.streamError).add(1)
	}
}
