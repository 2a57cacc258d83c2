package forward

import (
	"fmt"
	"strings"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/kit/pairs"
)

var _ = filter.Define(filter.Def{
	Name:    "healthCheck",
	Params:  []arg.Param{{Name: "settings", Type: arg.Text, Optional: true, Many: true, Default: "interval=3s,timeout=1s,statuses=200-399,failures=2,successes=1"}},
	Doc:     `asks the endpoints of the route whether they are well, all the time: with GET for "path=", or by making a connection; "statuses=" of who is well, "host=" to ask for, "interval=", "timeout=", "failures=" in a row until an endpoint leaves, "successes=" until it returns`,
	Example: `* -> healthCheck("path=/healthz,interval=5s") -> <"http://127.0.0.1:8080", "http://127.0.0.1:8081">`,
	New:     newHealthCheck,
})

// healthCheck is for the endpoints, not for requests. The last route that was made
// decides how an endpoint is asked that several routes have checked.
type healthCheck struct {
	filter.RequestOnly
	check backend.Check
}

func newHealthCheck(v arg.Values, _ *filter.Env) (filter.Filter, error) {
	f := &healthCheck{check: backend.Check{Interval: 3 * time.Second, Timeout: time.Second, Failures: 2, Successes: 1}}
	c := &f.check
	c.Statuses.Add(200, 399)
	fields := []pairs.Field{
		pairs.Duration("interval", &c.Interval, 100*time.Millisecond, time.Hour), pairs.Duration("timeout", &c.Timeout, 10*time.Millisecond, time.Minute),
		pairs.Codes("statuses", &c.Statuses, 100, 599), pairs.Int("failures", &c.Failures, 1, 100), pairs.Int("successes", &c.Successes, 1, 100),
		checked("path", &c.Path, health.ValidPath, "a path such as /healthz"),
		checked("host", &c.Host, filter.ValidHost, "a host, with a port if wanted"),
	}
	for i := range v.Len() {
		if err := pairs.Read(v.Text(i), fields...); err != nil {
			return nil, v.Wrong(i, "%w", err)
		}
	}
	return f, nil
}

// checked reads a text that valid accepts.
func checked(name string, to *string, valid func(string) bool, expected string) pairs.Field {
	return pairs.Field{Name: name, Read: func(text string) error {
		if !valid(text) {
			return fmt.Errorf("found %.60q, expected %s", text, expected)
		}
		*to = strings.Clone(text)
		return nil
	}}
}

// Request does nothing: endpoints are asked all the time.
func (f *healthCheck) Request(*filter.Context) {}

// Phases implements filter.Hints.
func (f *healthCheck) Phases() filter.Phase { return 0 }

// Advise implements backend.Adviser.
func (f *healthCheck) Advise(e *backend.Endpoint) { e.AddCheck(&f.check) }

// Withdraw implements backend.Adviser.
func (f *healthCheck) Withdraw(e *backend.Endpoint) { e.RemoveCheck(&f.check) }
