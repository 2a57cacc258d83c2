package diag

import (
	"context"
	"io"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// longestTarpit is when a client was held for long enough: it costs us a little,
// too.
const longestTarpit = time.Hour

var _ = filter.Define(filter.Def{
	Name:      "tarpit",
	Params:    []arg.Param{{Name: "interval", Type: arg.Duration}},
	Doc:       "answers 200 and then sends a byte in each interval, for an hour; a number means milliseconds",
	Example:   `* -> tarpit("1s") -> <shunt>`,
	Differs:   "ends after an hour and when the process ends, because each client held takes memory here, too",
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		if v.Duration(0) <= 0 {
			return nil, v.Wrong(0, "found %s, expected more than nothing", v.Duration(0))
		}
		return &tarpit{interval: v.Duration(0)}, nil
	},
})

type tarpit struct {
	filter.RequestOnly
	interval time.Duration
}

func (f *tarpit) Request(c *filter.Context) {
	resp := &message.Response{Status: 200}
	resp.SetBody(&drip{ctx: c.Context(), interval: f.interval, end: time.Now().Add(longestTarpit)}, message.Unknown)
	c.Serve(resp)
}

// drip is a body that comes slowly.
type drip struct {
	ctx      context.Context
	interval time.Duration
	end      time.Time
}

// Read gives one byte after an interval.
func (d *drip) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	left := time.Until(d.end)
	if left <= 0 {
		return 0, io.EOF
	}
	if !waitIn(d.ctx, min(d.interval, left)) {
		return 0, d.ctx.Err()
	}
	p[0] = ' '
	return 1, nil
}
