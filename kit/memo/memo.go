package memo

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"fairlead.dev/fairlead/kit/live"
)

// ErrBusy says that as many lookups as allowed are under way.
var ErrBusy = errors.New("too many lookups are under way")

// ErrClosed says that the Memo was closed.
var ErrClosed = errors.New("closed")

// Config bounds a Memo.
type Config struct {
	// Size is how many results are remembered; 0 is none.
	Size int
	// MaxLookups is how many lookups may be under way; the default is 1024.
	MaxLookups int
}

// Memo remembers results V by keys K. Its methods may be called at the same time.
type Memo[K comparable, V any] struct {
	cfg     Config
	ctx     context.Context // ends with Close
	close   context.CancelFunc
	lookups live.Group

	mu    sync.Mutex
	known map[K]*list.Element // of order
	order *list.List          // of entry[K, V], the last used first
	under map[K]*lookup[V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
	until time.Time
}

// lookup is one that is under way. value and err are set before done is closed.
type lookup[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// Lookup finds the value of a key, and says until when it may be remembered: a
// time that has passed, such as the zero time, means not at all.
type Lookup[V any] func(context.Context) (value V, until time.Time, err error)

// New returns an empty Memo. Close it.
func New[K comparable, V any](cfg Config) *Memo[K, V] {
	if cfg.MaxLookups <= 0 {
		cfg.MaxLookups = 1024
	}
	m := &Memo[K, V]{cfg: cfg, known: map[K]*list.Element{}, order: list.New(), under: map[K]*lookup[V]{}}
	m.ctx, m.close = context.WithCancel(context.Background())
	return m
}

// Get returns the value of key, remembered or looked up by find. The context that
// find gets is not ctx: it ends only with the Memo. find may still run when Get has
// returned, and others may get what it finds: what it uses must outlive the caller.
func (m *Memo[K, V]) Get(ctx context.Context, key K, find Lookup[V]) (V, error) {
	v, ok, l, err := m.begin(key, find)
	if ok || err != nil {
		return v, err
	}
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

// begin returns the remembered value, or the lookup to wait for.
func (m *Memo[K, V]) begin(key K, find Lookup[V]) (v V, ok bool, l *lookup[V], err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok = m.remembered(key); ok {
		return v, true, nil, nil
	}
	if l = m.under[key]; l != nil {
		return v, false, l, nil
	}
	switch {
	case m.ctx.Err() != nil:
		return v, false, nil, ErrClosed
	case len(m.under) >= m.cfg.MaxLookups:
		return v, false, nil, fmt.Errorf("%w (%d)", ErrBusy, len(m.under))
	}
	l = &lookup[V]{done: make(chan struct{})}
	m.under[key] = l
	m.lookups.Go(func() { m.look(key, l, find) })
	return v, false, l, nil
}

// look runs find for l, and remembers what it found. A panic of find is an error
// for those who wait.
func (m *Memo[K, V]) look(key K, l *lookup[V], find Lookup[V]) {
	var until time.Time
	l.err = errors.New("the lookup panicked")
	defer func() {
		if p := recover(); p != nil {
			l.err = fmt.Errorf("the lookup panicked: %v", p)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.under, key)
		if l.err == nil {
			m.remember(key, l.value, until)
		}
		close(l.done)
	}()
	l.value, until, l.err = find(m.ctx)
}

func (m *Memo[K, V]) remembered(key K) (v V, ok bool) {
	e := m.known[key]
	if e == nil {
		return v, false
	}
	kept := e.Value.(*entry[K, V])
	if !time.Now().Before(kept.until) {
		m.order.Remove(e)
		delete(m.known, key)
		return v, false
	}
	m.order.MoveToFront(e)
	return kept.value, true
}

func (m *Memo[K, V]) remember(key K, v V, until time.Time) {
	if m.cfg.Size <= 0 || !time.Now().Before(until) || m.ctx.Err() != nil {
		return
	}
	for len(m.known) >= m.cfg.Size {
		oldest := m.order.Back()
		m.order.Remove(oldest)
		delete(m.known, oldest.Value.(*entry[K, V]).key)
	}
	m.known[key] = m.order.PushFront(&entry[K, V]{key: key, value: v, until: until})
}

// Forget forgets everything that is remembered.
func (m *Memo[K, V]) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.known)
	m.order.Init()
}

// Len returns how many results are remembered.
func (m *Memo[K, V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.known)
}

// Close ends the lookups that are under way and waits for them.
func (m *Memo[K, V]) Close() error {
	m.mu.Lock() // so that no lookup begins after the wait
	m.close()
	m.mu.Unlock()
	m.lookups.Wait()
	return nil
}
