package live

import (
	"sync"
	"testing"
)

func TestGroup(t *testing.T) {
	var g Group
	g.Wait() // nothing has begun
	g.Add(2)
	none := g.None()
	if second := g.None(); second != none {
		t.Error("two who wait get different channels")
	}
	g.Done()
	select {
	case <-none:
		t.Fatal("one lives still")
	default:
	}
	g.Done()
	<-none
	g.Wait()
}

// TestWaitWhileItBegins is what the race detector faults in a sync.WaitGroup.
func TestWaitWhileItBegins(t *testing.T) {
	var g Group
	var both sync.WaitGroup
	both.Go(func() {
		for range 1000 {
			g.Go(func() {})
		}
	})
	both.Go(func() {
		for range 1000 {
			g.Wait()
		}
	})
	both.Wait()
	g.Wait()
}

func TestMoreEndsThanBegan(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("nobody noticed")
		}
	}()
	new(Group).Done()
}
