package forward

import (
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/budget"
	"fairlead.dev/fairlead/kit/pairs"
)

var _ = filter.Define(filter.Def{
	Name:    "retry",
	Params:  []arg.Param{{Name: "settings", Type: arg.Text, Optional: true, Many: true, Default: "attempts=3,statuses=502-504,budget=20%,body=64KiB"}},
	Doc:     `sends a request that failed again, to another endpoint: "attempts=" in all, "statuses=" that count as failures, "timeout=" of one attempt, "budget=" share of requests that may be repeated, "methods=" other than the idempotent ones or any, "body=" longest that is kept, "backoff=" random wait, "same=true" for routes with one endpoint`,
	Example: `* -> retry("attempts=3,statuses=502-504,timeout=1s,budget=20%") -> <"http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	New:     newRetry,
})

// The bounds of the settings.
const (
	mostAttempts = 10
	mostBody     = 16 << 20
	usualBody    = 64 << 10
	// leastRepeats may be sent again in the window of a budget, whatever the share:
	// otherwise routes with few requests would have no retries.
	leastRepeats = 10
)

type retry struct {
	filter.RequestOnly
	retry filter.Retry
}

func newRetry(v arg.Values, env *filter.Env) (filter.Filter, error) {
	f := &retry{retry: filter.Retry{Attempts: 3}}
	r := &f.retry
	if err := pairs.Read("statuses=502-504", pairs.Codes("statuses", &r.Statuses, 400, 599)); err != nil {
		return nil, err
	}
	err := readRepeat(v, 0, &r.Repeat, 0.2,
		pairs.Int("attempts", &r.Attempts, 2, mostAttempts), pairs.Codes("statuses", &r.Statuses, 400, 599),
		pairs.Duration("timeout", &r.Timeout, time.Millisecond, time.Hour), pairs.Duration("backoff", &r.Backoff, 0, time.Minute),
		pairs.Bool("same", &r.Same))
	if err != nil {
		return nil, err
	}
	r.Sent, r.Saved = env.Metrics.Counter("retry.sent"), env.Metrics.Counter("retry.saved")
	return f, nil
}

// readRepeat reads the settings from argument i on: those of r, for which share is
// the usual budget, and fields.
func readRepeat(v arg.Values, i int, r *filter.Repeat, share float64, fields ...pairs.Field) error {
	r.Body = usualBody
	var methods []string
	fields = append(fields, pairs.Share("budget", &share), pairs.Size("body", &r.Body, mostBody),
		pairs.Words("methods", &methods, isMethod, `methods in capitals such as "GET,POST", or "any"`))
	for ; i < v.Len(); i++ {
		if err := pairs.Read(v.Text(i), fields...); err != nil {
			return v.Wrong(i, "%w", err)
		}
	}
	for _, m := range methods {
		if m == "any" {
			m = "*"
		}
		r.Methods = append(r.Methods, m)
	}
	least := leastRepeats
	if share == 0 {
		least = 0
	}
	r.Budget = budget.New(share, least)
	return nil
}

func isMethod(s string) bool {
	if s == "any" {
		return true
	}
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return s != ""
}

// Request asks the forwarding step to repeat.
func (f *retry) Request(c *filter.Context) { c.Upstream.Retry = &f.retry }
