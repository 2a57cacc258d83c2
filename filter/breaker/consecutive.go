package breaker

import (
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:    "consecutiveBreaker",
	Params:  append([]arg.Param{count("failures")}, rest()...),
	Doc:     "keeps requests from an endpoint that failed so often in a row, for the timeout (1m if nothing else is said); then so many requests (1) may try, and when all succeed it gets all again; without a failure for the last time (1h) those before are forgotten",
	Example: `* -> consecutiveBreaker(15, "30s", 3, "10m") -> <roundRobin, "http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	Differs: "it works without -enable-breakers; when the breaker of one endpoint is open the request goes to another",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return newBreaker(v, env, Settings{Type: Consecutive, Failures: v.Int(0)}, 1)
	},
})

var _ = filter.Define(filter.Def{
	Name:    "rateBreaker",
	Params:  append([]arg.Param{count("failures"), count("window")}, rest()...),
	Doc:     "is consecutiveBreaker for so many failures in the last requests of the window",
	Example: `* -> rateBreaker(30, 300, "30s", 3, "10m") -> <roundRobin, "http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	Differs: "as consecutiveBreaker; a window that is smaller than the number of failures is refused: it would never open",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		if v.Int(0) > v.Int(1) {
			return nil, v.Wrong(1, "found %d, expected at least the %d failures", v.Int(1), v.Int(0))
		}
		return newBreaker(v, env, Settings{Type: Rate, Failures: v.Int(0), Window: v.Int(1)}, 2)
	},
})

var _ = filter.Define(filter.Def{
	Name:      "disableBreaker",
	Doc:       "takes the route out of -breaker, and out of the breakers before it in the route",
	Example:   `Path("/health") -> disableBreaker() -> "http://127.0.0.1:8080"`,
	Shareable: true,
	New:       func(arg.Values, *filter.Env) (filter.Filter, error) { return disable{}, nil },
})

type disable struct{ filter.RequestOnly }

func (disable) Request(c *filter.Context) { dismiss(c) }

func count(name string) arg.Param {
	return arg.Param{Name: name, Type: arg.Int, Min: 1, Max: mostWindow}
}

// rest are the parameters that both breakers end with.
func rest() []arg.Param {
	return []arg.Param{
		{Name: "timeout", Type: arg.Duration, Optional: true},
		{Name: "half-open-requests", Type: arg.Int, Min: 1, Max: mostWindow, Optional: true},
		{Name: "idle-ttl", Type: arg.Duration, Optional: true},
	}
}

// newBreaker reads the rest of the arguments, from i on.
func newBreaker(v arg.Values, env *filter.Env, s Settings, i int) (filter.Filter, error) {
	for _, d := range []struct {
		at int
		to *time.Duration
	}{{i, &s.Timeout}, {i + 2, &s.IdleTTL}} {
		if !v.Has(d.at) {
			continue
		}
		if *d.to = v.Duration(d.at); *d.to <= 0 {
			return nil, v.Wrong(d.at, "found %s, expected a duration above zero", *d.to)
		}
	}
	s.HalfOpen = v.Int(i + 1)
	return newGuard(env, s), nil
}
