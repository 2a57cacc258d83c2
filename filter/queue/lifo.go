package queue

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/turn"
)

var _ = filter.Define(filter.Def{
	Name:    "lifo",
	Params:  bounds(true),
	Doc:     "lets so many requests of the route be under way at a time, until the heads of their responses, and so many others wait, the last to come first; in a full queue the one that waited longest is answered 503, one that waited for the timeout 502; if nothing is said 100, 100, 10s",
	Example: `* -> lifo(100, 150, "10s") -> "http://127.0.0.1:8080"`,
	Differs: "bounds that make no sense are refused instead of replaced by others",
	New:     func(v arg.Values, env *filter.Env) (filter.Filter, error) { return newLIFO(v, env, head) },
})

var _ = filter.Define(filter.Def{
	Name:    "lifoWithBody",
	Params:  bounds(true),
	Doc:     "is lifo, but a request is under way until its response was sent",
	Example: `* -> lifoWithBody(100, 150, "10s") -> "http://127.0.0.1:8080"`,
	Differs: "as lifo",
	New:     func(v arg.Values, env *filter.Env) (filter.Filter, error) { return newLIFO(v, env, body) },
})

func newLIFO(v arg.Values, env *filter.Env, u until) (filter.Filter, error) {
	s, err := readBounds(v, 0)
	if err != nil {
		return nil, err
	}
	return newQueue(env, name{"lifo", env.RouteID}, turn.LastIn, s, u), nil
}
