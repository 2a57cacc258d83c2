package proxy

import (
	"context"
	"sync"
	"time"
)

// tunnels are the tunnels that are open.
type tunnels struct {
	mu      sync.Mutex
	open    map[*tunnel]struct{}
	leaving bool
}

// add reports false when no more tunnels are wanted.
func (s *tunnels) add(t *tunnel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*tunnel]struct{}{}
	}
	s.open[t] = struct{}{}
	return !s.leaving
}

func (s *tunnels) remove(t *tunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, t)
}

func (s *tunnels) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// watch ends tunnels through which nothing passes for idle, until ctx ends.
func (s *tunnels) watch(ctx context.Context, idle time.Duration) {
	if idle <= 0 {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(max(idle/quietLooks, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, t := range s.idle() {
			wg.Go(func() {
				t.leave(ctx)
				t.cut()
			})
		}
	}
}

// quietLooks is how often a tunnel is looked at before it counts as idle.
const quietLooks = 8

// idle returns the tunnels that were quiet for long enough just now.
func (s *tunnels) idle() []*tunnel {
	s.mu.Lock()
	defer s.mu.Unlock()
	var idle []*tunnel
	for t := range s.open {
		if t.passed() {
			t.quiet = 0
			continue
		}
		if t.quiet++; t.quiet == quietLooks+1 { // the first look may come at once
			idle = append(idle, t)
		}
	}
	return idle
}

// leave has all tunnels take leave and waits for that until ctx ends.
func (s *tunnels) leave(ctx context.Context) {
	var wg sync.WaitGroup
	s.mu.Lock()
	s.leaving = true
	for t := range s.open {
		wg.Go(func() { t.leave(ctx) })
	}
	s.mu.Unlock()
	wg.Wait()
}
