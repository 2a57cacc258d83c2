package queue

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/turn"
)

var _ = filter.Define(filter.Def{
	Name:    "fifo",
	Params:  bounds(false),
	Doc:     "lets so many requests of the route be under way at a time, until the heads of their responses, and so many others wait in the order in which they came; a full queue is answered 503, a request that waited for the timeout 502",
	Example: `* -> fifo(100, 150, "10s") -> "http://127.0.0.1:8080"`,
	Differs: "bounds that make no sense are refused instead of replaced by others",
	New:     func(v arg.Values, env *filter.Env) (filter.Filter, error) { return newFIFO(v, env, head) },
})

var _ = filter.Define(filter.Def{
	Name:    "fifoWithBody",
	Params:  bounds(false),
	Doc:     "is fifo, but a request is under way until its response was sent",
	Example: `* -> fifoWithBody(100, 150, "10s") -> "http://127.0.0.1:8080"`,
	Differs: "as fifo",
	New:     func(v arg.Values, env *filter.Env) (filter.Filter, error) { return newFIFO(v, env, body) },
})

func newFIFO(v arg.Values, env *filter.Env, u until) (filter.Filter, error) {
	s, err := readBounds(v, 0)
	if err != nil {
		return nil, err
	}
	return newQueue(env, name{"fifo", env.RouteID}, turn.FirstIn, s, u), nil
}
