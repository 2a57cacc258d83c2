package http2

// streamTable finds the streams of a connection by their ids. The ids of a peer
// follow each other, so that they spread evenly.
type streamTable struct {
	buckets [64]*stream
	n       int
}

func bucket(id uint32) uint32 { return id >> 1 % 64 }

func (t *streamTable) get(id uint32) *stream {
	s := t.buckets[bucket(id)]
	for s != nil && s.id != id {
		s = s.next
	}
	return s
}

func (t *streamTable) add(s *stream) {
	b := &t.buckets[bucket(s.id)]
	s.next, *b = *b, s
	t.n++
}

func (t *streamTable) remove(s *stream) {
	p := &t.buckets[bucket(s.id)]
	for *p != s {
		p = &(*p).next
	}
	*p, s.next = s.next, nil
	t.n--
}

// each calls fn with every stream.
func (t *streamTable) each(fn func(*stream)) {
	if t.n == 0 {
		return
	}
	for _, s := range t.buckets {
		for s != nil {
			next := s.next
			fn(s)
			s = next
		}
	}
}

// closing is how a stream ended.
type closing uint8

const (
	closedUnknown closing = iota
	closedWell            // both sides ended it
	closedHere            // we reset it: the peer may not know yet
	closedThere           // the peer reset it
)

// pastStreams remembers how the last streams ended, to tell frames that crossed
// our reset from mistakes.
type pastStreams struct {
	ring [128]struct {
		id  uint32
		how closing
	}
	next uint8
}

func (p *pastStreams) add(id uint32, how closing) {
	p.ring[p.next%128] = struct {
		id  uint32
		how closing
	}{id, how}
	p.next = (p.next + 1) % 128
}

func (p *pastStreams) how(id uint32) closing {
	for i := range p.ring {
		if p.ring[i].id == id {
			return p.ring[i].how
		}
	}
	return closedUnknown
}
