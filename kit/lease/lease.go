package lease

import (
	"sync"
	"time"
)

// Book holds the things by their keys. The zero Book is ready; it is safe for
// concurrent use.
type Book[K comparable, V any] struct {
	mu   sync.Mutex
	all  map[K]*entry[K, V]
	idle map[K]*entry[K, V]
	next time.Time // when some idle one is to be forgotten
}

type entry[K comparable, V any] struct {
	book   *Book[K, V]
	key    K
	value  V
	users  int
	linger time.Duration
	until  time.Time
}

// Lease is one user's share of a thing.
type Lease[K comparable, V any] struct {
	// Value is the thing.
	Value V
	entry *entry[K, V]
	once  sync.Once
}

// Take returns the thing of key, made by create if nobody has it. After the last
// Close it is kept for linger. create must not use the Book.
func (b *Book[K, V]) Take(key K, linger time.Duration, create func() V) *Lease[K, V] {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget()
	e := b.all[key]
	if e == nil {
		e = &entry[K, V]{book: b, key: key, value: create(), linger: linger}
		if b.all == nil {
			b.all, b.idle = map[K]*entry[K, V]{}, map[K]*entry[K, V]{}
		}
		b.all[key] = e
	}
	e.users++
	delete(b.idle, key)
	return &Lease[K, V]{Value: e.value, entry: e}
}

// forget drops what was idle for long enough.
func (b *Book[K, V]) forget() {
	if len(b.idle) == 0 {
		return
	}
	now := time.Now()
	if now.Before(b.next) {
		return
	}
	b.next = time.Time{}
	for key, e := range b.idle {
		if !now.Before(e.until) {
			delete(b.idle, key)
			delete(b.all, key)
		} else if b.next.IsZero() || e.until.Before(b.next) {
			b.next = e.until
		}
	}
}

// Len returns how many things are kept.
func (b *Book[K, V]) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.all)
}

// Close gives the share back, once. It returns nil.
func (l *Lease[K, V]) Close() error {
	l.once.Do(func() {
		e := l.entry
		b := e.book
		b.mu.Lock()
		defer b.mu.Unlock()
		if e.users--; e.users > 0 {
			return
		}
		e.until = time.Now().Add(e.linger)
		b.idle[e.key] = e
		if len(b.idle) == 1 || e.until.Before(b.next) {
			b.next = e.until
		}
	})
	return nil
}
