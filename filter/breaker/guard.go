package breaker

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/circuit"
	"fairlead.dev/fairlead/kit/lease"
	"fairlead.dev/fairlead/message"
)

// guard is the filter and the filter.Guard of all breakers of some settings.
type guard struct {
	*lease.Lease[Settings, *group]
}

// book has the breakers of the process, by the settings of routes.
type book struct {
	lease.Book[Settings, *group]
	defaults defaults
}

type bookKey struct{}

func newGuard(env *filter.Env, s Settings) *guard {
	b := env.Shared(bookKey{}, func() any {
		d, _ := readDefaults(env.Options) // Always reports what is wrong with it
		return &book{defaults: d}
	}).(*book)
	return &guard{b.Take(s, or(s.IdleTTL, standardIdle), func() *group {
		return &group{route: s, defaults: &b.defaults}
	})}
}

func (f *guard) Request(c *filter.Context) {
	for i, g := range c.Guards {
		if _, ok := g.(*guard); ok {
			c.Guards[i] = f
			return
		}
	}
	c.Guards = append(c.Guards, f)
}

func (*guard) Response(*filter.Context) {}

// Phases returns InRequest.
func (*guard) Phases() filter.Phase { return filter.InRequest }

// dismiss takes the breakers of the route away.
func dismiss(c *filter.Context) {
	c.Guards = slices.DeleteFunc(c.Guards, func(g filter.Guard) bool { _, ok := g.(*guard); return ok })
}

// Allow implements filter.Guard.
func (f *guard) Allow(c *filter.Context, address string) message.Reason {
	b := f.Value.get(address)
	if b == nil {
		return message.ReasonNone
	}
	ticket, ok := b.Allow()
	if !ok {
		return message.ReasonCircuitOpen
	}
	b.ticket.Set(c, ticket)
	return message.ReasonNone
}

// Done implements filter.Guard.
func (f *guard) Done(c *filter.Context, address string, o filter.Outcome) {
	b := f.Value.get(address)
	if b == nil {
		return
	}
	ticket, ok := b.ticket.Get(c)
	if !ok {
		return // it was forgotten meanwhile and made anew
	}
	switch {
	case o.Failed():
		b.Done(ticket, circuit.Failure)
	case o.Status == 0:
		b.Done(ticket, circuit.Nothing)
	default:
		b.Done(ticket, circuit.Success)
	}
}

// Refusal implements filter.Guard.
func (*guard) Refusal(_ *filter.Context, resp *message.Response) {
	resp.Header.Set("X-Circuit-Open", "true")
}

// breaker is that of one address.
type breaker struct {
	*circuit.Breaker
	ticket *filter.Key[circuit.Ticket]
}

// most bounds the addresses of a group; sweep is how often room is made at most.
const (
	most  = 4096
	sweep = time.Second
)

// group has the breakers of all addresses for one route's settings. Readers see a
// map that does not change.
type group struct {
	route    Settings
	defaults *defaults
	byName   atomic.Pointer[map[string]*breaker]

	mu    sync.Mutex
	swept time.Time
}

// get returns the breaker for address, nil when there is none.
func (g *group) get(address string) *breaker {
	if m := g.byName.Load(); m != nil {
		if b, ok := (*m)[address]; ok {
			return b
		}
	}
	return g.add(address)
}

// add makes the breaker for address, if there is to be one and there is room.
func (g *group) add(address string) *breaker {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := map[string]*breaker{}
	if m := g.byName.Load(); m != nil {
		before = *m
	}
	if b, ok := before[address]; ok {
		return b
	}
	full := len(before) >= most
	if full && time.Since(g.swept) < sweep {
		return nil
	}
	all := make(map[string]*breaker, len(before)+1)
	for name, b := range before {
		if !full || b != nil && !b.Blank() {
			all[name] = b
		}
	}
	if full {
		g.swept = time.Now()
	}
	if len(all) >= most {
		g.byName.Store(&all)
		return nil
	}
	var made *breaker
	if s := g.route.over(g.defaults.below(address)); s.Type == Consecutive || s.Type == Rate {
		if s.check() == nil {
			made = &breaker{ticket: filter.NewKey[circuit.Ticket]("breaker")}
			made.Breaker = circuit.New(s.circuit())
		}
	}
	all[strings.Clone(address)] = made
	g.byName.Store(&all)
	return made
}
