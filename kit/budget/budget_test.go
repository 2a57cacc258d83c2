package budget

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func TestShare(t *testing.T) {
	b := New(0.2, 0)
	now := int64(5 * time.Hour)
	if b.Spend(now) {
		t.Error("spent what nobody earned")
	}
	for range 10 {
		b.Earn(now)
	}
	for i := range 4 {
		if got := b.Spend(now); got != (i < 2) {
			t.Errorf("spending %d: %v", i, got)
		}
	}
	now += int64(Window) - int64(time.Second)
	b.Earn(now)
	if b.Spend(now) {
		t.Error("spent twice within a window")
	}
	now += int64(time.Second)
	for range 4 {
		b.Earn(now)
	}
	if !b.Spend(now) {
		t.Error("what was earned in the window is not there")
	}
	now += int64(1000 * Window)
	if b.Spend(now) {
		t.Error("an old window lives on")
	}
}

func TestFloor(t *testing.T) {
	b := New(0.1, 3)
	n := 0
	for range 10 {
		if b.Spend(0) {
			n++
		}
	}
	if n != 3 {
		t.Errorf("spent %d, want 3", n)
	}
	if !b.Spend(int64(Window)) {
		t.Error("the floor does not come back")
	}
}

// TestModel compares with a list of everything that happened.
func TestModel(t *testing.T) {
	type event struct {
		at    int64
		spent bool
	}
	var all []event
	b, now := New(0.3, 2), int64(0)
	for range 20000 {
		now += rand.Int64N(int64(time.Second) / 2)
		if rand.IntN(200) == 0 {
			now += rand.Int64N(int64(3 * Window))
		}
		earned, spent := 0, 0
		for _, e := range all {
			if e.at/int64(slot) > now/int64(slot)-slots {
				if e.spent {
					spent++
				} else {
					earned++
				}
			}
		}
		if rand.IntN(2) == 0 {
			b.Earn(now)
			all = append(all, event{now, false})
		} else {
			want := spent < max(2, int(0.3*float64(earned)))
			if got := b.Spend(now); got != want {
				t.Fatalf("at %v with %d earned and %d spent: %v", time.Duration(now), earned, spent, got)
			}
			if want {
				all = append(all, event{now, true})
			}
		}
		if len(all) > 200 {
			all = all[len(all)-100:]
		}
	}
}

func TestConcurrent(t *testing.T) {
	b := New(0.5, 0)
	var wg sync.WaitGroup
	var mu sync.Mutex
	spent := 0
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				b.Earn(1)
				if b.Spend(1) {
					mu.Lock()
					spent++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if spent > 2000 || spent < 500 {
		t.Errorf("spent %d of 2000", spent)
	}
}

func BenchmarkEarn(b *testing.B) {
	b.ReportAllocs()
	x := New(0.2, 10)
	now := int64(0)
	for b.Loop() {
		now += 1000
		x.Earn(now)
	}
}
