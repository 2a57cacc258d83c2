package app

import (
	"context"
	"errors"
	"fmt"
)

// starter runs parts: each in a goroutine, with a context of its own, so that
// they can be stopped one after the other. The zero starter is ready.
type starter struct {
	parts  []part
	failed chan error // the first part that ended by itself with an error
}

type part struct {
	name   string
	cancel context.CancelFunc
	done   chan error
}

// start runs a part. Nothing of it outlives run.
func (s *starter) start(name string, run func(context.Context) error) {
	if s.failed == nil {
		s.failed = make(chan error, 1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := part{name: name, cancel: cancel, done: make(chan error, 1)}
	s.parts = append(s.parts, p)
	go func() {
		err := run(ctx)
		if err != nil {
			err = fmt.Errorf("%s: %w", name, err)
			if ctx.Err() == nil {
				select {
				case s.failed <- err:
				default:
				}
			}
		}
		p.done <- err
	}()
}

// stop ends the parts in reverse order and waits for each.
func (s *starter) stop() error {
	var errs []error
	for i := len(s.parts) - 1; i >= 0; i-- {
		s.parts[i].cancel()
		errs = append(errs, <-s.parts[i].done)
	}
	s.parts = nil
	return errors.Join(errs...)
}
