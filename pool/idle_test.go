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
	if put(p, "d", 3) {
		t.Error("room for more than 3")
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
