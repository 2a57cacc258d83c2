package turn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// user is who waits in these tests.
type user struct{ ctx context.Context }

func (u user) Context() context.Context { return u.ctx }

func anyone() user { return user{context.Background()} }

// number is a Meter.
type number struct{ n atomic.Int64 }

func (n *number) Add(d float64) { n.n.Add(int64(d)) }

// TestOrder checks who goes first, and who gives way in a full line.
func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		order  Order
		served []int
		full   []int
	}{
		{FirstIn, []int{0, 1, 2}, []int{3, 4}},
		{LastIn, []int{4, 3, 2}, []int{0, 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := New(tt.order, Settings{Active: 1, Waiting: 3, Timeout: time.Hour}, nil, nil)
			if err := q.Enter(anyone()); err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var served, full []int
			for i := range 5 {
				go func() {
					err := q.Enter(anyone())
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						served = append(served, i)
					case errors.Is(err, ErrFull):
						full = append(full, i)
					default:
						t.Error(err)
					}
				}()
				synctest.Wait()
			}
			if a, w := q.Load(); a != 1 || w != 3 {
				t.Errorf("%d active, %d wait", a, w)
			}
			for range 4 {
				q.Leave()
				synctest.Wait()
			}
			if a, w := q.Load(); a != 0 || w != 0 {
				t.Errorf("at the end %d active, %d wait", a, w)
			}
			if !slices.Equal(served, tt.served) || !slices.Equal(full, tt.full) {
				t.Errorf("order %d: served %v, full %v; want %v, %v", tt.order, served, full, tt.served, tt.full)
			}
		})
	}
}

func TestTimeoutAndGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var active, waiting number
		q := New(FirstIn, Settings{Active: 1, Waiting: 2, Timeout: 3 * time.Second}, &active, &waiting)
		if err := q.Enter(anyone()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- q.Enter(user{ctx}) }()
		late := make(chan error)
		go func() { late <- q.Enter(anyone()) }()
		synctest.Wait()
		if active.n.Load() != 1 || waiting.n.Load() != 2 {
			t.Errorf("told %d active, %d wait", active.n.Load(), waiting.n.Load())
		}
		cancel()
		if err := <-gone; !errors.Is(err, ErrGone) || time.Since(began) != 0 {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
		if a, w := q.Load(); a != 1 || w != 1 {
			t.Errorf("%d active, %d wait", a, w)
		}
		if err := <-late; !errors.Is(err, ErrTimeout) || time.Since(began) != 3*time.Second {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
		q.Leave()
		if active.n.Load() != 0 || waiting.n.Load() != 0 {
			t.Errorf("told %d active, %d wait", active.n.Load(), waiting.n.Load())
		}
		if err := q.Enter(anyone()); err != nil {
			t.Error(err)
		}
	})
}

func TestNoLine(t *testing.T) {
	for _, order := range []Order{FirstIn, LastIn} {
		q := New(order, Settings{Active: 1, Timeout: time.Hour}, nil, nil)
		if err := q.Enter(anyone()); err != nil {
			t.Fatal(err)
		}
		if err := q.Enter(anyone()); !errors.Is(err, ErrFull) {
			t.Errorf("got %v", err)
		}
		q.Leave()
		if err := q.Enter(anyone()); err != nil {
			t.Error(err)
		}
	}
}

func TestConfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(FirstIn, Settings{Active: 1, Waiting: 10, Timeout: time.Hour}, nil, nil)
		var in atomic.Int64
		for range 5 {
			go func() {
				if err := q.Enter(anyone()); err != nil {
					t.Error(err)
				}
				in.Add(1)
			}()
		}
		step := func(what string, want int64, wantActive, wantWaiting int) {
			t.Helper()
			synctest.Wait()
			if a, w := q.Load(); in.Load() != want || a != wantActive || w != wantWaiting {
				t.Errorf("%s: %d came in, %d active, %d wait", what, in.Load(), a, w)
			}
		}
		step("begin", 1, 1, 4)
		q.Configure(Settings{Active: 3, Waiting: 10, Timeout: time.Hour})
		step("more room", 3, 3, 2)
		q.Configure(Settings{Active: 1, Waiting: 1, Timeout: time.Second})
		step("less room", 3, 3, 2)
		if err := q.Enter(anyone()); !errors.Is(err, ErrFull) {
			t.Errorf("beyond the new bound: %v", err)
		}
		q.Leave()
		q.Leave()
		step("two left", 3, 1, 2)
		q.Leave()
		step("three left", 4, 1, 1)
		q.Leave()
		q.Leave()
		step("all left", 5, 0, 0)
		if q.Settings().Active != 1 {
			t.Errorf("settings %+v", q.Settings())
		}
	})
}

// TestStorm checks the bounds and the books under a load of all kinds.
func TestStorm(t *testing.T) {
	for _, order := range []Order{FirstIn, LastIn} {
		const most, waits = 3, 5
		q := New(order, Settings{Active: most, Waiting: waits, Timeout: time.Millisecond}, nil, nil)
		var inside, worst atomic.Int64
		outcomes := [4]atomic.Int64{}
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(g), 7))
				for range 500 {
					ctx, cancel := context.WithCancel(context.Background())
					if rnd.IntN(3) == 0 {
						cancel()
					}
					err := q.Enter(user{ctx})
					switch {
					case err == nil:
						now := inside.Add(1)
						for w := worst.Load(); now > w && !worst.CompareAndSwap(w, now); w = worst.Load() {
						}
						for range rnd.IntN(20) {
							runtime.Gosched()
						}
						inside.Add(-1)
						q.Leave()
						outcomes[0].Add(1)
					case errors.Is(err, ErrFull):
						outcomes[1].Add(1)
					case errors.Is(err, ErrTimeout):
						outcomes[2].Add(1)
					default:
						outcomes[3].Add(1)
					}
					cancel()
				}
			})
		}
		wg.Wait()
		if a, w := q.Load(); a != 0 || w != 0 || worst.Load() > most {
			t.Errorf("order %d: %d active, %d wait at the end; %d were inside", order, a, w, worst.Load())
		}
		t.Logf("order %d: %d served, %d full, %d late, %d gone", order, outcomes[0].Load(), outcomes[1].Load(), outcomes[2].Load(), outcomes[3].Load())
	}
}

func TestAllocations(t *testing.T) {
	q := New(LastIn, Settings{Active: 10, Waiting: 10, Timeout: time.Second}, nil, nil)
	who := &user{context.Background()}
	if n := testing.AllocsPerRun(1000, func() {
		if q.Enter(who) == nil {
			q.Leave()
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkQueue(b *testing.B) {
	for name, order := range map[string]Order{"fifo": FirstIn, "lifo": LastIn} {
		q := New(order, Settings{Active: 1000, Waiting: 10, Timeout: time.Second}, nil, nil)
		who := &user{context.Background()}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if q.Enter(who) == nil {
					q.Leave()
				}
			}
		})
		b.Run(name+" parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if q.Enter(who) == nil {
						q.Leave()
					}
				}
			})
		})
		b.Run(fmt.Sprint(name, " contended"), func(b *testing.B) {
			q := New(order, Settings{Active: 1, Waiting: 1000, Timeout: time.Second}, nil, nil)
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if q.Enter(who) == nil {
						q.Leave()
					}
				}
			})
		})
	}
}
