package timeout

import (
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "writeTimeout",
	Params:    params(),
	Doc:       "bounds the time for sending the whole response, from its first byte on; a number means milliseconds",
	Example:   `* -> writeTimeout("30s") -> "http://127.0.0.1:8080"`,
	Differs:   "the time begins with the response and not with the request; the access log and the metrics say client-stalled or backend-body-timeout",
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		d, err := limit(v)
		return &write{timeout: d}, err
	},
})

type write struct {
	filter.RequestOnly
	timeout time.Duration
}

func (f *write) Request(c *filter.Context) { c.Client.WriteTimeout = f.timeout }
