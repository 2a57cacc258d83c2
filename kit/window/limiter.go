package window

import (
	"hash/maphash"
	"sync"
	"time"
)

// Key stands for what is counted: two sums over it, each with a seed of its own.
type Key [2]uint64

const (
	shards = 64
	// spare is how many places a shard has for keys that it has no room for.
	spare = 256
	// mostKept bounds the times that all keys of a Limiter keep: 4 million are 64
	// MB.
	mostKept = 4 << 20
	// sweep is how many keys are looked at whenever one is added.
	sweep = 2
)

// Limiter counts the events of many things. Make one with NewLimiter; it is safe
// for concurrent use.
type Limiter struct {
	by     rule
	begun  time.Time
	seeds  [2]maphash.Seed
	shards [shards]shard
}

// shard is a part of the keys.
type shard struct {
	mu    sync.Mutex
	keys  map[Key]*counted
	most  int
	kept  int     // times in all rings
	limit int     // of kept
	spare []ring  // places to share, made when they are needed
	list  counted // the head of the keys, the one counted last at the end
}

// counted is a key with its events, and a member of the list of its shard.
type counted struct {
	ring
	key        Key
	prev, next *counted
}

// NewLimiter returns a Limiter that allows each key n events in any stretch of d,
// and knows so many keys at a time. d must be positive.
func NewLimiter(n int, d time.Duration, keys int) *Limiter {
	l := &Limiter{by: newRule(n, d), begun: time.Now(), seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	for i := range l.shards {
		s := &l.shards[i]
		s.most, s.limit = max(keys/shards, 1), mostKept/shards
		s.keys = map[Key]*counted{}
		s.list.prev, s.list.next = &s.list, &s.list
	}
	return l
}

// Key returns the key of a text.
func (l *Limiter) Key(text string) Key {
	return Key{maphash.String(l.seeds[0], text), maphash.String(l.seeds[1], text)}
}

// KeyBytes is Key for what is no string.
func (l *Limiter) KeyBytes(b []byte) Key {
	return Key{maphash.Bytes(l.seeds[0], b), maphash.Bytes(l.seeds[1], b)}
}

// Allow counts one event of k if it may happen now. If not, wait is how long it
// takes until the next may.
func (l *Limiter) Allow(k Key) (ok bool, wait time.Duration) {
	s := &l.shards[k[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Since(l.begun)
	c := s.keys[k]
	if c == nil {
		if l.by.n == 0 {
			return false, l.by.d
		}
		if c = s.add(k, now, &l.by); c == nil {
			return s.shared(k).allow(now, &l.by, s.grow)
		}
	}
	if ok, wait = c.allow(now, &l.by, s.grow); ok {
		c.remove()
		s.append(c)
	}
	return ok, wait
}

// Keys returns how many keys are known.
func (l *Limiter) Keys() int {
	n := 0
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.keys)
		s.mu.Unlock()
	}
	return n
}

// add makes room for k; nil if there is none.
func (s *shard) add(k Key, now time.Duration, by *rule) *counted {
	for range sweep {
		oldest := s.list.next
		if oldest == &s.list || !oldest.empty(now, by.d) {
			break
		}
		s.forget(oldest)
	}
	if len(s.keys) >= s.most {
		return nil
	}
	c := &counted{key: k}
	s.keys[k] = c
	s.append(c)
	return c
}

// forget drops a key that counts nothing any more.
func (s *shard) forget(c *counted) {
	c.remove()
	delete(s.keys, c.key)
	s.kept -= len(c.events)
}

// grow takes from what all rings of the shard may keep; each has one in any case.
func (s *shard) grow(times int) bool {
	if times > 1 && s.kept+times > s.limit {
		return false
	}
	s.kept += times
	return true
}

// shared returns the place for a key that there is no room for.
func (s *shard) shared(k Key) *ring {
	if s.spare == nil {
		s.spare = make([]ring, spare)
	}
	return &s.spare[k[1]%spare]
}

func (s *shard) append(c *counted) {
	last := s.list.prev
	c.prev, c.next = last, &s.list
	last.next, s.list.prev = c, c
}

func (c *counted) remove() {
	if c.prev != nil {
		c.prev.next, c.next.prev = c.next, c.prev
	}
}
