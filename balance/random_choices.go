package balance

import (
	"math/rand/v2"

	"fairlead.dev/fairlead/backend"
)

var _ = backend.DefineAlgorithm(backend.AlgorithmDef{
	Name: "powerOfRandomNChoices",
	Doc:  "of two random endpoints the one with fewer requests on their way",
	New: func(endpoints []*backend.Endpoint) backend.Algorithm {
		return randomChoices(endpoints)
	},
})

type randomChoices []*backend.Endpoint

// Pick implements backend.Algorithm.
func (r randomChoices) Pick(p *backend.Pick) *backend.Endpoint {
	i := upTo(len(r))
	a, b := r.usable(p, i), (*backend.Endpoint)(nil)
	if n := len(r) - 1; n > 0 {
		// Any but the first.
		b = r.usable(p, (i+1+upTo(n))%len(r))
	}
	if a == nil || b != nil && lighter(b, a) {
		return b
	}
	return a
}

// usable returns endpoint i, or a random one when that cannot be used.
func (r randomChoices) usable(p *backend.Pick, i int) *backend.Endpoint {
	if p.Usable(r[i]) {
		return r[i]
	}
	return nth(r, p, rand.Uint64())
}
