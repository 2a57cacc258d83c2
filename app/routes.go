package app

import (
	"slices"
	"time"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
)

// routesPage shows the control loop's status on the support listener.
type routesPage struct{ loop *control.Loop }

// Valid returns the definitions of the routes in force.
func (p routesPage) Valid() ([]*eskip.Route, time.Time) {
	st := p.loop.Status()
	return slices.Collect(st.Definitions()), st.Updated
}

// Invalid returns the definitions that do not serve.
func (p routesPage) Invalid() []source.Problem {
	var all []source.Problem
	for _, i := range p.loop.Status().Invalid {
		all = append(all, i.Problem)
	}
	return all
}

// routeWatch turns the control loop's status into metrics.
type routeWatch struct {
	metrics *metrics.Metrics
	invalid map[[2]string]bool // route id and reason, as of the last status
	last    time.Time
	next    func(*control.Status) // told, too; may be nil
}

// observe is called by one goroutine at a time.
func (w *routeWatch) observe(st *control.Status) {
	now := map[[2]string]bool{}
	for _, i := range st.Invalid {
		key := [2]string{i.RouteID, i.Reason}
		now[key] = true
		if !w.invalid[key] {
			w.metrics.InvalidRoute(i.RouteID, i.Reason, true)
		}
	}
	for key := range w.invalid {
		if !now[key] {
			w.metrics.InvalidRoute(key[0], key[1], false)
		}
	}
	w.invalid = now
	if w.next != nil {
		defer w.next(st)
	}
	if !st.Updated.Equal(w.last) {
		w.last = st.Updated
		w.metrics.RoutesUpdated(st.Len(), len(st.Invalid), st.Updated, time.Since(st.Updated))
	}
}

// created measures how old the objects are that routes are made from, if the
// options ask for it.
func created(options *option.Set, m *metrics.Metrics) func(origin string, age time.Duration) {
	if !control.Options.From(options).Created {
		return nil
	}
	return func(origin string, age time.Duration) { m.Timer("routeCreationTime." + origin).Observe(age) }
}
