package window

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(3, 10*time.Second)
		for i := range 3 {
			if ok, _ := w.Allow(); !ok {
				t.Fatalf("event %d was refused", i)
			}
			time.Sleep(time.Second)
		}
		// At 3 s: the first of 0 s counts until 10 s.
		if ok, wait := w.Allow(); ok || wait != 7*time.Second {
			t.Errorf("got %v, wait %s", ok, wait)
		}
		time.Sleep(7*time.Second - 1)
		if ok, wait := w.Allow(); ok || wait != 1 {
			t.Errorf("a nanosecond too early: %v, wait %s", ok, wait)
		}
		time.Sleep(time.Nanosecond)
		if ok, _ := w.Allow(); !ok {
			t.Error("refused after the wait")
		}
		if ok, wait := w.Allow(); ok || wait != time.Second {
			t.Errorf("got %v, wait %s", ok, wait)
		}
	})
}

func TestNone(t *testing.T) {
	if ok, wait := New(0, time.Second).Allow(); ok || wait <= 0 {
		t.Errorf("got %v, wait %s", ok, wait)
	}
	l := NewLimiter(0, time.Second, 1)
	if ok, wait := l.Allow(l.Key("a")); ok || wait <= 0 || l.Keys() != 0 {
		t.Errorf("got %v, wait %s, %d keys", ok, wait, l.Keys())
	}
}

// simple keeps the time of every event: the second opinion.
type simple struct {
	n     int
	d     time.Duration
	times []time.Time
}

func (s *simple) allow() bool {
	now := time.Now()
	for len(s.times) > 0 && !s.times[0].Add(s.d).After(now) {
		s.times = s.times[1:]
	}
	if len(s.times) >= s.n {
		return false
	}
	s.times = append(s.times, now)
	return true
}

// TestExact compares with a list of all events.
func TestExact(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 100, 1024} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(1, uint64(n)))
				d := time.Minute
				w, s := New(n, d), &simple{n: n, d: d}
				for i := range 5000 {
					if got, want := first(w.Allow()), s.allow(); got != want {
						t.Fatalf("event %d: %v, want %v", i, got, want)
					}
					if rnd.IntN(3) > 0 {
						time.Sleep(time.Duration(rnd.Int64N(int64(d) / int64(n) * 2)))
					}
				}
			})
		})
	}
}

func first(ok bool, _ time.Duration) bool { return ok }

// TestMany checks the bounds where times are shared: never more than n in d, and
// all of them again after d and a little.
func TestMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50000
		d := time.Minute
		rnd := rand.New(rand.NewPCG(1, 2))
		w, s := New(n, d), &simple{n: n, d: d}
		for i := range 100000 {
			if first(w.Allow()) && !s.allow() {
				t.Fatalf("event %d is one too many", i)
			}
			if rnd.IntN(20) == 0 {
				time.Sleep(time.Duration(rnd.Int64N(int64(d) / n * 10)))
			}
		}
		if len(w.ring.events) > mostTimes+1 {
			t.Errorf("%d times are kept", len(w.ring.events))
		}
		time.Sleep(d + d/mostTimes)
		for i := range n {
			if ok, _ := w.Allow(); !ok {
				t.Fatalf("%d is refused in an empty window", i)
			}
		}
	})
}

func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(2, time.Second, 1000)
		for _, k := range []string{"a", "b", ""} {
			for i, want := range []bool{true, true, false} {
				if ok, _ := l.Allow(l.Key(k)); ok != want {
					t.Errorf("%q, event %d: %v", k, i, ok)
				}
			}
		}
		if l.Key("a") != l.KeyBytes([]byte("a")) {
			t.Error("two keys for the same")
		}
		time.Sleep(time.Second)
		if ok, _ := l.Allow(l.Key("a")); !ok {
			t.Error("refused after the window")
		}
	})
}

// TestForget checks that keys that count nothing make room.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(2, time.Second, 64*10)
		for round := range 20 {
			for i := range 300 {
				if ok, _ := l.Allow(l.Key(fmt.Sprint(round, " ", i))); !ok {
					t.Fatalf("round %d: key %d is refused", round, i)
				}
			}
			time.Sleep(time.Second)
		}
		if l.Keys() > 64*10 {
			t.Errorf("%d keys", l.Keys())
		}
		kept := 0
		for i := range l.shards {
			kept += l.shards[i].kept
		}
		if kept > 64*10*2 {
			t.Errorf("%d times are kept", kept)
		}
	})
}

// TestInventedKeys checks that a flood of keys washes no counter away and gets
// through with a bounded number of events.
func TestInventedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, keys = 3, 64 * 4
		l := NewLimiter(n, time.Minute, keys)
		victim := l.Key("victim")
		for range n {
			l.Allow(victim)
		}
		allowed := 0
		for i := range 100000 {
			if first(l.Allow(l.Key(fmt.Sprint("invented ", i)))) {
				allowed++
			}
		}
		if l.Keys() > keys {
			t.Errorf("%d keys are known, want at most %d", l.Keys(), keys)
		}
		if most := n * (keys + shards*spare); allowed > most {
			t.Errorf("%d of the flood came through, want at most %d", allowed, most)
		}
		if ok, _ := l.Allow(victim); ok {
			t.Error("the flood washed the counter of another key away")
		}
		time.Sleep(time.Minute)
		if ok, _ := l.Allow(victim); !ok {
			t.Error("refused after the window")
		}
	})
}

// TestFewTimes checks that a key that may not keep more times counts on.
func TestFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(100, time.Minute, 64)
		for i := range l.shards {
			l.shards[i].limit = 4
		}
		k := l.Key("a")
		for i := range 150 {
			if ok, _ := l.Allow(k); ok != (i < 100) {
				t.Fatalf("event %d: %v", i, ok)
			}
			time.Sleep(time.Millisecond)
		}
		if c := l.shards[k[0]%shards].keys[k]; len(c.events) > 4 {
			t.Errorf("%d times are kept", len(c.events))
		}
		time.Sleep(time.Minute)
		if ok, _ := l.Allow(k); !ok {
			t.Error("refused after the window")
		}
	})
}

func TestParallel(t *testing.T) {
	w, l := New(1000, time.Hour), NewLimiter(100, time.Hour, 1000)
	allowed := make(chan [2]int)
	for range 8 {
		go func() {
			var n [2]int
			for i := range 1000 {
				if first(w.Allow()) {
					n[0]++
				}
				if first(l.Allow(l.Key(fmt.Sprint(i % 10)))) {
					n[1]++
				}
			}
			allowed <- n
		}()
	}
	var sum [2]int
	for range 8 {
		n := <-allowed
		sum[0], sum[1] = sum[0]+n[0], sum[1]+n[1]
	}
	if sum != [2]int{1000, 1000} {
		t.Errorf("allowed %v", sum)
	}
}

func TestAllocations(t *testing.T) {
	w := New(1000, time.Millisecond)
	for range 3000 {
		w.Allow()
	}
	if n := testing.AllocsPerRun(1000, func() { w.Allow() }); n != 0 {
		t.Errorf("Window: %v allocations", n)
	}
	l := NewLimiter(10, time.Millisecond, 1000)
	for range 300 {
		l.Allow(l.Key("a"))
	}
	if n := testing.AllocsPerRun(1000, func() { l.Allow(l.Key("a")) }); n != 0 {
		t.Errorf("Limiter: %v allocations", n)
	}
}

func BenchmarkWindow(b *testing.B) {
	w := New(1<<30, time.Second)
	b.ReportAllocs()
	for b.Loop() {
		w.Allow()
	}
}

func BenchmarkLimiter(b *testing.B) {
	for _, keys := range []int{1, 100000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			l := NewLimiter(100, time.Second, 1<<17)
			names := make([]string, keys)
			for i := range names {
				names[i] = fmt.Sprint("192.0.2.", i)
				l.Allow(l.Key(names[i]))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				l.Allow(l.Key(names[i]))
				if i++; i == keys {
					i = 0
				}
			}
		})
	}
}
