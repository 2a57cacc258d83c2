package balance

import (
	"math/bits"
	"math/rand/v2"

	"fairlead.dev/fairlead/backend"
)

// rule says which endpoints a pick may take.
type rule uint8

// The rules in the order in which they are tried.
const (
	healthy rule = iota // usable ones
	fading              // those that are new, too
	untried             // any that did not fail for this request
	rules
)

func (r rule) allows(p *backend.Pick, e *backend.Endpoint) bool {
	if r == healthy {
		return p.Usable(e)
	}
	return !p.WasTried(e) && (r == untried || p.Healthy(e))
}

// nth returns one of the endpoints that the first rule with any allows: the
// n-th of them, counted around. It is the slow way, for picks whose first
// choice cannot be used: what an endpoint cannot take spreads over all others.
func nth(endpoints []*backend.Endpoint, p *backend.Pick, n uint64) *backend.Endpoint {
	for r := healthy; r < rules; r++ {
		count := uint64(0)
		for _, e := range endpoints {
			if r.allows(p, e) {
				count++
			}
		}
		if count == 0 {
			continue
		}
		skip := n % count
		var last *backend.Endpoint
		for _, e := range endpoints {
			if !r.allows(p, e) {
				continue
			}
			if last = e; skip == 0 {
				break
			}
			skip--
		}
		// There is none when health changed in between.
		if last != nil {
			return last
		}
	}
	return nil
}

// upTo returns a random number below n, which must not be 0.
func upTo(n int) int { return scale(rand.Uint64(), n) }

// scale maps a random number to one below n.
func scale(random uint64, n int) int {
	hi, _ := bits.Mul64(random, uint64(n))
	return int(hi)
}

// lighter reports whether a has less to do than b: requests on their way, one
// more included, by weight.
func lighter(a, b *backend.Endpoint) bool {
	return float64(a.Inflight()+1)*b.Weight() < float64(b.Inflight()+1)*a.Weight()
}
