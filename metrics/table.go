package metrics

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

const minSlots = 64

// table maps strings to values. Looking up takes no lock and no memory; adding
// locks. Clients choose the keys, so hashes are seeded and the number of
// entries is bounded.
type table[T any] struct {
	limit int
	seed  maphash.Seed
	slots atomic.Pointer[[]slot[T]] // a power of two, at most half of them taken

	mu    sync.Mutex
	used  int
	other *T // see spare
}

type slot[T any] = atomic.Pointer[entry[T]]

type entry[T any] struct {
	key   string
	value *T
}

func newTable[T any](limit int) *table[T] {
	t := &table[T]{limit: limit, seed: maphash.MakeSeed()}
	t.slots.Store(new(make([]slot[T], minSlots)))
	return t
}

// get returns the value of key, or nil.
func (t *table[T]) get(key string) *T {
	if e := t.place(*t.slots.Load(), key).Load(); e != nil {
		return e.value
	}
	return nil
}

// add returns the value of key, made by create when there is none. It returns
// nil when the table is full. create must not use the table.
func (t *table[T]) add(key string, create func() *T) *T {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.get(key); v != nil {
		return v
	}
	if t.used >= t.limit {
		return nil
	}
	slots := *t.slots.Load()
	if 2*(t.used+1) > len(slots) {
		slots = t.rebuild(slots, 2*len(slots), func(*T) bool { return true })
	}
	e := &entry[T]{key: strings.Clone(key), value: create()}
	t.place(slots, key).Store(e)
	t.used++
	return e.value
}

// spare returns the value that stands for all keys above the bound, made by
// create at the first call.
func (t *table[T]) spare(create func() *T) *T {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.other == nil {
		t.other = create()
	}
	return t.other
}

// retain removes the entries for which keep returns false.
func (t *table[T]) retain(keep func(*T) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slots := *t.slots.Load()
	t.rebuild(slots, len(slots), keep)
}

// rebuild publishes a copy of slots with the given size. Readers of the old
// slots still find what was there, and nothing that is added later: they then
// come to add, which looks again.
func (t *table[T]) rebuild(old []slot[T], size int, keep func(*T) bool) []slot[T] {
	slots := make([]slot[T], size)
	t.used = 0
	for i := range old {
		if e := old[i].Load(); e != nil && keep(e.value) {
			t.place(slots, e.key).Store(e)
			t.used++
		}
	}
	t.slots.Store(&slots)
	return slots
}

// place returns the slot that holds key or that is free for it.
func (t *table[T]) place(slots []slot[T], key string) *slot[T] {
	mask := uint64(len(slots) - 1)
	for i := maphash.String(t.seed, key); ; i++ {
		s := &slots[i&mask]
		if e := s.Load(); e == nil || e.key == key {
			return s
		}
	}
}

// full reports whether nothing can be added.
func (t *table[T]) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used >= t.limit
}

// each calls visit with every value.
func (t *table[T]) each(visit func(*T)) {
	t.mu.Lock()
	other := t.other
	t.mu.Unlock()
	if other != nil {
		visit(other)
	}
	slots := *t.slots.Load()
	for i := range slots {
		if e := slots[i].Load(); e != nil {
			visit(e.value)
		}
	}
}
