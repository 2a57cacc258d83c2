// Package storagetest is the suite that every implementation of
// storage.Storage passes.
//
//	storagetest.Run(t, func(t *testing.T) storage.Storage { return storage.Folder(t.TempDir()) })
//
// It promises to find: values that are lost, mixed or half written, keys that
// escape, lists that are wrong, locks that do not exclude, do not end or do not
// hear of the end of a context. It does not test what happens when a process
// dies; an implementation does that beside its code.
//
// Start reading at Run.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fairlead.dev/fairlead/kit/storage"
)

// Run runs the suite. open makes an empty storage that ends with the test.
func Run(t *testing.T, open func(*testing.T) storage.Storage) {
	t.Helper()
	tests := map[string]func(*testing.T, storage.Storage){
		"values":       values,
		"absent":       absent,
		"keys":         keys,
		"limits":       limits,
		"list":         list,
		"replace":      replace,
		"lock":         lock,
		"lock-cancel":  lockCancel,
		"ended-before": endedBefore,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func values(t *testing.T, s storage.Storage) {
	ctx := t.Context()
	for _, v := range []string{"one", "", "two, and \x00 bytes \xff"} {
		must(t, s.Store(ctx, "a/b.pem", []byte(v)))
		got, err := s.Load(ctx, "a/b.pem")
		if must(t, err); string(got) != v {
			t.Errorf("loaded %q, stored %q", got, v)
		}
	}
	must(t, s.Delete(ctx, "a/b.pem"))
	if _, err := s.Load(ctx, "a/b.pem"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("loaded what was deleted: %v", err)
	}
}

func absent(t *testing.T, s storage.Storage) {
	if _, err := s.Load(t.Context(), "nothing/here"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load an absent key: %v, expected fs.ErrNotExist", err)
	}
	must(t, s.Delete(t.Context(), "nothing/here"))
	got, err := s.List(t.Context(), "nothing")
	if must(t, err); len(got) != 0 {
		t.Errorf("list of an absent folder: %q", got)
	}
	got, err = s.List(t.Context(), "")
	if must(t, err); len(got) != 0 {
		t.Errorf("list of an empty storage: %q", got)
	}
}

func keys(t *testing.T, s storage.Storage) {
	ctx := t.Context()
	for _, key := range []string{"", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", ".locks/a", "A", "a b", "a\x00b", "a\\b", "ä", strings.Repeat("a", 401)} {
		if err := s.Store(ctx, key, []byte("x")); err == nil {
			t.Errorf("stored the key %q", key)
		}
		if _, err := s.Load(ctx, key); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("load %q: %v, expected that the key is refused", key, err)
		}
		if err := s.Delete(ctx, key); err == nil {
			t.Errorf("deleted the key %q", key)
		}
		if unlock, err := s.Lock(ctx, key); err == nil {
			t.Errorf("locked the name %q", key)
			must(t, unlock(ctx))
		}
	}
}

func limits(t *testing.T, s storage.Storage) {
	ctx := t.Context()
	most := bytes.Repeat([]byte("x"), storage.MaxValue)
	must(t, s.Store(ctx, "big", most))
	got, err := s.Load(ctx, "big")
	if must(t, err); !bytes.Equal(got, most) {
		t.Errorf("loaded %d bytes, stored %d", len(got), len(most))
	}
	if err := s.Store(ctx, "big", append(most, 'x')); err == nil {
		t.Error("stored a value that is too long")
	}
}

func list(t *testing.T, s storage.Storage) {
	ctx := t.Context()
	for _, key := range []string{"b/x", "a/y/z", "a/x", "ab/x", "c"} {
		must(t, s.Store(ctx, key, []byte(key)))
	}
	for folder, want := range map[string][]string{
		"":    {"a/x", "a/y/z", "ab/x", "b/x", "c"},
		"a":   {"a/x", "a/y/z"},
		"a/y": {"a/y/z"},
	} {
		got, err := s.List(ctx, folder)
		if must(t, err); !slices.Equal(got, want) {
			t.Errorf("list %q: %q, expected %q", folder, got, want)
		}
	}
}

// replace checks that a reader sees whole values while they change.
func replace(t *testing.T, s storage.Storage) {
	ctx := t.Context()
	before, after := bytes.Repeat([]byte("a"), 20_000), bytes.Repeat([]byte("b"), 30_000)
	must(t, s.Store(ctx, "k", before))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 50 {
			if err := s.Store(ctx, "k", [][]byte{after, before}[i%2]); err != nil {
				t.Error(err)
			}
		}
	})
	for range 100 {
		got, err := s.Load(ctx, "k")
		if err != nil || !bytes.Equal(got, before) && !bytes.Equal(got, after) {
			t.Errorf("loaded %d bytes while they changed: %v", len(got), err)
		}
	}
	wg.Wait()
}

// lock checks that only one holds a lock, and that names do not meet.
func lock(t *testing.T, s storage.Storage) {
	ctx := t.Context()
	other, err := s.Lock(ctx, "other/name")
	must(t, err)
	var holders atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				unlock, err := s.Lock(ctx, "name")
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				if _, err := s.Load(ctx, "k"); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
				holders.Add(-1)
				if err := unlock(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	must(t, other(ctx))
	got, err := s.List(ctx, "")
	if must(t, err); len(got) != 0 {
		t.Errorf("locks are among the keys: %q", got)
	}
}

func lockCancel(t *testing.T, s storage.Storage) {
	unlock, err := s.Lock(t.Context(), "name")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := s.Lock(ctx, "name")
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("lock when the context ended: %v", err)
	}
	must(t, unlock(t.Context()))
	unlock, err = s.Lock(t.Context(), "name")
	must(t, err)
	must(t, unlock(t.Context()))
}

func endedBefore(t *testing.T, s storage.Storage) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Store(ctx, "k", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("store after the context: %v", err)
	}
	if _, err := s.Load(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("load after the context: %v", err)
	}
	if _, err := s.Lock(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("lock after the context: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
