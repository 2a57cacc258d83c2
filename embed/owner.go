package embed

import (
	"errors"
	"sync"
	"time"

	"fairlead.dev/fairlead/filter"
)

// owner waits for the goroutines of all middlewares of a process.
type owner struct{ running sync.WaitGroup }

type ownerKey struct{}

func ownerOf(env *filter.Env) *owner {
	return env.Shared(ownerKey{}, func() any { return new(owner) }).(*owner)
}

// patience is how long the end of the process waits for middlewares that go on
// after their exchanges.
const patience = 5 * time.Second

// Close implements io.Closer.
func (o *owner) Close() error {
	done := make(chan struct{})
	go func() { defer close(done); o.running.Wait() }()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return errors.New("a middleware goes on although its requests have ended: let it look at the context of the request")
	}
}
