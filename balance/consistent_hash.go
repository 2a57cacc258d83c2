package balance

import (
	"math"
	"net/netip"
	"slices"

	"github.com/cespare/xxhash/v2"

	"fairlead.dev/fairlead/backend"
)

var _ = backend.DefineAlgorithm(backend.AlgorithmDef{
	Name: "consistentHash",
	Doc:  "always the same endpoint for the same key, which is the client's address unless the route says otherwise",
	New: func(endpoints []*backend.Endpoint) backend.Algorithm {
		return newConsistentHash(endpoints)
	},
})

const (
	// pointsPerEndpoint is how many points of the ring belong to an endpoint
	// (spec 1.4), unless there are so many that the ring would have more than
	// maxPoints.
	pointsPerEndpoint = 100
	maxPoints         = 1 << 20
	// maxSteps bounds the walk along the ring. Only when most endpoints cannot
	// be used a walk is longer, and then asking all of them is cheaper.
	maxSteps = 64
)

// consistentHash places points of each endpoint on a ring of hashes; a key
// belongs to the owner of the next point. The ring depends on nothing but the
// addresses: all instances agree, and when an endpoint comes or goes only the
// keys between its points move.
type consistentHash struct {
	endpoints []*backend.Endpoint
	owners    []owner // endpoints without those whose address came before
	ring      []point // sorted
}

type owner struct {
	*backend.Endpoint
	hash uint64 // of the address
}

// point is a place on the ring, the upper bits of a hash, with the index of its
// owner in the lower bits: numbers sort much faster than structs.
type point uint64

const (
	ownerBits = 24
	ownerMask = 1<<ownerBits - 1
)

func newConsistentHash(endpoints []*backend.Endpoint) *consistentHash {
	c := &consistentHash{endpoints: endpoints, owners: make([]owner, 0, len(endpoints))}
	seen := make(map[string]bool, len(endpoints))
	for _, e := range endpoints {
		if !seen[e.Address] && len(c.owners) <= ownerMask {
			seen[e.Address] = true
			c.owners = append(c.owners, owner{e, xxhash.Sum64String(e.Address)})
		}
	}
	each := max(1, min(pointsPerEndpoint, maxPoints/len(c.owners)))
	c.ring = make([]point, 0, each*len(c.owners))
	for i, o := range c.owners {
		for n := range uint64(each) {
			// The steps are those of SplitMix64.
			hash := mix(o.hash + (n+1)*0x9e3779b97f4a7c15)
			c.ring = append(c.ring, point(hash&^ownerMask|uint64(i)))
		}
	}
	slices.Sort(c.ring)
	return c
}

// Pick implements backend.Algorithm.
func (c *consistentHash) Pick(p *backend.Pick) *backend.Endpoint {
	hash := keyHash(p)
	for r := healthy; r < rules; r++ {
		if e := c.pick(p, r, hash); e != nil {
			return e
		}
	}
	// What is left shares its address with one that was tried.
	return nth(c.endpoints, p, hash)
}

func (c *consistentHash) pick(p *backend.Pick, r rule, hash uint64) *backend.Endpoint {
	if p.Balance > 0 {
		// None is found when the load changed in between.
		if e := c.find(p, r, hash, &bound{}); e != nil {
			return e
		}
	}
	return c.find(p, r, hash, nil)
}

// find returns the owner of the key, or the next one along the ring that the
// rule allows and whose load is within the bound.
func (c *consistentHash) find(p *backend.Pick, r rule, hash uint64, limit *bound) *backend.Endpoint {
	i, _ := slices.BinarySearch(c.ring, point(hash&^ownerMask))
	for range min(maxSteps, len(c.ring)) {
		if i >= len(c.ring) {
			i = 0
		}
		e := c.owners[c.ring[i]&ownerMask].Endpoint
		if r.allows(p, e) && (limit == nil || limit.admits(c, p, r, e)) {
			return e
		}
		i++
	}
	return c.nearest(p, r, hash, limit)
}

// nearest asks all owners and returns the one whose hash together with that of
// the key is greatest: again the same one for the same key, and few keys move
// when the list changes.
func (c *consistentHash) nearest(p *backend.Pick, r rule, hash uint64, limit *bound) *backend.Endpoint {
	var best *backend.Endpoint
	var most uint64
	for i := range c.owners {
		e := c.owners[i].Endpoint
		if !r.allows(p, e) || limit != nil && !limit.admits(c, p, r, e) {
			continue
		}
		if n := mix(hash ^ c.owners[i].hash); best == nil || n > most {
			best, most = e, n
		}
	}
	return best
}

// bound is how many requests an endpoint may have on their way. It is counted
// when it is first needed: an idle endpoint is always within it.
type bound struct{ most float64 }

func (b *bound) admits(c *consistentHash, p *backend.Pick, r rule, e *backend.Endpoint) bool {
	load := e.Inflight()
	if load == 0 {
		return true
	}
	if b.most == 0 {
		sum, count := 1.0, 0.0 // the request that is to be sent counts, too
		for i := range c.owners {
			if o := c.owners[i].Endpoint; r.allows(p, o) {
				sum += float64(o.Inflight())
				count++
			}
		}
		b.most = math.Ceil(max(p.Balance, 1) * sum / max(count, 1))
	}
	return float64(load+1) <= b.most
}

// keyHash returns the hash of the key of a request. The address of a client has
// the same hash as a key that spells it.
func keyHash(p *backend.Pick) uint64 {
	if p.Key != "" || p.Request == nil {
		return xxhash.Sum64String(p.Key)
	}
	addr := p.Request.Source()
	if !addr.IsValid() {
		addr = p.Request.ClientIP()
	}
	return addrHash(addr)
}

func addrHash(addr netip.Addr) uint64 {
	var text [64]byte
	return xxhash.Sum64(addr.AppendTo(text[:0]))
}

// mix spreads the bits of n so that each depends on all (the finalizer of
// SplitMix64).
func mix(n uint64) uint64 {
	n ^= n >> 30
	n *= 0xbf58476d1ce4e5b9
	n ^= n >> 27
	n *= 0x94d049bb133111eb
	return n ^ n>>31
}
