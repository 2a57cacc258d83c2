package balance

import (
	"math/rand/v2"

	"fairlead.dev/fairlead/backend"
)

var _ = backend.DefineAlgorithm(backend.AlgorithmDef{
	Name: "random",
	Doc:  "any endpoint, each as likely as the others",
	New: func(endpoints []*backend.Endpoint) backend.Algorithm {
		return random(endpoints)
	},
})

type random []*backend.Endpoint

// Pick implements backend.Algorithm.
func (r random) Pick(p *backend.Pick) *backend.Endpoint {
	if e := r[upTo(len(r))]; p.Usable(e) {
		return e
	}
	return nth(r, p, rand.Uint64())
}
