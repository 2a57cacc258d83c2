package route

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/predicate"
)

// Route is a compiled definition. It is immutable and serves many requests at
// the same time.
type Route struct {
	// What a request needs comes first: with very many routes each is cold in
	// the processor's cache.

	// ID is the id of the definition.
	ID string
	// Attachment is what Compiler.Attach returned, such as metric handles. An
	// io.Closer is closed with the route.
	Attachment any
	// Request are the filters that have something to do before the request is
	// forwarded, in order.
	Request []Step
	// Backend says where the request goes.
	Backend Backend
	// Response are the filters that have something to do with the response, in
	// the order in which they run: the last of the route first.
	Response []Step
	// Filters are all filters in order, the default ones included.
	Filters []Step
	// ErrorResponse are those of Response that also run for responses that
	// Fairlead makes itself because forwarding failed (spec 1.12).
	ErrorResponse []Step

	// End are the filters that are told when an exchange has ended, the last of
	// the route first.
	End []Step

	// Definition is what the route was compiled from, without default filters.
	Definition *eskip.Route
	// Predicates in the order of the definition.
	Predicates []predicate.Predicate

	endpoints *backend.Set
	chain     *chain // that of Filters, when it is shared
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
	// Attachment is what Compiler.AttachStep returned.
	Attachment any
}

// Backend is where a route sends its requests.
type Backend struct {
	one [1]*backend.Endpoint // memory of Endpoints when there is one
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
	if r.chain != nil {
		r.chain.release()
	} else {
		errs = r.closeFilters()
	}
	if c, ok := r.Attachment.(io.Closer); ok {
		if err := c.Close(); err != nil {
			errs = append(errs, fmt.Errorf("route %q: %w", r.ID, err))
		}
	}
	if err := protect(func() { r.advise(backend.Adviser.Withdraw) }); err != nil {
		errs = append(errs, fmt.Errorf("route %q: %w", r.ID, err))
	}
	for _, e := range r.Backend.Endpoints {
		if err := r.endpoints.Release(e); err != nil {
			errs = append(errs, fmt.Errorf("route %q: %w", r.ID, err))
		}
	}
	return errors.Join(errs...)
}

// advise has filters that know something about the endpoints of the route say it, or
// take it back.
func (r *Route) advise(say func(backend.Adviser, *backend.Endpoint)) {
	for _, s := range r.Filters {
		if a, ok := s.Filter.(backend.Adviser); ok {
			for _, e := range r.Backend.Endpoints {
				say(a, e)
			}
		}
	}
}

func (r *Route) closeFilters() (errs []error) {
	for _, s := range r.Filters {
		if c, ok := s.Filter.(filter.Closer); ok {
			if err := closeFilter(c); err != nil {
				errs = append(errs, fmt.Errorf("route %q: close filter %s: %w", r.ID, s.Name, err))
			}
		}
	}
	return errs
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

// arrange fills the phases from Filters.
func (r *Route) arrange() {
	for i := range r.Filters {
		r.Filters[i].Index = i
	}
	r.Request = pick(r.Filters, false, func(f filter.Filter) bool { return phases(f)&filter.InRequest != 0 })
	r.Response = pick(r.Filters, true, func(f filter.Filter) bool { return phases(f)&filter.InResponse != 0 })
	r.ErrorResponse = pick(r.Response, false, handlesErrors)
	r.End = pick(r.Filters, true, func(f filter.Filter) bool { _, ok := f.(filter.Ender); return ok })
}

// pick returns the steps whose filters are wanted, last first if reverse. It
// shares the memory of all where the result stands in it as it is: there may be
// very many routes.
func pick(all []Step, reverse bool, wanted func(filter.Filter) bool) []Step {
	first, last, n := 0, -1, 0
	for i := range all {
		if wanted(all[i].Filter) {
			if n == 0 {
				first = i
			}
			last = i
			n++
		}
	}
	if n == last-first+1 && (n < 2 || !reverse) {
		return all[first : last+1 : last+1]
	}
	out := make([]Step, 0, n)
	for i := first; i <= last; i++ {
		if wanted(all[i].Filter) {
			out = append(out, all[i])
		}
	}
	if reverse {
		slices.Reverse(out)
	}
	return out
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
