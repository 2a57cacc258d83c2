package route

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/predicate"
)

// Route is a compiled definition. It is immutable and serves many requests at
// the same time.
type Route struct {
	// ID is the id of the definition.
	ID string
	// Definition is what the route was compiled from, without default filters.
	Definition *eskip.Route

	// Predicates in the order of the definition.
	Predicates []predicate.Predicate
	// Filters are all filters in order, the default ones included.
	Filters []Step
	// Request are the filters that have something to do before the request is
	// forwarded, in order.
	Request []Step
	// Response are the filters that have something to do with the response, in
	// the order in which they run: the last of the route first.
	Response []Step
	// ErrorResponse are those of Response that also run for responses that
	// Fairlead makes itself because forwarding failed (spec 1.12).
	ErrorResponse []Step

	Backend Backend

	// Attachment is what Compiler.Attach returned, such as metric handles. An
	// io.Closer is closed with the route.
	Attachment any

	endpoints *backend.Set
	closed    atomic.Bool
}

// Step is one filter of a route.
type Step struct {
	// Name as written in the route.
	Name   string
	Filter filter.Filter
	// Index is the place in Route.Filters: when a filter answers the request,
	// only filters up to it see the response.
	Index int
}

// Backend is where a route sends its requests.
type Backend struct {
	// Type is Network for a <forward> backend, too: compiling resolves it.
	Type eskip.BackendType
	// Endpoints is one for Network, at least one for LB, none otherwise.
	Endpoints []*backend.Endpoint
	// Algorithm chooses among Endpoints; nil unless Type is LB.
	Algorithm backend.Algorithm
}

// Close closes the filters that hold resources and releases the endpoints. It
// does so once: further calls do nothing. Nobody may be running filters of the
// route any more; requests that still wait for an endpoint may go on.
func (r *Route) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	var errs []error
	for _, s := range r.Filters {
		if c, ok := s.Filter.(filter.Closer); ok {
			if err := closeFilter(c); err != nil {
				errs = append(errs, fmt.Errorf("route %q: close filter %s: %w", r.ID, s.Name, err))
			}
		}
	}
	if c, ok := r.Attachment.(io.Closer); ok {
		if err := c.Close(); err != nil {
			errs = append(errs, fmt.Errorf("route %q: %w", r.ID, err))
		}
	}
	for _, e := range r.Backend.Endpoints {
		if err := r.endpoints.Release(e); err != nil {
			errs = append(errs, fmt.Errorf("route %q: %w", r.ID, err))
		}
	}
	return errors.Join(errs...)
}

// closeFilter keeps a panicking filter from harming the caller.
func closeFilter(c filter.Closer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
	}()
	return c.Close()
}

// arrange fills the phases from Filters. Phases that need no list of their own
// share one.
func (r *Route) arrange() {
	var request, response, failed int
	for i, s := range r.Filters {
		r.Filters[i].Index = i
		p := phases(s.Filter)
		if p&filter.InRequest != 0 {
			request++
		}
		if p&filter.InResponse != 0 {
			response++
			if handlesErrors(s.Filter) {
				failed++
			}
		}
	}
	if request == len(r.Filters) {
		r.Request = r.Filters
	} else if request > 0 {
		r.Request = make([]Step, 0, request)
	}
	if response > 0 {
		r.Response = make([]Step, 0, response)
	}
	if failed > 0 {
		r.ErrorResponse = make([]Step, 0, failed)
	}
	for i := range r.Filters {
		if s := r.Filters[i]; phases(s.Filter)&filter.InRequest != 0 && request < len(r.Filters) {
			r.Request = append(r.Request, s)
		}
		s := r.Filters[len(r.Filters)-1-i]
		if phases(s.Filter)&filter.InResponse == 0 {
			continue
		}
		r.Response = append(r.Response, s)
		if handlesErrors(s.Filter) {
			r.ErrorResponse = append(r.ErrorResponse, s)
		}
	}
}

func phases(f filter.Filter) filter.Phase {
	if h, ok := f.(filter.Hints); ok {
		return h.Phases()
	}
	return filter.InRequest | filter.InResponse
}

func handlesErrors(f filter.Filter) bool {
	h, ok := f.(filter.ErrorHandler)
	return ok && h.HandlesErrors()
}
