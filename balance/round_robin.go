package balance

import (
	"math/rand/v2"
	"sync/atomic"

	"fairlead.dev/fairlead/backend"
)

var _ = backend.DefineAlgorithm(backend.AlgorithmDef{
	Name: "roundRobin",
	Doc:  "one endpoint after the other, from a random one on",
	New: func(endpoints []*backend.Endpoint) backend.Algorithm {
		r := &roundRobin{endpoints: endpoints}
		r.next.Store(rand.Uint64N(uint64(len(endpoints))))
		return r
	},
})

type roundRobin struct {
	endpoints []*backend.Endpoint
	next      atomic.Uint64
	// detour counts the picks that found their endpoint not usable.
	detour atomic.Uint64
}

// Pick implements backend.Algorithm.
func (r *roundRobin) Pick(p *backend.Pick) *backend.Endpoint {
	e := r.endpoints[r.next.Add(1)%uint64(len(r.endpoints))]
	if p.Usable(e) {
		return e
	}
	return nth(r.endpoints, p, r.detour.Add(1))
}
