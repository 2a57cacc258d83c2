package balance

import (
	"math/rand/v2"

	"fairlead.dev/fairlead/backend"
)

var _ = backend.DefineAlgorithm(backend.AlgorithmDef{
	Name: "leastRequests",
	Doc:  "the endpoint with the fewest requests on their way, by weight; any of several",
	New: func(endpoints []*backend.Endpoint) backend.Algorithm {
		return leastRequests(endpoints)
	},
})

type leastRequests []*backend.Endpoint

// Pick implements backend.Algorithm.
func (l leastRequests) Pick(p *backend.Pick) *backend.Endpoint {
	for r := healthy; r < rules; r++ {
		if e := l.least(p, r); e != nil {
			return e
		}
	}
	return nil
}

// least returns one of the endpoints with the least load. Each of several is as
// likely: the k-th one met replaces the choice with a chance of 1/k.
func (l leastRequests) least(p *backend.Pick, r rule) *backend.Endpoint {
	var best *backend.Endpoint
	var load float64
	equal, random := 0, uint64(0)
	for _, e := range l {
		if !r.allows(p, e) {
			continue
		}
		mine := float64(e.Inflight()+1) / e.Weight()
		switch {
		case best == nil || mine < load:
			best, load, equal = e, mine, 1
		case mine == load:
			if equal++; random == 0 {
				random = rand.Uint64() | 1
			}
			// One draw for the whole pick, stirred for each use.
			random = random*6364136223846793005 + 1442695040888963407
			if scale(random, equal) == 0 {
				best = e
			}
		}
	}
	return best
}
