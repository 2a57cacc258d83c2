package limit

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:    "ratelimit",
	Params:  []arg.Param{counts(), period(), status()},
	Doc:     "allows so many requests in any stretch of the time, which routes with the same arguments share; a number means seconds; the status of the others is 429 if none is given",
	Example: `Path("/search") -> ratelimit(20, "1m") -> "http://127.0.0.1:8080"`,
	Differs: "it works without -enable-ratelimits: a limit that a route asks for and that is silently not there would be worse than one nobody expects",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		n, every, err := readLimit(v, 0)
		if err != nil {
			return nil, err
		}
		return &everything{take(env, settings{kind: inAll, n: n, every: every}), newRefusal(n, every, v.Int(2))}, nil
	},
})

// everything counts every request.
type everything struct {
	*share
	refusal
}

func (f *everything) Request(c *filter.Context) {
	if disabled(c) {
		return
	}
	if ok, wait := f.Value.all.Allow(); !ok {
		f.refuse(c, wait)
	}
}

func (*everything) Response(*filter.Context) {}

// Phases returns InRequest.
func (*everything) Phases() filter.Phase { return filter.InRequest }
