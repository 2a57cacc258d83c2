package shed

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/lease"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name: "admissionControl",
	Params: []arg.Param{
		{Name: "suffix", Type: arg.Text},
		{Name: "mode", Type: arg.Enum, OneOf: []string{"active", "inactive", "logInactive"}},
		{Name: "slot", Type: arg.Duration},
		{Name: "window", Type: arg.Int, Min: 1, Max: 100},
		{Name: "min-rps", Type: arg.Int, Min: 0, Max: 1e9},
		{Name: "success-threshold", Type: arg.Number},
		{Name: "max-reject-probability", Type: arg.Number},
		{Name: "exponent", Type: arg.Number},
	},
	Doc:     "refuses requests with a probability that grows as fewer responses of the last slots are good than the threshold asks for, see package filter/shed; inactive modes only count what they would refuse, under shedder.admission_control.reject.<suffix>, and logInactive tells the log",
	Example: `* -> admissionControl("shop", "active", "1s", 5, 10, 0.95, 0.9, 0.5) -> "http://127.0.0.1:8080"`,
	Differs: "the counts survive changes of the route; clients that went away count for nothing; inactive modes count the responses to requests that they would have refused; logInactive writes a line a second, not for each request; of several in a route each counts for itself",
	New:     newAdmission,
})

const prefix = "shedder.admission_control."

type (
	book    = lease.Book[settings, *counts]
	bookKey struct{}
)

// admission is a filter.
type admission struct {
	*lease.Lease[settings, *counts]
	counts          *counts
	active          bool
	total, rejected filter.Counter
	log             *slog.Logger // nil: silent
	route           string
}

func newAdmission(v arg.Values, env *filter.Env) (filter.Filter, error) {
	s := settings{
		route: env.RouteID, slot: v.Duration(2), window: v.Int(3), least: v.Number(4),
		threshold: v.Number(5), most: v.Number(6), exponent: v.Number(7),
	}
	if s.slot < time.Millisecond {
		return nil, v.Wrong(2, "found %s, expected a duration of at least 1ms", s.slot)
	}
	for i, x := range []float64{s.threshold, s.most} {
		if !(x > 0 && x <= 1) {
			return nil, v.Wrong(5+i, "found %v, expected a number above 0 and not above 1", x)
		}
	}
	if !(s.exponent > 0) {
		return nil, v.Wrong(7, "found %v, expected a number above 0", s.exponent)
	}
	b := env.Shared(bookKey{}, func() any { return new(book) }).(*book)
	l := b.Take(s, s.slot*time.Duration(s.window), func() *counts { return newCounts(s) })
	f := &admission{
		Lease: l, counts: l.Value, active: v.Text(1) == "active", route: env.RouteID,
		total: env.Metrics.Counter(prefix + "total." + v.Text(0)), rejected: env.Metrics.Counter(prefix + "reject." + v.Text(0)),
	}
	if v.Text(1) == "logInactive" {
		f.log = env.Log
	}
	return f, nil
}

func (f *admission) Request(c *filter.Context) {
	f.total.Add(1)
	p, fresh := f.counts.probability()
	if fresh && f.log != nil {
		f.report(p)
	}
	if p == 0 || rand.Float64() >= p {
		return
	}
	f.rejected.Add(1)
	if f.active {
		resp := c.Refuse(message.ReasonOverload)
		resp.Header.Add("Admission-Control", "true")
		resp.Header.Add("Retry-After", "1")
	}
}

// report writes what the filter would do, not more often than once a second.
func (f *admission) report(p float64) {
	c := f.counts
	if every := max(int64(time.Second/c.set.slot), 1); c.slot.Load()%every != 0 {
		return
	}
	c.mu.Lock()
	sum := c.sum
	c.mu.Unlock()
	f.log.Info("admission control, inactive", "route", f.route, "responses", sum.total, "good", sum.good, "would refuse with probability", p)
}

func (f *admission) Response(c *filter.Context) {
	if r := c.Response; r.Status != message.ReasonClientGone.Status() && !r.Header.Has("Admission-Control") {
		f.counts.add(r.Status < 500)
	}
}

// HandlesErrors implements filter.ErrorHandler: failures are what it looks for.
func (*admission) HandlesErrors() bool { return true }
