// Package live counts what has to be waited for.
//
// It promises what a sync.WaitGroup does not: it may be waited for while the
// count is 0 and the first thing begins. It does not limit how much lives.
//
// Start reading at Group.
package live

import "sync"

// Group counts what lives. The zero Group is ready; it must not be copied.
type Group struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n is 0; nil while nobody waits
}

// Add counts by more.
func (g *Group) Add(by int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n += by
	if g.n < 0 {
		panic("live: more has ended than began")
	}
	if g.n == 0 && g.none != nil {
		close(g.none)
		g.none = nil
	}
}

// Done counts one less.
func (g *Group) Done() { g.Add(-1) }

// Go runs f in a goroutine and counts it.
func (g *Group) Go(f func()) {
	g.Add(1)
	go func() {
		defer g.Done()
		f()
	}()
}

// None returns a channel that is closed when nothing is left.
func (g *Group) None() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.none == nil {
		g.none = make(chan struct{})
	}
	none := g.none
	if g.n == 0 {
		close(none)
		g.none = nil
	}
	return none
}

// Wait waits until nothing is left.
func (g *Group) Wait() { <-g.None() }
