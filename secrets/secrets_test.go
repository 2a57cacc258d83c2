package secrets

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/option"
)

type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func open(t *testing.T, paths ...string) (*Store, *logText) {
	t.Helper()
	set, log := option.NewSet(), &logText{}
	if _, _, err := set.ApplyFlags([]string{"-credentials-paths=" + strings.Join(paths, ","), "-credentials-update-interval=1m"}); err != nil {
		t.Fatal(err)
	}
	env := filter.NewEnv(set, slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	s := In(env)
	if In(env.ForRoute("other")) != s {
		t.Error("another route has another store")
	}
	return s, log
}

// write replaces a file in one step.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, s *Store, name, value string) {
	t.Helper()
	if v, ok := s.Get(name); v != value || ok != (value != "") {
		t.Errorf("%s: got %q, %v, want %q", filepath.Base(name), v, ok, value)
	}
}

func TestSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, single := t.TempDir(), filepath.Join(t.TempDir(), "single")
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		write(t, a, "one\n")
		write(t, b, "two words\r\n\n")
		write(t, single, "alone")
		write(t, filepath.Join(dir, ".hidden"), "x")
		if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
			t.Fatal(err)
		}
		s, log := open(t, dir+"/", single)
		want(t, s, a, "one")
		want(t, s, b, "two words")
		want(t, s, single, "alone")
		for _, name := range []string{filepath.Join(dir, ".hidden"), filepath.Join(dir, "folder"), "a", dir, "", dir + "/../" + filepath.Base(dir) + "/a", "/etc/passwd"} {
			want(t, s, name, "")
			if err := s.Check(name); err == nil {
				t.Errorf("%q is taken for a secret", name)
			}
		}
		if err := s.Check(a); err != nil {
			t.Error(err)
		}

		write(t, a, "uno")
		write(t, b, "\n") // broken: the old one counts on
		remove(t, single)
		want(t, s, a, "one")
		time.Sleep(time.Minute + time.Second)
		want(t, s, a, "uno")
		want(t, s, b, "two words")
		want(t, s, single, "")
		if err := s.Check(single); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("got %v", err)
		}
		write(t, a, strings.Repeat("x", mostBytes+1))
		time.Sleep(time.Minute)
		want(t, s, a, "uno")
		text := log.String()
		if strings.Count(text, "the file is empty") != 1 || !strings.Contains(text, "more than") || strings.Contains(text, "uno") {
			t.Errorf("logged\n%s", text)
		}
	})
}

// The folder of a Kubernetes secret: links to a link that is swapped.
func TestSwappedFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for _, version := range []string{"1", "2"} {
			if err := os.Mkdir(filepath.Join(dir, "..v"+version), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "..v"+version, "token"), "token"+version)
		}
		symlink(t, "..v1", filepath.Join(dir, "..data"))
		symlink(t, "..data/token", filepath.Join(dir, "token"))
		s, _ := open(t, dir)
		name := filepath.Join(dir, "token")
		want(t, s, name, "token1")
		symlink(t, "..v2", filepath.Join(dir, "..tmp"))
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		want(t, s, name, "token2")
	})
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), "x")
	s, _ := open(t, dir)
	if err := s.Check(filepath.Join(dir, "tokne")); err == nil || !strings.Contains(err.Error(), "did you mean") {
		t.Errorf("got %v", err)
	}
	none := In(filter.NewEnv(nil, nil))
	if err := none.Check("x"); err == nil || !strings.Contains(err.Error(), "-credentials-paths") {
		t.Errorf("got %v", err)
	}
}

func TestFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "f")
		parses := 0
		parse := func(text []byte) (string, error) {
			parses++
			if strings.HasPrefix(string(text), "bad") {
				return "", errors.New("line 1: bad")
			}
			return string(text), nil
		}
		s, log := open(t)
		if _, err := Open(s, path, parse); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("got %v", err)
		}
		write(t, path, "bad")
		if _, err := Open(s, path, parse); err == nil || !strings.Contains(err.Error(), "line 1: bad") {
			t.Errorf("got %v", err)
		}
		write(t, path, "one")
		f, err := Open(s, path, parse)
		if err != nil || *f.Get() != "one" {
			t.Fatalf("got %v, %v", f, err)
		}
		again, err := Open(s, path, parse)
		if err != nil || again != f {
			t.Errorf("got another file, %v", err)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if parses != 2 {
			t.Errorf("parsed %d times", parses)
		}
		for _, tt := range []struct{ text, want string }{{"two", "two"}, {"bad", "two"}, {"bad", "two"}, {"three", "three"}} {
			write(t, path, tt.text)
			time.Sleep(2 * fileInterval)
			if got := *f.Get(); got != tt.want {
				t.Errorf("%q: got %q", tt.text, got)
			}
		}
		remove(t, path)
		time.Sleep(2 * fileInterval)
		if *f.Get() != "three" || strings.Count(log.String(), "line 1: bad") != 1 || !strings.Contains(log.String(), "no such file") {
			t.Errorf("got %q, logged\n%s", *f.Get(), log)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if len(s.files) != 0 {
			t.Error("a closed file is looked at")
		}
	})
}

func BenchmarkGet(b *testing.B) {
	s := newStore(&Values{}, slog.New(slog.DiscardHandler))
	s.known.Store(&known{values: map[string]string{"/etc/fairlead/secrets/token": "x"}})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.Get("/etc/fairlead/secrets/token"); !ok {
			b.Fatal("not found")
		}
	}
}
