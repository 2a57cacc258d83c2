package forward

import (
	"fmt"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "backendTimeout",
	Params:    []arg.Param{{Name: "timeout", Type: arg.Duration}},
	Doc:       "bounds the time of the whole exchange with the backend; a number means milliseconds",
	Example:   `* -> backendTimeout("2.5s") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "Bounds the whole exchange with the backend, retries and body included: that is what its users wait for.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		d := v.Duration(0)
		if d <= 0 {
			return nil, fmt.Errorf("found the timeout %s, expected more than nothing", d)
		}
		return &backendTimeout{timeout: d}, nil
	},
})

type backendTimeout struct {
	filter.RequestOnly
	timeout time.Duration
}

func (f *backendTimeout) Request(c *filter.Context) { c.Upstream.Timeout = f.timeout }
