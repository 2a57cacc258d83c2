package control

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/source"
)

// origin is one source and what is known of it. Only update changes it, apart
// from its follower, which uses source, wake and retry alone.
type origin struct {
	source source.Source
	index  int // place in the configured order
	wake   chan struct{}

	set       source.Set // the last good one, rewritten
	rewritten map[*eskip.Route]rewriting
	loaded    bool
	changedAt time.Time // of set
	err       error     // why the latest reading failed
}

// delivery is what one reading of a source gave.
type delivery struct {
	from *origin
	set  source.Set
	err  error
}

const (
	// pace is the least time between two readings of a source.
	pace = 100 * time.Millisecond
	// The pauses before a source that failed is read again without being asked.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// follow reads a source now and whenever it says that it changed, and hands
// what it reads to deliver, until ctx ends. A source that cannot be read is
// tried again after a pause that doubles.
func (o *origin) follow(ctx context.Context, deliver chan<- delivery) {
	pause := firstRetry
	for {
		d := o.read(ctx)
		if ctx.Err() != nil {
			return
		}
		select {
		case deliver <- d:
		case <-ctx.Done():
			return
		}
		var again <-chan time.Time
		if d.err == nil {
			pause = firstRetry
		} else {
			again = time.After(jitter(pause))
			pause = min(2*pause, lastRetry)
		}
		select {
		case <-time.After(pace):
		case <-ctx.Done():
			return
		}
		select {
		case <-o.wake:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// watch keeps a Watch of the source running until ctx ends.
func (o *origin) watch(ctx context.Context, deliver chan<- delivery) {
	pause := firstRetry
	for ctx.Err() == nil {
		err := o.source.Watch(ctx, o.changed)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("it ended before it was told to")
		}
		select {
		case deliver <- delivery{from: o, err: fmt.Errorf("watch %s: %w", o.source.Name(), err)}:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(jitter(pause)):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, lastRetry)
		o.changed() // whatever happened in between
	}
}

// changed wakes the follower. It never blocks: one look sees all changes.
func (o *origin) changed() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *origin) read(ctx context.Context) delivery {
	set, err := o.source.Routes(ctx)
	if err != nil {
		err = fmt.Errorf("read routes from %s: %w", o.source.Name(), err)
	}
	return delivery{from: o, set: set, err: err}
}

// jitter keeps many processes from retrying at the same moment.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2) }
