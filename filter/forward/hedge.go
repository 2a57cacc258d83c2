package forward

import (
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name: "hedge",
	Params: []arg.Param{
		{Name: "delay", Type: arg.Duration},
		{Name: "max", Type: arg.Int, Min: 1, Max: 3, Optional: true, Default: "1"},
		{Name: "settings", Type: arg.Text, Optional: true, Many: true, Default: "budget=10%,body=64KiB"},
	},
	Doc:     `sends a request whose response has not begun within delay to another endpoint, too, at most max, and takes the first response; "budget=" share of requests, "methods=" other than the idempotent ones or any, "body=" longest that is kept`,
	Example: `* -> hedge("50ms", 1, "budget=10%") -> <"http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	New:     newHedge,
})

type hedge struct {
	filter.RequestOnly
	hedge filter.Hedge
}

func newHedge(v arg.Values, env *filter.Env) (filter.Filter, error) {
	f := &hedge{hedge: filter.Hedge{Delay: v.Duration(0), Max: 1}}
	h := &f.hedge
	if h.Delay < time.Millisecond || h.Delay > time.Hour {
		return nil, v.Wrong(0, "found %v, expected a duration from 1ms to 1h", h.Delay)
	}
	if v.Has(1) {
		h.Max = v.Int(1)
	}
	if err := readRepeat(v, 2, &h.Repeat, 0.1); err != nil {
		return nil, err
	}
	h.Sent, h.Saved, h.Won = env.Metrics.Counter("hedge.sent"), env.Metrics.Counter("hedge.saved"), env.Metrics.Counter("hedge.won")
	return f, nil
}

// Request asks the forwarding step to hedge.
func (f *hedge) Request(c *filter.Context) { c.Upstream.Hedge = &f.hedge }
