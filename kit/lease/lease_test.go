package lease

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Book[string, *int]
		made := 0
		take := func(key string) *Lease[string, *int] {
			return b.Take(key, time.Minute, func() *int { made++; return new(int) })
		}
		first, second := take("a"), take("a")
		if first.Value != second.Value || made != 1 {
			t.Fatalf("made %d", made)
		}
		_ = first.Close()
		_ = first.Close()
		time.Sleep(time.Hour)
		third := take("a")
		if third.Value != second.Value {
			t.Error("forgotten although somebody has it")
		}
		_, _ = second.Close(), third.Close()
		time.Sleep(time.Minute - 1)
		fourth := take("a")
		if fourth.Value != first.Value {
			t.Error("forgotten too early")
		}
		_ = fourth.Close()
		other := take("b")
		_ = other.Close()
		time.Sleep(time.Minute)
		if take("c"); b.Len() != 1 {
			t.Errorf("%d are kept, want one", b.Len())
		}
		if take("a").Value == first.Value || made != 4 {
			t.Errorf("not forgotten; made %d", made)
		}
	})
}

func TestParallel(t *testing.T) {
	var b Book[int, *int]
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 1000 {
				l := b.Take((i+j)%3, 0, func() *int { return new(int) })
				_ = l.Close()
			}
		})
	}
	wg.Wait()
	b.Take(9, 0, func() *int { return nil })
	if b.Len() != 1 {
		t.Errorf("%d are kept", b.Len())
	}
}
