package limit

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "disableRatelimit",
	Doc:       "takes the route out of the limits of -ratelimits, and of the limits that follow in the route",
	Example:   `Path("/health") -> disableRatelimit() -> status(200) -> <shunt>`,
	Differs:   "it does what it says: the peer counts -ratelimits before it knows the route",
	Shareable: true,
	New:       func(arg.Values, *filter.Env) (filter.Filter, error) { return disable{}, nil },
})

// off says that nothing is limited from here on.
var off = filter.NewKey[bool]("disableRatelimit")

func disabled(c *filter.Context) bool {
	is, _ := off.Get(c)
	return is
}

type disable struct{ filter.RequestOnly }

func (disable) Request(c *filter.Context) { off.Set(c, true) }

var _ = filter.Define(filter.Def{
	Name:      "ratelimitFailClosed",
	Doc:       "refuses requests whose limit cannot be asked for, instead of letting them pass; limits of this process can always be asked",
	Example:   `* -> ratelimitFailClosed() -> ratelimit(10, "1s") -> "http://127.0.0.1:8080"`,
	Differs:   "without the limits of a cluster it has nothing to do",
	Shareable: true,
	New:       func(arg.Values, *filter.Env) (filter.Filter, error) { return failClosed{}, nil },
})

type failClosed struct{ filter.RequestOnly }

func (failClosed) Request(*filter.Context) {}
