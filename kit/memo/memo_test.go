package memo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newMemo(t testing.TB, cfg Config) *Memo[string, int] {
	t.Helper()
	m := New[string, int](cfg)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// counting returns a lookup that gives 1, 2, 3 and so on, each for a while.
func counting(n *int, keep time.Duration) Lookup[int] {
	return func(context.Context) (int, time.Time, error) {
		*n++
		return *n, time.Now().Add(keep), nil
	}
}

func want(t *testing.T, m *Memo[string, int], key string, find Lookup[int], value int) {
	t.Helper()
	if v, err := m.Get(t.Context(), key, find); err != nil || v != value {
		t.Errorf("%s: got %d, %v, want %d", key, v, err, value)
	}
}

func TestRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMemo(t, Config{Size: 2}), 0
		find := counting(&n, time.Minute)
		want(t, m, "a", find, 1)
		want(t, m, "a", find, 1)
		time.Sleep(time.Minute - time.Nanosecond)
		want(t, m, "a", find, 1)
		time.Sleep(time.Nanosecond)
		want(t, m, "a", find, 2) // its time has passed
		want(t, m, "b", find, 3)
		want(t, m, "a", find, 2)
		want(t, m, "c", find, 4) // b goes, it was not used for longest
		want(t, m, "a", find, 2)
		want(t, m, "b", find, 5)
		if m.Len() != 2 {
			t.Errorf("%d are remembered", m.Len())
		}
		m.Forget()
		want(t, m, "b", find, 6)
	})
}

func TestRemembersNothing(t *testing.T) {
	m, n := newMemo(t, Config{}), 0
	want(t, m, "a", counting(&n, time.Hour), 1)
	want(t, m, "a", counting(&n, time.Hour), 2)
	m, n = newMemo(t, Config{Size: 9}), 0
	want(t, m, "a", counting(&n, -time.Second), 1)
	want(t, m, "a", counting(&n, -time.Second), 2)
	fails := func(context.Context) (int, time.Time, error) { return 0, time.Now().Add(time.Hour), errors.New("no") }
	if _, err := m.Get(t.Context(), "b", fails); err == nil {
		t.Error("no error")
	}
	want(t, m, "b", counting(&n, time.Hour), 3)
}

// Many who ask for the same cause one lookup, and who leaves harms nobody.
func TestJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMemo(t, Config{}), 0
		slow := func(ctx context.Context) (int, time.Time, error) {
			n++
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				t.Error("the lookup was ended")
			}
			return n, time.Time{}, nil
		}
		var wg sync.WaitGroup
		wg.Go(func() { // the one who began it leaves
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			if _, err := m.Get(ctx, "a", slow); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() { want(t, m, "a", slow, 1) })
		}
		wg.Wait()
		if n != 1 {
			t.Errorf("%d lookups", n)
		}
	})
}

func TestBusyAndClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New[string, int](Config{MaxLookups: 2})
		block := func(ctx context.Context) (int, time.Time, error) {
			<-ctx.Done()
			return 0, time.Time{}, ctx.Err()
		}
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				if _, err := m.Get(t.Context(), fmt.Sprint(i), block); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait()
		if _, err := m.Get(t.Context(), "more", block); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v", err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if _, err := m.Get(t.Context(), "a", block); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPanic(t *testing.T) {
	m := newMemo(t, Config{})
	_, err := m.Get(t.Context(), "a", func(context.Context) (int, time.Time, error) { panic("oh") })
	if err == nil || !strings.Contains(err.Error(), "panicked: oh") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkGet(b *testing.B) {
	m, n := newMemo(b, Config{Size: 10}), 0
	find := counting(&n, time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Get(b.Context(), "a", find); err != nil {
			b.Fatal(err)
		}
	}
}
