package http1

import "sync"

// live counts what a server has to wait for. Unlike a sync.WaitGroup it may be
// waited for while the first connection begins: listeners and Drain work side by
// side.
type live struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n is 0; nil while nobody waits
}

// Add counts by more.
func (l *live) Add(by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += by
	if l.n == 0 && l.none != nil {
		close(l.none)
		l.none = nil
	}
}

// Done counts one less.
func (l *live) Done() { l.Add(-1) }

// wait returns a channel that is closed when nothing is left.
func (l *live) wait() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.none == nil {
		l.none = make(chan struct{})
	}
	none := l.none
	if l.n == 0 {
		close(none)
		l.none = nil
	}
	return none
}
