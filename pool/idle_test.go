package pool

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// conn notes that it was closed.
type conn struct {
	name   string
	mu     *sync.Mutex
	closed *[]string
}

func (c conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.closed = append(*c.closed, c.name)
	return nil
}

func TestIdle(t *testing.T) {
	var closed []string
	var mu sync.Mutex
	limit := &Limit{Max: 4}
	p := NewIdle[conn](3, limit)
	other := NewIdle[conn](3, limit)
	put := func(p *Idle[conn], name string, now int64) bool { return p.Put(conn{name, &mu, &closed}, now) }
	for i, name := range []string{"a", "b", "c"} {
		if !put(p, name, int64(i)) {
			t.Fatalf("no room for %s", name)
		}
	}
	if !put(other, "x", 0) || put(other, "y", 0) {
		t.Error("the common limit of 4 does not hold")
	}
	if limit.Len() != 4 || p.Len() != 3 {
		t.Errorf("%d in all, %d here", limit.Len(), p.Len())
	}
	if c, ok := p.Get(); !ok || c.name != "c" {
		t.Errorf("got %q, want the one used last", c.name)
	}
	p.Expire(100, 99*time.Nanosecond)
	if !slices.Equal(closed, []string{"a"}) {
		t.Errorf("closed %v, want only the one that is too old", closed)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if !slices.Equal(closed, []string{"a", "b"}) || limit.Len() != 1 {
		t.Errorf("closed %v, %d left in all", closed, limit.Len())
	}
	if put(p, "z", 0) {
		t.Error("a closed stack takes connections")
	}
	if _, ok := p.Get(); ok {
		t.Error("a closed stack gives connections")
	}
}

func TestIdleIsShared(t *testing.T) {
	var closed []string
	var mu sync.Mutex
	p := NewIdle[conn](8, &Limit{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 500 {
				c, ok := p.Get()
				if !ok {
					c = conn{"n", &mu, &closed}
				}
				if !p.Put(c, int64(i)) {
					_ = c.Close()
				}
				p.Expire(int64(i), 100)
			}
		})
	}
	wg.Wait()
	if p.Len() > 8 {
		t.Errorf("%d kept", p.Len())
	}
}

// TestIdleSurplus checks that more connections than wanted stay for a moment,
// and not for longer.
func TestIdleSurplus(t *testing.T) {
	var closed []string
	var mu sync.Mutex
	p := NewIdle[conn](1, &Limit{})
	for i := range burst {
		if !p.Put(conn{string(rune('a' + i)), &mu, &closed}, int64(i)) {
			t.Fatalf("no room for the surplus, %d are there", i)
		}
	}
	if p.Put(conn{"z", &mu, &closed}, 0) {
		t.Error("the surplus has no bound")
	}
	p.Expire(int64(lull), 0)
	if len(closed) > 0 {
		t.Errorf("closed %v before the lull was over", closed)
	}
	p.Expire(int64(lull)+3, 0)
	if !slices.Equal(closed, []string{"a", "b", "c"}) {
		t.Errorf("closed %v, want those that were not needed for the lull", closed)
	}
	p.Expire(1<<60, 0)
	if p.Len() != 1 {
		t.Errorf("%d stay, want 1", p.Len())
	}
	none := NewIdle[conn](0, &Limit{})
	if none.Put(conn{"n", &mu, &closed}, 0) {
		t.Error("one is kept where none should be")
	}
}
