package http2

import (
	"sync"

	"fairlead.dev/fairlead/kit/live"
)

// mostIdleWorkers bounds the goroutines that wait for streams.
const mostIdleWorkers = 512

// workers are goroutines that serve one stream after the other: their stacks
// have grown to what handlers need. They are of no connection.
type workers struct {
	live *live.Group

	mu   sync.Mutex
	idle []*worker
	low  int  // fewest idle ones since the last trim
	open bool // there are connections: workers may rest
}

type worker struct {
	next chan *stream
}

// start has s served by an idle worker or a new one.
func (p *workers) start(s *stream) {
	p.mu.Lock()
	n := len(p.idle)
	if n == 0 {
		p.mu.Unlock()
		w := &worker{next: make(chan *stream)}
		p.live.Go(func() { p.work(w, s) })
		return
	}
	w := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	p.low = min(p.low, n-1)
	p.mu.Unlock()
	w.next <- s
}

func (p *workers) work(w *worker, s *stream) {
	for s != nil {
		s.serve()
		if !p.rest(w) {
			return
		}
		s = <-w.next
	}
}

// begin lets workers rest.
func (p *workers) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = true
}

// rest puts w with the idle ones; false when there are enough.
func (p *workers) rest(w *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.open || len(p.idle) >= mostIdleWorkers {
		return false
	}
	p.idle = append(p.idle, w)
	return true
}

// trim ends the workers that nobody needed since the last call, or all of them
// when there are no connections.
func (p *workers) trim(all bool) {
	p.mu.Lock()
	n := p.low
	if all {
		n, p.open = len(p.idle), false
	}
	n = min(n, len(p.idle))
	ended := append([]*worker(nil), p.idle[:n]...)
	k := copy(p.idle, p.idle[n:])
	clear(p.idle[k:])
	p.idle = p.idle[:k]
	p.low = k
	p.mu.Unlock()
	for _, w := range ended {
		w.next <- nil
	}
}
