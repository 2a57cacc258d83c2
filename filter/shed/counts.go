package shed

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// settings are those of one admissionControl.
type settings struct {
	route     string
	slot      time.Duration
	window    int     // slots
	least     float64 // requests a second
	threshold float64 // share of good responses that is good enough
	most      float64 // probability
	exponent  float64
}

// probability returns how likely a request is to be refused after so many responses
// in the window.
func (s *settings) probability(total, good float64) float64 {
	if total/(s.slot.Seconds()*float64(s.window)) < s.least {
		return 0
	}
	missing := total - good/s.threshold
	if missing <= 0 {
		return 0
	}
	return min(math.Pow(missing/(total+1), s.exponent), s.most)
}

// pair is how many responses there were and how many of them were good.
type pair struct{ total, good int64 }

// counts are the responses of a route in the last slots.
type counts struct {
	set   settings
	begun time.Time

	slot        atomic.Int64 // the current one
	total, good atomic.Int64 // in it
	refuse      atomic.Uint64

	mu    sync.Mutex
	slots []pair // as a ring
	sum   pair
}

func newCounts(s settings) *counts {
	return &counts{set: s, begun: time.Now(), slots: make([]pair, s.window)}
}

// probability returns how likely a request is to be refused now; fresh says that it
// was found out just now.
func (c *counts) probability() (p float64, fresh bool) {
	if now := int64(time.Since(c.begun) / c.set.slot); now != c.slot.Load() {
		fresh = c.advance(now)
	}
	return math.Float64frombits(c.refuse.Load()), fresh
}

// advance closes the current slot and begins the one called now.
func (c *counts) advance(now int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.slot.Load()
	if now <= before {
		return false
	}
	over := pair{c.total.Swap(0), c.good.Swap(0)}
	if now-before > int64(len(c.slots)) {
		over = pair{} // nobody came for so long that it counts no more
	}
	for i := range min(now-before, int64(len(c.slots))) {
		at := &c.slots[(before+i)%int64(len(c.slots))]
		c.sum.total += over.total - at.total
		c.sum.good += over.good - at.good
		*at, over = over, pair{}
	}
	c.refuse.Store(math.Float64bits(c.set.probability(float64(c.sum.total), float64(c.sum.good))))
	c.slot.Store(now)
	return true
}

// add counts a response.
func (c *counts) add(good bool) {
	c.total.Add(1)
	if good {
		c.good.Add(1)
	}
}
