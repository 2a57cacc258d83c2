package queue

import (
	"errors"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/lease"
	"fairlead.dev/fairlead/kit/turn"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Values are the options of queues (spec 1.8).
type Values struct {
	FIFOMetrics bool `flag:"enable-route-fifo-metrics" doc:"count how many requests are under way and wait in each fifo: custom gauges fifo.<route>.active and .queued"`
	LIFOMetrics bool `flag:"enable-route-lifo-metrics" doc:"count how many requests are under way and wait in each lifo: custom gauges lifo.<route or group>.active and .queued"`
}

// Options declares the options of queues.
var Options = option.Define("queues", Values{})

// lingering is how long a queue outlives its last route: requests may still be on
// their way, and a route may come back.
const lingering = time.Minute

// name is what queues are told apart by.
type name struct {
	kind string // "fifo", "lifo", "group"
	of   string // the route, or the group
}

// line is a queue and what its filters say to each other.
type line struct {
	*turn.Queue
	held *filter.Key[until]
	seen atomic.Uint64 // the number of the newest filter whose settings it has
}

// until is how long a request keeps its turn.
type until uint8

const (
	notHeld until = iota
	head
	body
)

// lines has the queues of the process.
type lines struct {
	lease.Book[name, *line]
	filters atomic.Uint64 // made so far
}

type linesKey struct{}

// queue is a filter.
type queue struct {
	*lease.Lease[name, *line]
	line     *line
	settings *turn.Settings // nil: those that the group has
	number   uint64
	until    until
}

func newQueue(env *filter.Env, n name, order turn.Order, s *turn.Settings, u until) filter.Filter {
	all := env.Shared(linesKey{}, func() any { return new(lines) }).(*lines)
	l := all.Take(n, lingering, func() *line {
		active, waiting := meters(env, n, order)
		return &line{Queue: turn.New(order, standard(), active, waiting), held: filter.NewKey[until](n.kind)}
	})
	return &queue{Lease: l, line: l.Value, settings: s, number: all.filters.Add(1), until: u}
}

// meters returns the gauges of a queue, nil when they are not asked for.
func meters(env *filter.Env, n name, order turn.Order) (active, waiting turn.Meter) {
	prefix, wanted := "lifo.", Options.From(env.Options).LIFOMetrics
	if order == turn.FirstIn {
		prefix, wanted = "fifo.", Options.From(env.Options).FIFOMetrics
	}
	if !wanted {
		return nil, nil
	}
	return env.Metrics.Gauge(prefix + n.of + ".active"), env.Metrics.Gauge(prefix + n.of + ".queued")
}

func (f *queue) Request(c *filter.Context) {
	l := f.line
	if f.settings != nil && l.seen.Load() < f.number {
		f.configure()
	}
	if u, _ := l.held.Get(c); u != notHeld {
		l.held.Set(c, f.until)
		return
	}
	err := l.Enter(c)
	switch {
	case err == nil:
		l.held.Set(c, f.until)
	case errors.Is(err, turn.ErrFull):
		c.Refuse(message.ReasonQueueFull).Header.Add("Retry-After", "1")
	case errors.Is(err, turn.ErrTimeout):
		c.Refuse(message.ReasonQueueTimeout)
	default:
		c.Refuse(message.ReasonClientGone)
	}
}

// configure makes the settings of f those of its queue, unless a newer filter's
// are.
func (f *queue) configure() {
	for {
		seen := f.line.seen.Load()
		if seen >= f.number {
			return
		}
		if f.line.seen.CompareAndSwap(seen, f.number) {
			f.line.Configure(*f.settings)
			return
		}
	}
}

func (f *queue) Response(c *filter.Context) {
	if u, _ := f.line.held.Get(c); u == head {
		f.leave(c)
	}
}

// End implements filter.Ender.
func (f *queue) End(c *filter.Context) {
	if u, _ := f.line.held.Get(c); u != notHeld {
		f.leave(c)
	}
}

func (f *queue) leave(c *filter.Context) {
	f.line.held.Set(c, notHeld)
	f.line.Leave()
}

// HandlesErrors implements filter.ErrorHandler: the turn ends with the head of any
// response.
func (f *queue) HandlesErrors() bool { return true }

// standard are the settings that hold where nothing is said.
func standard() turn.Settings {
	return turn.Settings{Active: 100, Waiting: 100, Timeout: 10 * time.Second}
}

// bounds are the parameters of a queue.
func bounds(optional bool) []arg.Param {
	return []arg.Param{
		{Name: "concurrency", Type: arg.Int, Min: 1, Max: 1e9, Optional: optional},
		{Name: "queue", Type: arg.Int, Min: 0, Max: 1e9, Optional: optional},
		{Name: "timeout", Type: arg.Duration, Optional: optional},
	}
}

// readBounds reads the settings from the arguments from i on; what is not given is
// as standard says.
func readBounds(v arg.Values, i int) (*turn.Settings, error) {
	s := standard()
	if v.Has(i) {
		s.Active = v.Int(i)
	}
	if v.Has(i + 1) {
		s.Waiting = v.Int(i + 1)
	}
	if v.Has(i + 2) {
		if s.Timeout = v.Duration(i + 2); s.Timeout < time.Millisecond {
			return nil, v.Wrong(i+2, "found %s, expected a duration of at least 1ms", s.Timeout)
		}
	}
	return &s, nil
}
