package timeout

import (
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "readTimeout",
	Params:    params(),
	Doc:       "bounds the time for the client to send the body of its request, in place of -read-timeout-server; a number means milliseconds",
	Example:   `* -> readTimeout("10s") -> "http://127.0.0.1:8080"`,
	Differs:   "the client is answered 408 (body-timeout), because a slow client can be told from one that went away (499)",
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		d, err := limit(v)
		return &read{timeout: d}, err
	},
})

func params() []arg.Param { return []arg.Param{{Name: "timeout", Type: arg.Duration}} }

func limit(v arg.Values) (time.Duration, error) {
	d := v.Duration(0)
	if d <= 0 {
		return 0, v.Wrong(0, "found %s, expected more than nothing", d)
	}
	return d, nil
}

type read struct {
	filter.RequestOnly
	timeout time.Duration
}

func (f *read) Request(c *filter.Context) { c.Client.ReadTimeout = f.timeout }
