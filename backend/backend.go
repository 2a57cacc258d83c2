// Package backend is the contract between forwarding, load balancing and the
// state of endpoints.
//
// Start reading at Endpoint, then Algorithm.
package backend

import (
	"math"
	"sync/atomic"
	"time"
)

// Endpoint is one address that requests can be sent to. All routes that name
// the same scheme, authority and zone share one Endpoint (Set), so its counters
// tell the whole load.
type Endpoint struct {
	Scheme string // http, https, h2c, fastcgi
	// Address is host:port, the port always present.
	Address string
	// Authority is what the Host field says by default: the address as
	// configured, without a port that was not written.
	Authority string
	Zone      string

	inflight atomic.Int64
	// trouble is 0 while health checks have nothing against the endpoint: isDown, or
	// how many of the requests avoid it.
	trouble atomic.Uint64
	// created is when the endpoint began, in nanoseconds since 1970.
	created atomic.Int64
	checks  checks
	// weight is what Weight returns, see there.
	weight atomic.Uint64
	// transport is what the forwarding step keeps for the endpoint.
	transport atomic.Pointer[Transport]
	// health is what the health checks keep for it.
	health atomic.Pointer[Health]
}

// Transport is what the forwarding step keeps for an endpoint: its
// connections. Close is called when no route names the endpoint any more.
type Transport interface{ Close() error }

// Transport returns what SetTransport stored, or nil.
func (e *Endpoint) Transport() Transport {
	if t := e.transport.Load(); t != nil {
		return *t
	}
	return nil
}

// SetTransport stores t unless there is one already, and returns the one that
// is stored.
func (e *Endpoint) SetTransport(t Transport) Transport {
	if e.transport.CompareAndSwap(nil, &t) {
		return t
	}
	return *e.transport.Load()
}

// Begin counts a request on its way to e.
func (e *Endpoint) Begin() { e.inflight.Add(1) }

// End takes back what Begin counted.
func (e *Endpoint) End() { e.inflight.Add(-1) }

// Inflight returns the number of requests on their way.
func (e *Endpoint) Inflight() int64 { return e.inflight.Load() }

// isDown is the bit of Endpoint.trouble that says that it must not be used. The
// others are a float64 without its sign: the probability of being avoided.
const isDown = 1 << 63

func dropOf(trouble uint64) float64 { return math.Float64frombits(trouble &^ isDown) }

// Down reports whether the endpoint must not be used.
func (e *Endpoint) Down() bool { return e.trouble.Load()&isDown != 0 }

// SetDown says whether the endpoint may be used.
func (e *Endpoint) SetDown(down bool) {
	if down {
		e.trouble.Or(isDown)
	} else {
		e.trouble.And(^uint64(isDown))
	}
}

// Drop returns the probability with which a request avoids e.
func (e *Endpoint) Drop() float64 { return dropOf(e.trouble.Load()) }

// SetDrop has requests avoid e with probability p, from 0 to 1.
func (e *Endpoint) SetDrop(p float64) {
	if !(p > 0) { // nor what is no number
		p = 0
	}
	for {
		old := e.trouble.Load()
		if e.trouble.CompareAndSwap(old, old&isDown|math.Float64bits(min(p, 1))) {
			return
		}
	}
}

// Created returns when the endpoint began: when the first route named it, or later if
// SetCreated said so.
func (e *Endpoint) Created() time.Time { return time.Unix(0, e.created.Load()) }

// SetCreated says that the endpoint began at t, unless it is known to have begun
// later.
func (e *Endpoint) SetCreated(t time.Time) {
	for {
		old := e.created.Load()
		if t.UnixNano() <= old || e.created.CompareAndSwap(old, t.UnixNano()) {
			return
		}
	}
}

// one is what the zero Endpoint weighs, in the form in which weights are kept.
var one = math.Float64bits(1)

// The bounds of a weight.
const (
	minWeight = 0.001
	maxWeight = 1000
)

// Weight returns how much of the load e takes compared with others: 1 unless
// health checks say something else, never 0.
func (e *Endpoint) Weight() float64 { return math.Float64frombits(e.weight.Load() ^ one) }

// SetWeight sets the weight of e. It is kept between 0.001 and 1000: whoever
// wants to send nothing calls SetDown. What is no number counts as 1.
func (e *Endpoint) SetWeight(w float64) {
	if math.IsNaN(w) {
		w = 1
	}
	e.weight.Store(math.Float64bits(min(max(w, minWeight), maxWeight)) ^ one)
}
