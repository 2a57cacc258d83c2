package queue

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/turn"
)

var _ = filter.Define(filter.Def{
	Name:    "lifoGroup",
	Params:  append([]arg.Param{{Name: "group", Type: arg.Text}}, bounds(true)...),
	Doc:     "is lifo with one queue for all routes that name the group; it is enough that one of them says the bounds, of several the newest hold",
	Example: `a: Path("/a") -> lifoGroup("shop", 100, 150, "10s") -> "http://127.0.0.1:8080"; b: Path("/b") -> lifoGroup("shop") -> "http://127.0.0.1:8080"`,
	Differs: "as lifo",
	New:     func(v arg.Values, env *filter.Env) (filter.Filter, error) { return newGroup(v, env, head) },
})

var _ = filter.Define(filter.Def{
	Name:    "lifoGroupWithBody",
	Params:  append([]arg.Param{{Name: "group", Type: arg.Text}}, bounds(true)...),
	Doc:     "is lifoGroup, but a request is under way until its response was sent",
	Example: `* -> lifoGroupWithBody("shop", 100, 150, "10s") -> "http://127.0.0.1:8080"`,
	Differs: "as lifo",
	New:     func(v arg.Values, env *filter.Env) (filter.Filter, error) { return newGroup(v, env, body) },
})

func newGroup(v arg.Values, env *filter.Env, u until) (filter.Filter, error) {
	var s *turn.Settings
	if v.Len() > 1 {
		var err error
		if s, err = readBounds(v, 1); err != nil {
			return nil, err
		}
	}
	return newQueue(env, name{"group", v.Text(0)}, turn.LastIn, s, u), nil
}
