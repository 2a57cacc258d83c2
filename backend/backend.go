// Package backend is the contract between forwarding, load balancing and the
// state of endpoints.
//
// Start reading at Endpoint, then Algorithm.
package backend

import (
	"math"
	"sync/atomic"

	"fairlead.dev/fairlead/kit/registry"
	"fairlead.dev/fairlead/message"
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
	// down is set while health checks say that the endpoint must not be used.
	down atomic.Bool
	// weight is what Weight returns, see there.
	weight atomic.Uint64
	// transport is what the forwarding step keeps for the endpoint.
	transport atomic.Pointer[Transport]
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

// Down reports whether the endpoint must not be used.
func (e *Endpoint) Down() bool { return e.down.Load() }

// SetDown says whether the endpoint may be used.
func (e *Endpoint) SetDown(down bool) { e.down.Store(down) }

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

// Algorithm chooses among the endpoints of one route. Pick is called many
// times at once.
type Algorithm interface {
	// Pick returns the endpoint for the request, or nil when all were tried. It
	// avoids endpoints for which p.Usable is false; where health checks leave
	// none it picks among those that were not tried, for a backend that is
	// perhaps down is better than none. It does not count the request: whoever
	// sends it calls Endpoint.Begin.
	Pick(p *Pick) *Endpoint
}

// Pick is the question to an Algorithm.
type Pick struct {
	Request *message.Request
	// Key of consistent hashing; "" means the client's address: Request.Source
	// where it is known, Request.ClientIP otherwise.
	Key string
	// Balance bounds the load of consistent hashing: no endpoint gets more than
	// Balance times the average, rounded up. Less than 1 counts as 1, 0 means no
	// bound.
	Balance float64
	// Tried are the endpoints that already failed for this request, or were refused
	// by its guards.
	Tried []*Endpoint
}

// Usable reports whether e should be picked: it is not down and was not tried.
func (p *Pick) Usable(e *Endpoint) bool { return !e.Down() && !p.WasTried(e) }

// WasTried reports whether e already failed for this request.
func (p *Pick) WasTried(e *Endpoint) bool {
	for _, t := range p.Tried {
		if t == e {
			return true
		}
	}
	return false
}

// AlgorithmDef declares one load balancing algorithm.
type AlgorithmDef struct {
	Name string
	// Doc is one line, lower case, without a full stop.
	Doc string
	// New makes the instance of one route. endpoints is not empty and must not
	// be changed.
	New func(endpoints []*Endpoint) Algorithm
}

var algorithms registry.Registry[AlgorithmDef]

// DefineAlgorithm declares an algorithm. It panics when the name is taken.
func DefineAlgorithm(d AlgorithmDef) *AlgorithmDef {
	algorithms.Define("algorithm", &d, d.Name)
	return &d
}

// LookupAlgorithm returns the declaration of the algorithm, or nil.
func LookupAlgorithm(name string) *AlgorithmDef { return algorithms.Lookup(name) }

// Algorithms returns every declaration, sorted by name.
func Algorithms() []*AlgorithmDef { return algorithms.All() }
