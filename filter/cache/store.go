package cache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// store keeps responses, those used last, within a number of bytes.
type store struct {
	seed   maphash.Seed
	most   int64 // bytes of a shard
	shards [shards]shard
	gauge  filter.Gauge   // bytes
	evict  filter.Counter // entries

	// clock counts invalidations, and invalid has for each URI, by its hash, when
	// it was last invalidated: what was asked for before that is not used. Two URIs
	// with one slot cost a miss.
	clock   atomic.Uint64
	invalid [slots]atomic.Uint64
}

const (
	shards = 16
	slots  = 1 << 14
)

// shard is a part of the store with a lock of its own.
type shard struct {
	mu        sync.Mutex
	resources map[string]*resource
	bytes     int64
	last      entry // the ring of entries: next is the one used last
}

// resource holds the responses under one key; their Vary tells them apart.
type resource struct {
	key     string
	entries []*entry // the newest first
}

// mostVariants bounds the responses of one resource.
const mostVariants = 32

// overhead is what an entry costs beside its texts, roughly.
const overhead = 512

func newStore(size int64, gauge filter.Gauge, evict filter.Counter) *store {
	s := &store{seed: maphash.MakeSeed(), most: size / shards, gauge: gauge, evict: evict}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.resources = map[string]*resource{}
		sh.last.next, sh.last.prev = &sh.last, &sh.last
	}
	return s
}

func (s *store) shard(key []byte) *shard { return &s.shards[s.hash(key)%shards] }

// get returns what answers a request with these fields, the newest if several do;
// nil when there is nothing.
func (s *store) get(key []byte, h *message.Header) *entry {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r := sh.resources[string(key)]
	if r == nil {
		return nil
	}
	for _, e := range r.entries {
		if e.began >= s.invalid[e.slot].Load() && e.selects(h) {
			sh.unlink(e)
			sh.link(e)
			return e
		}
	}
	return nil
}

// choosing returns the fields that told the responses of a resource apart so far.
func (s *store) choosing(key []byte) []selection {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if r := sh.resources[string(key)]; r != nil {
		return r.entries[0].vary
	}
	return nil
}

// put stores e, in place of the one it is chosen like. It reports whether there
// was room.
func (s *store) put(key string, e *entry) bool {
	e.size = e.weigh(key)
	if e.size > s.most {
		return false
	}
	sh := s.shard([]byte(key))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	before := sh.bytes
	r := sh.resources[key]
	if r == nil {
		r = &resource{key: key}
		sh.resources[key] = r
	}
	if e.pass && len(r.entries) > 0 && !r.entries[0].pass {
		return true // others of its kind can be stored
	}
	e.home = r
	for i := 0; i < len(r.entries); {
		if old := r.entries[i]; old.pass || sameChoice(old.vary, e.vary) {
			sh.remove(old)
			continue
		}
		i++
	}
	if len(r.entries) >= mostVariants {
		sh.remove(r.entries[len(r.entries)-1])
		s.evict.Add(1)
	}
	r.entries = append(r.entries, nil)
	copy(r.entries[1:], r.entries)
	r.entries[0] = e
	sh.resources[key] = r // removing the last one took it out
	sh.link(e)
	sh.bytes += e.size
	for sh.bytes > s.most {
		sh.remove(sh.last.prev)
		s.evict.Add(1)
	}
	s.gauge.Add(float64(sh.bytes - before))
	return true
}

func (e *entry) weigh(key string) int64 {
	n := overhead + len(key) + cap(e.body)
	for _, f := range e.header.Fields() {
		n += len(f.Name) + len(f.Value) + 40
	}
	for _, v := range e.vary {
		n += len(v.name) + len(v.value) + 32
	}
	return int64(n)
}

func sameChoice(a, b []selection) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !message.EqualName(a[i].name, b[i].name) || a[i].value != b[i].value {
			return false
		}
	}
	return true
}

// drop removes e if it is still there.
func (s *store) drop(key []byte, e *entry) {
	sh := s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e.next != nil {
		s.gauge.Add(-float64(e.size))
		sh.remove(e)
	}
}

// remove takes e out of the shard, whose lock is held.
func (sh *shard) remove(e *entry) {
	sh.unlink(e)
	sh.bytes -= e.size
	r := e.home
	for i := range r.entries {
		if r.entries[i] == e {
			r.entries = append(r.entries[:i], r.entries[i+1:]...)
			break
		}
	}
	if len(r.entries) == 0 {
		delete(sh.resources, r.key)
	}
}

// link makes e the one used last.
func (sh *shard) link(e *entry) {
	e.prev, e.next = &sh.last, sh.last.next
	e.prev.next, e.next.prev = e, e
}

func (sh *shard) unlink(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
}

// slot returns where the invalidations of a URI are noted.
func (s *store) slot(uri []byte) uint64 { return s.hash(uri) % slots }

// now returns the time of invalidations.
func (s *store) now() uint64 { return s.clock.Load() }

// invalidate makes what is stored under a URI, or on its way, unusable (RFC 9111
// 4.4).
func (s *store) invalidate(uri []byte) {
	slot, now := &s.invalid[s.slot(uri)], s.clock.Add(1)
	for before := slot.Load(); before < now && !slot.CompareAndSwap(before, now); before = slot.Load() {
		// another one was noted meanwhile: the later counts
	}
}

// passFor is how long it is remembered that a response cannot be stored.
const passFor = 10 * time.Second

// passing returns an entry that says so.
func (s *store) passing(slot uint64, now time.Time) *entry {
	return &entry{pass: true, received: now, from: now, slot: slot, began: s.now(), verdict: verdict{lifetime: passFor}}
}
