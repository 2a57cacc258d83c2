package limit

import (
	"slices"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "backendRatelimit",
	Params:  []arg.Param{{Name: "group", Type: arg.Text}, counts(), period(), status()},
	Doc:     "sends each endpoint at most so many requests in any stretch of the time, counted for all routes with the same group, number and time; a number means seconds; the status is 503 if none is given",
	Example: `Path("/report") -> backendRatelimit("report", 100, "1s") -> <roundRobin, "http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	Differs: "it counts in this process, without a swarm; a request that one endpoint may not get is offered to the next, and refused when there is none; the answer says when to come again",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		n, every, err := readLimit(v, 1)
		if err != nil {
			return nil, err
		}
		s := settings{kind: perEndpoint, by: v.Text(0), n: n, every: every}
		return &backends{take(env, s), newRefusal(n, every, v.Int(3)), filter.NewKey[*time.Duration]("backendRatelimit")}, nil
	},
})

// backends counts what each endpoint gets.
type backends struct {
	*share
	refusal
	wait *filter.Key[*time.Duration] // the shortest of those that refused
}

func (f *backends) Request(c *filter.Context) {
	if !disabled(c) && !slices.Contains(c.Guards, filter.Guard(f)) { // it is there in a second round
		c.Guards = append(c.Guards, f)
	}
}

func (*backends) Response(*filter.Context) {}

// Phases returns InRequest.
func (*backends) Phases() filter.Phase { return filter.InRequest }

// Allow implements filter.Guard.
func (f *backends) Allow(c *filter.Context, address string) message.Reason {
	ok, wait := f.Value.each.Allow(f.Value.each.Key(address))
	if ok {
		return message.ReasonNone
	}
	if before, some := f.wait.Get(c); some {
		*before = min(*before, wait)
	} else {
		f.wait.Set(c, &wait)
	}
	return message.ReasonBackendLimited
}

// Done implements filter.Guard: how attempts end is nothing to a limit.
func (*backends) Done(*filter.Context, string, filter.Outcome) {}

// Refusal implements filter.Guard.
func (f *backends) Refusal(c *filter.Context, resp *message.Response) {
	wait, ok := f.wait.Get(c)
	if !ok {
		wait = new(time.Duration)
	}
	f.complete(resp, message.ReasonBackendLimited, *wait)
}
