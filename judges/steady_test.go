package judges

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// steadyLoad is what clients do, and what of it went wrong.
type steadyLoad struct {
	t    *testing.T
	stop chan struct{}
	wg   sync.WaitGroup

	mu     sync.Mutex
	counts map[string]*atomic.Int64
	failed int
}

// repeat repeats one thing until the load stops.
func (l *steadyLoad) repeat(name string, one func() error) {
	n := new(atomic.Int64)
	l.mu.Lock()
	l.counts[name] = n
	l.mu.Unlock()
	l.wg.Go(func() {
		for {
			begun := time.Now()
			if err := one(); err != nil {
				l.mu.Lock()
				if l.failed++; l.failed <= 20 {
					l.t.Errorf("%s, number %d, begun %s: %v", name, n.Load(), begun.Format("05.000"), err)
				}
				l.mu.Unlock()
			}
			n.Add(1)
			select {
			case <-l.stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
}

// TestSteady checks that nobody notices: clients of all kinds are at work while
// routes, backends and certificates change and instances come and go. Every
// request has its whole answer, every WebSocket ends with a Close frame.
func TestSteady(t *testing.T) {
	restarts := 6
	if testing.Short() {
		restarts = 2
	}
	town := newSteadyTown(t)
	current := town.start()
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() { town.balance(ctx) })
	background.Go(func() { every(ctx, 15*time.Millisecond, town.newRoutes) })
	background.Go(func() { every(ctx, 300*time.Millisecond, town.newCertificate) })
	background.Go(func() { every(ctx, 700*time.Millisecond, town.newBack) })

	load := &steadyLoad{t: t, stop: make(chan struct{}), counts: map[string]*atomic.Int64{}}
	for _, w := range steadyWays {
		c := town.client(w)
		defer c.CloseIdleConnections()
		load.repeat(w.name+" fast", func() error { return w.fast(c) })
		load.repeat(w.name+" download", func() error { return w.down(c) })
		load.repeat(w.name+" upload", func() error { return w.up(c) })
		if !w.once {
			load.repeat(w.name+" socket", func() error { return town.socket(w, load.stop) })
			load.repeat(w.name+" short socket", func() error {
				soon := make(chan struct{})
				defer time.AfterFunc(200*time.Millisecond, func() { close(soon) }).Stop()
				return town.socket(w, soon)
			})
		}
	}
	for range restarts {
		<-time.After(500 * time.Millisecond)
		next := town.start()
		town.stop(current)
		current = next
	}
	close(load.stop)
	load.wg.Wait()
	for name, n := range load.counts {
		if n.Load() == 0 {
			t.Errorf("%s: nothing was done", name)
		}
	}
	t.Logf("%d restarts, %d failures; done: %v", restarts, load.failed, load.total())
}

func (l *steadyLoad) total() (n int64) {
	for _, c := range l.counts {
		n += c.Load()
	}
	return n
}

// every calls fn again and again until ctx ends.
func every(ctx context.Context, pause time.Duration, fn func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			fn()
		}
	}
}
