package cache

import (
	"context"
	"sync"
	"time"
)

// flights are the requests under way that others may wait for.
type flights struct {
	mu sync.Mutex
	on map[string]*flight
}

// flight is one of them: done is closed when what it brought is stored, or when it
// is known that it brings nothing.
type flight struct {
	key  string
	done chan struct{}
}

// join returns the flight under key, or a new one that the caller leads.
func (s *flights) join(key []byte) (f *flight, leads bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = s.on[string(key)]; f != nil {
		return f, false
	}
	f = &flight{key: string(key), done: make(chan struct{})}
	s.on[f.key] = f
	return f, true
}

// land ends a flight that the caller leads.
func (s *flights) land(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on[f.key] == f {
		delete(s.on, f.key)
	}
	close(f.done)
}

// leave keeps others from waiting for a flight that takes too long.
func (s *flights) leave(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on[f.key] == f {
		delete(s.on, f.key)
	}
}

// await waits for the flight f, at most for -cache-collapse-wait. It reports
// whether f has landed. Nobody else waits for one that takes too long.
func (s *flights) await(ctx context.Context, f *flight, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-f.done:
		return true
	case <-ctx.Done():
	case <-t.C:
		s.leave(f)
	}
	return false
}
