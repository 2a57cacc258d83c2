package diag

import (
	"context"
	"fmt"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:    "latency",
	Params:  []arg.Param{{Name: "delay", Type: arg.Duration}},
	Doc:     "delays the response; a number means milliseconds",
	Example: `* -> latency("120ms") -> "http://127.0.0.1:8080"`,
	Differs: "Ends when the client goes away, because nobody waits any more.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &latency{delay: v.Duration(0)}, checkDelay(v.Duration(0))
	},
})

var _ = filter.Define(filter.Def{
	Name:    "backendLatency",
	Params:  []arg.Param{{Name: "delay", Type: arg.Duration}},
	Doc:     "delays the request on its way to the backend; a number means milliseconds",
	Example: `* -> backendLatency(120) -> "http://127.0.0.1:8080"`,
	Differs: "Ends when the client goes away, because nobody waits any more.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &backendLatency{delay: v.Duration(0)}, checkDelay(v.Duration(0))
	},
})

func checkDelay(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("found the delay %s, expected none that is negative", d)
	}
	return nil
}

type latency struct {
	filter.ResponseOnly
	delay time.Duration
}

func (f *latency) Response(c *filter.Context) { wait(c, f.delay) }

type backendLatency struct {
	filter.RequestOnly
	delay time.Duration
}

func (f *backendLatency) Request(c *filter.Context) { wait(c, f.delay) }

// wait waits for d, or until the exchange ends.
func wait(c *filter.Context, d time.Duration) {
	if d > 0 {
		waitIn(c.Context(), d)
	}
}

// waitIn waits for d. It returns false when ctx ended before.
func waitIn(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
