package secrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/live"
	"fairlead.dev/fairlead/kit/suggest"
)

const (
	// mostBytes bounds a secret; a token has a few thousand.
	mostBytes = 64 << 10
	// mostSecrets bounds how many are kept.
	mostSecrets = 10_000
	// fileInterval is how often files of Open are looked at.
	fileInterval = 5 * time.Second
)

// Store keeps the secrets of -credentials-paths and the files of Open. Its methods
// may be called at the same time.
type Store struct {
	opts   *Values
	log    *slog.Logger
	ctx    context.Context // ends with Close
	close  context.CancelFunc
	poller live.Group
	known  atomic.Pointer[known]

	mu      sync.Mutex
	polling bool
	files   map[fileKey]looker
}

// known are the secrets of one moment.
type known struct {
	values map[string]string
	// problems says what is wrong with files and folders; what they had before is
	// in values.
	problems map[string]string
}

type storeKey struct{}

// In returns the Store of the process that env is of. The first call reads the
// secrets.
func In(env *filter.Env) *Store {
	return env.Shared(storeKey{}, func() any { return newStore(Options.From(env.Options), env.Log) }).(*Store)
}

func newStore(opts *Values, log *slog.Logger) *Store {
	s := &Store{opts: opts, log: log, files: map[fileKey]looker{}}
	s.ctx, s.close = context.WithCancel(context.Background())
	s.known.Store(&known{})
	if len(opts.Paths) > 0 {
		s.look()
		s.mu.Lock()
		s.poll()
		s.mu.Unlock()
	}
	return s
}

// Get returns the secret called name: the path of its file. ok is false when it is
// not there, or not any more.
func (s *Store) Get(name string) (value string, ok bool) {
	value, ok = s.known.Load().values[name]
	return value, ok
}

// Check says what is wrong with a secret that Get does not find, and what to do.
func (s *Store) Check(name string) error {
	k := s.known.Load()
	if _, ok := k.values[name]; ok {
		return nil
	}
	if len(s.opts.Paths) == 0 {
		return fmt.Errorf("found the secret %q, but there are none: name its file or folder in -credentials-paths", name)
	}
	if p := k.problems[name]; p != "" {
		return fmt.Errorf("found the secret %q, which cannot be used: %s", name, p)
	}
	if near := suggest.Nearest(name, slices.Sorted(maps.Keys(k.values))); near != "" {
		return fmt.Errorf("found the secret %q, which is not in -credentials-paths, did you mean %q?", name, near)
	}
	return fmt.Errorf("found the secret %q, which is not in -credentials-paths (%s): put it there, or name it by the whole path of its file", name, strings.Join(s.opts.Paths, ", "))
}

// Close ends the looking and waits for it.
func (s *Store) Close() error {
	s.mu.Lock()
	s.close()
	s.mu.Unlock()
	s.poller.Wait()
	return nil
}

// poll begins the looking if it has not begun; mu is held.
func (s *Store) poll() {
	if s.polling || s.ctx.Err() != nil {
		return
	}
	s.polling = true
	s.poller.Go(s.run)
}

func (s *Store) run() {
	interval := s.opts.Interval
	if interval <= 0 {
		interval = 10 * time.Minute
	}
	every := min(interval, fileInterval)
	next := time.Now().Add(interval)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-tick.C:
			if !now.Before(next) {
				s.look()
				next = now.Add(interval)
			}
		}
		s.mu.Lock()
		all := slices.Collect(maps.Values(s.files))
		s.mu.Unlock()
		for _, f := range all {
			f.look(s.log)
		}
	}
}

// look reads all secrets anew and publishes them.
func (s *Store) look() {
	old := s.known.Load()
	k := &known{values: map[string]string{}, problems: map[string]string{}}
	for _, p := range s.opts.Paths {
		k.read(filepath.Clean(p), old)
	}
	for _, name := range slices.Sorted(maps.Keys(k.problems)) {
		if k.problems[name] != old.problems[name] {
			s.log.Error("secret cannot be read: its last good value counts on, if there was one", "path", name, "why", k.problems[name])
		}
	}
	s.known.Store(k)
}

// read takes in a file or a folder; of what it cannot read the old values stay.
func (k *known) read(path string, old *known) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		k.readSecret(path, path, old)
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		k.problems[path] = reason(err)
		for name, v := range old.values {
			if filepath.Dir(name) == path {
				k.values[name] = v
			}
		}
		return
	}
	for _, e := range entries {
		// Names with a dot belong to those who manage the folder: "..data".
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		file := filepath.Join(path, e.Name())
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			continue
		}
		k.readSecret(file, file, old)
	}
}

func (k *known) readSecret(name, file string, old *known) {
	text, err := readSmall(file, mostBytes)
	switch {
	case err == nil && len(k.values) >= mostSecrets:
		k.problems[name] = fmt.Sprintf("there are more than %d secrets", mostSecrets)
		return
	case err == nil:
		if value := strings.TrimRight(string(text), "\r\n"); value != "" {
			k.values[name] = value
			return
		}
		err = errors.New("the file is empty")
	}
	k.problems[name] = reason(err)
	if v, ok := old.values[name]; ok && !errors.Is(err, fs.ErrNotExist) {
		k.values[name] = v
	}
}

// reason is the text of err without the path, which stands beside it.
func reason(err error) string {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
