package listen

import (
	"container/list"
	"net/netip"
	"os"
	"sync"
	"time"
)

// slots are the places of handshakes that compute. When all are taken clients
// take turns: one that begins a thousand handshakes makes itself wait, and not
// the one that begins one.
type slots struct {
	most int

	mu    sync.Mutex
	taken int
	lines map[netip.Prefix]*line
	turns list.List // of *line, whose turn it is first; nobody has an empty one
}

// line is what one client waits for.
type line struct {
	client netip.Prefix
	waits  list.List // of chan struct{}, closed when it is its turn
	place  *list.Element
}

func newSlots(most int) *slots {
	return &slots{most: most, lines: map[netip.Prefix]*line{}}
}

// enter waits for a place until deadline.
func (s *slots) enter(client netip.Prefix, deadline time.Time) error {
	s.mu.Lock()
	if s.taken < s.most {
		s.taken++
		s.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l := s.lines[client]
	if l == nil {
		l = &line{client: client}
		l.place = s.turns.PushBack(l)
		s.lines[client] = l
	}
	e := l.waits.PushBack(turn)
	s.mu.Unlock()
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-turn:
		return nil
	case <-t.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-turn: // just now
		return nil
	default:
	}
	l.waits.Remove(e)
	s.settle(l)
	return os.ErrDeadlineExceeded
}

// leave gives the place to the client whose turn it is.
func (s *slots) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.turns.Front()
	if first == nil {
		s.taken--
		return
	}
	l, _ := first.Value.(*line)
	turn, _ := l.waits.Remove(l.waits.Front()).(chan struct{})
	close(turn)
	s.turns.MoveToBack(first)
	s.settle(l)
}

// settle forgets a line in which nobody waits.
func (s *slots) settle(l *line) {
	if l.waits.Len() == 0 {
		s.turns.Remove(l.place)
		delete(s.lines, l.client)
	}
}
