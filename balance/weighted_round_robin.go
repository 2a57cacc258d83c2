package balance

import (
	"math/rand/v2"
	"sync"

	"fairlead.dev/fairlead/backend"
)

var _ = backend.DefineAlgorithm(backend.AlgorithmDef{
	Name: "weightedRoundRobin",
	Doc:  "one endpoint after the other, each as often as its weight says and evenly spread",
	New: func(endpoints []*backend.Endpoint) backend.Algorithm {
		w := &weightedRoundRobin{endpoints: endpoints, credit: make([]float64, len(endpoints))}
		for i := range w.credit {
			w.credit[i] = rand.Float64()
		}
		return w
	},
})

// weightedRoundRobin is the smooth kind: at each pick every endpoint gains its
// weight as credit, the richest one is chosen and pays what all have gained.
type weightedRoundRobin struct {
	endpoints []*backend.Endpoint

	mu     sync.Mutex
	credit []float64 // random at first, so that instances do not march in step
}

// Pick implements backend.Algorithm.
func (w *weightedRoundRobin) Pick(p *backend.Pick) *backend.Endpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := healthy; r < rules; r++ {
		if e := w.richest(p, r); e != nil {
			return e
		}
	}
	return nil
}

// richest must be called with the lock held. Who may not be picked neither
// gains nor pays.
func (w *weightedRoundRobin) richest(p *backend.Pick, r rule) *backend.Endpoint {
	best, total := -1, 0.0
	for i, e := range w.endpoints {
		if !r.allows(p, e) {
			continue
		}
		weight := e.Weight()
		total += weight
		w.credit[i] += weight
		if best < 0 || w.credit[i] > w.credit[best] {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	w.credit[best] -= total
	return w.endpoints[best]
}
