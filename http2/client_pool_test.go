package http2

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/kit/sock"
)

// TestPool checks what the pool promises, in virtual time.
func TestPool(t *testing.T) {
	type world struct {
		*Pool
		b     []*scripted
		dials atomic.Int64
		fail  atomic.Pointer[error]
		wait  time.Duration
	}
	with := func(t *testing.T, cfg PoolConfig, settings []xhttp2.Setting, f func(w *world)) {
		synctest.Test(t, func(t *testing.T) {
			w := &world{wait: second}
			var mu sync.Mutex
			cfg.Dial = func(ctx context.Context) (Conn, error) {
				w.dials.Add(1)
				select {
				case <-time.After(w.wait):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				if err := w.fail.Load(); err != nil {
					return nil, *err
				}
				b, near := newScriptedPeer(t)
				go b.greet(settings...) // who reads it comes later
				mu.Lock()
				w.b = append(w.b, b)
				mu.Unlock()
				return near, nil
			}
			sweeper := sock.NewSweeper()
			cfg.Client.Now = sweeper.Now
			w.Pool = NewPool(cfg)
			f(w)
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if _, err := w.Get(context.Background()); err == nil || w.Len() != 0 {
				t.Errorf("after Close: %v, %d connections", err, w.Len())
			}
		})
	}
	places := func(n uint32) []xhttp2.Setting {
		return []xhttp2.Setting{{ID: xhttp2.SettingMaxConcurrentStreams, Val: n}}
	}
	// get takes n streams at once.
	get := func(w *world, n int) (streams []*ClientStream, errs []error) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				s, err := w.Get(context.Background())
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					errs = append(errs, err)
				} else {
					streams = append(streams, s)
				}
			})
		}
		wg.Wait()
		return streams, errs
	}
	closeAll := func(streams []*ClientStream) {
		for _, s := range streams {
			s.Close()
		}
	}
	t.Run("one connection for many", func(t *testing.T) {
		with(t, PoolConfig{}, nil, func(w *world) {
			s, errs := get(w, 50)
			if len(s) != 50 || len(errs) != 0 || w.dials.Load() != 1 {
				t.Errorf("%d streams, %v, %d dials", len(s), errs, w.dials.Load())
			}
			closeAll(s)
		})
	})
	t.Run("those who wait outlive a dial that fails while others live", func(t *testing.T) {
		with(t, PoolConfig{Most: 4}, places(1), func(w *world) {
			first, _ := get(w, 1)
			synctest.Wait() // the settings of the peer: one at a time
			bad := errors.New("nobody there")
			w.fail.Store(&bad)
			time.AfterFunc(3*second, func() { closeAll(first) })
			s, errs := get(w, 1)
			if len(s) != 1 || len(errs) != 0 {
				t.Fatalf("%d streams, %v", len(s), errs)
			}
			if n := w.dials.Load(); n != 2 {
				t.Errorf("%d dials: those that fail must not follow each other at once", n)
			}
			closeAll(s)
		})
	})
	t.Run("a failed dial fails those who wait, not the next", func(t *testing.T) {
		with(t, PoolConfig{}, nil, func(w *world) {
			bad := errors.New("nobody there")
			w.fail.Store(&bad)
			_, errs := get(w, 20)
			if len(errs) != 20 || w.dials.Load() != 1 || !errors.Is(errs[0], bad) {
				t.Errorf("%d errors, %d dials, %v", len(errs), w.dials.Load(), errs[0])
			}
			w.fail.Store(nil)
			s, errs := get(w, 1)
			if len(errs) != 0 {
				t.Errorf("then %v", errs)
			}
			closeAll(s)
		})
	})
	t.Run("more connections when they are full, and no more than allowed", func(t *testing.T) {
		with(t, PoolConfig{Most: 3, Wait: 30 * second, Client: ClientConfig{MaxStreams: 10}}, places(10), func(w *world) {
			s, errs := get(w, 30)
			if len(s) != 30 || w.Len() != 3 {
				t.Errorf("%d streams on %d connections, %v", len(s), w.Len(), errs)
			}
			for _, c := range w.conns {
				if n := c.load.Load(); n != 10 {
					t.Errorf("%d exchanges on one", n)
				}
			}
			begun := time.Now()
			_, errs = get(w, 5)
			if len(errs) != 5 || !errors.Is(errs[0], ErrBusy) || time.Since(begun) != 30*second {
				t.Errorf("after %v: %v", time.Since(begun), errs)
			}
			// Whoever waits gets the places that become free, at once.
			got := make(chan []*ClientStream)
			go func() { more, _ := get(w, 5); got <- more }()
			synctest.Wait()
			begun = time.Now()
			closeAll(s[:5])
			more := <-got
			if len(more) != 5 || time.Since(begun) != 0 {
				t.Errorf("%d places after %v", len(more), time.Since(begun))
			}
			closeAll(append(more, s[5:]...))
		})
	})
	t.Run("another one instead of one that goes away", func(t *testing.T) {
		with(t, PoolConfig{}, nil, func(w *world) {
			s, _ := get(w, 1)
			synctest.Wait()
			_ = w.b[0].fr.WriteGoAway(0, 0, nil)
			synctest.Wait()
			more, errs := get(w, 1)
			if len(errs) != 0 || w.dials.Load() != 2 || more[0].c == s[0].c {
				t.Errorf("%v, %d dials", errs, w.dials.Load())
			}
			closeAll(append(s, more...))
			synctest.Wait()
			if w.Len() != 1 {
				t.Errorf("%d connections", w.Len())
			}
		})
	})
	t.Run("idle connections end", func(t *testing.T) {
		with(t, PoolConfig{}, nil, func(w *world) {
			s, _ := get(w, 1)
			<-time.After(10 * second)
			now := w.cfg.Client.Now
			w.Expire(now(), 5*second)
			synctest.Wait()
			if w.Len() != 1 {
				t.Error("it was in use")
			}
			closeAll(s)
			<-time.After(4 * second)
			w.Expire(now(), 5*second)
			synctest.Wait()
			if w.Len() != 1 {
				t.Error("it was not idle for long enough")
			}
			<-time.After(2 * second)
			w.Expire(now(), 5*second)
			synctest.Wait()
			if w.Len() != 0 {
				t.Error("it lives on")
			}
		})
	})
	t.Run("retired, it serves who comes late", func(t *testing.T) {
		with(t, PoolConfig{}, nil, func(w *world) {
			s, _ := get(w, 2)
			w.Retire()
			synctest.Wait()
			if w.Len() != 1 {
				t.Error("exchanges were cut off")
			}
			late, errs := get(w, 1)
			if len(errs) != 0 {
				t.Fatal(errs)
			}
			closeAll(append(s, late...))
			synctest.Wait()
			if w.Len() != 0 {
				t.Errorf("%d connections live on", w.Len())
			}
		})
	})
	t.Run("who waits may give up", func(t *testing.T) {
		with(t, PoolConfig{}, nil, func(w *world) {
			w.wait = time.Hour
			ctx, cancel := context.WithTimeout(context.Background(), second)
			defer cancel()
			if _, err := w.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	})
}
