package control

import (
	"time"

	"fairlead.dev/fairlead/route"
)

// maxDraining bounds the routes that wait to be closed, and so the memory that
// changing all routes takes twice.
const maxDraining = 16 << 10

// drain holds routes that left the table until requests that found them before
// are done.
type drain struct {
	grace time.Duration
	queue []leaving // oldest first
}

type leaving struct {
	route *route.Route
	at    time.Time
}

// add takes a route that left the table now. It returns those that there is no
// room for any more.
func (d *drain) add(now time.Time, routes []*route.Route) (over []*route.Route) {
	for _, r := range routes {
		d.queue = append(d.queue, leaving{r, now})
	}
	return d.take(len(d.queue) - maxDraining)
}

// due removes and returns the routes whose time is over.
func (d *drain) due(now time.Time) []*route.Route {
	n := 0
	for n < len(d.queue) && now.Sub(d.queue[n].at) >= d.grace {
		n++
	}
	return d.take(n)
}

// all removes and returns every route.
func (d *drain) all() []*route.Route { return d.take(len(d.queue)) }

func (d *drain) take(n int) []*route.Route {
	if n <= 0 {
		return nil
	}
	out := make([]*route.Route, n)
	for i := range out {
		out[i] = d.queue[i].route
	}
	d.queue = append([]leaving(nil), d.queue[n:]...)
	return out
}

// next returns how long it takes until a route is due; ok is false when none
// waits.
func (d *drain) next(now time.Time) (wait time.Duration, ok bool) {
	if len(d.queue) == 0 {
		return 0, false
	}
	return max(d.grace-now.Sub(d.queue[0].at), 0), true
}
