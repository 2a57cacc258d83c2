package source

import (
	"context"
	"time"

	"fairlead.dev/fairlead/option"
)

// Options are what sources have in common.
var Options = option.Define("source", Values{PollTimeout: 3000})

// Values are the options that sources have in common, spec 1.8.
type Values struct {
	PollTimeout int `flag:"source-poll-timeout" doc:"milliseconds between two looks at the sources of routes"`
}

// minPoll keeps a mistaken option from making a source busy.
const minPoll = 10 * time.Millisecond

// Poll is the Watch of a source that can only be asked again and again: it
// calls changed each time the option source-poll-timeout has passed, until ctx
// ends. Such a source finds out in Routes whether anything changed and says so
// with Set.Version.
func Poll(ctx context.Context, options *option.Set, changed func()) error {
	period := max(time.Duration(Options.From(options).PollTimeout)*time.Millisecond, minPoll)
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			changed()
		}
	}
}
