package backend

import (
	"math"
	"math/rand/v2"
	"time"

	"fairlead.dev/fairlead/message"
)

// Algorithm chooses among the endpoints of one route. Pick is called many
// times at once.
type Algorithm interface {
	// Pick returns the endpoint for the request, or nil when all were tried. It
	// avoids endpoints for which p.Usable is false; where fading in leaves none it
	// picks among those for which p.Healthy is true, and where health checks leave
	// none among those that were not tried, for a backend that is perhaps down is
	// better than none. It does not count the request: whoever sends it calls
	// Endpoint.Begin.
	Pick(p *Pick) *Endpoint
}

// Pick is the question to an Algorithm, for one request after the other.
type Pick struct {
	Request *message.Request
	// Key of consistent hashing; "" means the client's address: Request.Source
	// where it is known, Request.ClientIP otherwise.
	Key string
	// Balance bounds the load of consistent hashing: no endpoint gets more than
	// Balance times the average, rounded up. Less than 1 counts as 1, 0 means no
	// bound.
	Balance float64
	// FadeIn is the time in which a new endpoint comes to its full share: its share
	// at age t is (t/FadeIn)^Exponent of that of an old one. 0: at once.
	FadeIn   time.Duration
	Exponent float64
	// Among are the endpoints of the route, for the bounds that follow.
	Among []*Endpoint
	// MostDown is the share of Among that may be down: when more are, health checks
	// are ignored, because the rest could not bear the load. 0: no bound.
	MostDown float64
	// MostDropped is the same for those that are avoided for a part of the requests
	// (Endpoint.SetDrop).
	MostDropped float64
	// Tried are the endpoints that already failed for this request, or were refused
	// by its guards.
	Tried []*Endpoint

	// What is settled when an endpoint in trouble, or a new one, is first met.
	judged, ignoreDown, ignoreDropped bool
	random                            float64
	dropped                           int
	now                               int64   // 0: not looked at yet
	fade                              float64 // another random number
}

// Usable reports whether e should be picked: it is healthy, was not tried and is not
// left out because it is new.
func (p *Pick) Usable(e *Endpoint) bool {
	return uint64(len(p.Tried))|uint64(p.FadeIn)|e.trouble.Load() == 0 || p.usable(e)
}

func (p *Pick) usable(e *Endpoint) bool {
	return p.Healthy(e) && !p.WasTried(e) && (p.FadeIn == 0 || !p.fading(e))
}

// WasTried reports whether e already failed for this request.
func (p *Pick) WasTried(e *Endpoint) bool {
	for _, t := range p.Tried {
		if t == e {
			return true
		}
	}
	return false
}

// Healthy reports whether health checks let this request go to e. The answer for an
// endpoint that is avoided for a part of the requests is the same for all of them in
// one Pick.
func (p *Pick) Healthy(e *Endpoint) bool {
	t := e.trouble.Load()
	return t == 0 || p.bears(t)
}

// bears reports whether the request may go to an endpoint with this trouble.
func (p *Pick) bears(t uint64) bool {
	if !p.judged {
		p.judge()
	}
	if t&isDown != 0 {
		return p.ignoreDown
	}
	return p.ignoreDropped || p.random >= dropOf(t)
}

// judge counts how many endpoints are in trouble, and whether they are too many.
func (p *Pick) judge() {
	p.judged, p.random = true, rand.Float64()
	down := 0
	for _, e := range p.Among {
		switch t := e.trouble.Load(); {
		case t == 0:
		case t&isDown != 0:
			down++
		case p.random < dropOf(t):
			p.dropped++
		}
	}
	all := float64(len(p.Among))
	p.ignoreDown = p.MostDown > 0 && float64(down) > p.MostDown*all
	if p.MostDropped > 0 && float64(p.dropped) > p.MostDropped*all {
		p.ignoreDropped, p.dropped = true, 0
	}
}

// Dropped returns how many endpoints were avoided by chance (Endpoint.SetDrop), as
// far as that came into question, and forgets it.
func (p *Pick) Dropped() int {
	n := p.dropped
	p.dropped = 0
	return n
}

// fading reports whether e is left out because it is new.
func (p *Pick) fading(e *Endpoint) bool {
	if p.now == 0 {
		p.now, p.fade = time.Now().UnixNano(), rand.Float64()
	}
	age := p.now - e.created.Load()
	if age <= 0 || age >= int64(p.FadeIn) { // whose clock is ahead is not new for ever
		return false
	}
	return p.fade >= math.Pow(float64(age)/float64(p.FadeIn), p.Exponent)
}
