package file_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/source/file"
	"fairlead.dev/fairlead/source/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns the sources for -routes-file=paths.
func open(t *testing.T, paths ...string) []source.Source {
	t.Helper()
	options := option.NewSet()
	source.Options.From(options).PollTimeout = 10
	file.Options.From(options).Files = paths
	all, err := source.All()[0].Open(&source.Env{Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSourceInPlace(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T, text string) sourcetest.Subject {
		path := filepath.Join(t.TempDir(), "a.eskip")
		write(t, path, text)
		return sourcetest.Subject{
			Source: open(t, path)[0],
			Change: func(t *testing.T, text string) { write(t, path, text) },
			Break:  func(t *testing.T) { must(t, os.Remove(path)) },
		}
	})
}

func TestSourceRenamed(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T, text string) sourcetest.Subject {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.eskip")
		write(t, path, text)
		return sourcetest.Subject{
			Source: open(t, path)[0],
			Change: func(t *testing.T, text string) {
				write(t, filepath.Join(dir, "new"), text)
				must(t, os.Rename(filepath.Join(dir, "new"), path))
			},
		}
	})
}

// TestSourceConfigMap changes a file the way Kubernetes updates a mounted
// ConfigMap: a.eskip -> ..data/a.eskip, ..data -> ..1, and ..data is swapped.
func TestSourceConfigMap(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T, text string) sourcetest.Subject {
		dir := t.TempDir()
		stamp := time.Now().Add(-time.Hour) // all versions get the same
		n := 0
		mount := func(t *testing.T, text string) {
			n++
			version := "..version" + string(rune('0'+n))
			must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
			path := filepath.Join(dir, version, "a.eskip")
			write(t, path, text)
			must(t, os.Chtimes(path, stamp, stamp))
			must(t, os.Symlink(version, filepath.Join(dir, "..new")))
			must(t, os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")))
		}
		mount(t, text)
		must(t, os.Symlink("..data/a.eskip", filepath.Join(dir, "a.eskip")))
		return sourcetest.Subject{
			Source: open(t, filepath.Join(dir, "a.eskip"))[0],
			Change: mount,
			Break:  func(t *testing.T) { must(t, os.Remove(filepath.Join(dir, "..data"))) },
		}
	})
}

func TestOpen(t *testing.T) {
	all := open(t, "b", "a", "b")
	if len(all) != 2 || all[0].Name() != `routes file "b"` || all[1].Name() != `routes file "a"` {
		t.Errorf("got %v, want the files b and a", all)
	}
	if len(open(t)) != 0 {
		t.Error("no file gave a source")
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	loop := filepath.Join(dir, "loop")
	must(t, os.Symlink(loop, loop))
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file",
		dir:                        "is a directory, expected a file",
		pipe:                       "is a pipe, expected a file",
		loop:                       "too many levels of symbolic links",
		"/dev/null":                "is a device, expected a file",
	} {
		_, err := open(t, path)[0].Routes(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error with %q", path, err, want)
		}
	}
}

// TestUnchanged makes sure that a file which stays the same is not read again,
// and one that may have changed within the resolution of time stamps is.
func TestUnchanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.eskip")
	s := open(t, path)[0]
	stamped := func(text string, age time.Duration) source.Set {
		write(t, path, text)
		stamp := time.Now().Add(-age)
		must(t, os.Chtimes(path, stamp, stamp))
		set, err := s.Routes(t.Context())
		must(t, err)
		return set
	}
	stamped("a: * -> <shunt>;", -time.Hour) // as if it had just been written
	stamp, err := os.Stat(path)
	must(t, err)
	write(t, path, "b: * -> <shunt>;")
	must(t, os.Chtimes(path, stamp.ModTime(), stamp.ModTime()))
	set, err := s.Routes(t.Context())
	must(t, err)
	if set.Routes[0].ID != "b" {
		t.Error("a change within one time stamp was not seen")
	}

	old := stamped("c: * -> <shunt>;", time.Hour)
	if old.Routes[0].ID != "c" {
		t.Fatal("an older file was not seen")
	}
	must(t, os.Truncate(path, 0))
	write(t, path, "d: * -> <shunt>;")
	stamp2 := time.Now().Add(-2 * time.Hour)
	must(t, os.Chtimes(path, stamp2, stamp2))
	if set, err = s.Routes(t.Context()); err != nil || set.Routes[0].ID != "d" {
		t.Errorf("got %v, %v", set, err)
	}
	allocs := testing.AllocsPerRun(20, func() {
		if again, err := s.Routes(context.Background()); err != nil || again.Version != set.Version {
			t.Error("it changed")
		}
	})
	if allocs > 20 {
		t.Errorf("looking at an unchanged file takes %v allocations", allocs)
	}
}

// TestBeingWritten reads a file that changes all the time, as it seems: it is
// waited for, but not for ever.
func TestBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.eskip")
	write(t, path, "a: * -> <shunt>;")
	later := time.Now().Add(time.Hour)
	must(t, os.Chtimes(path, later, later))
	s := open(t, path)[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Routes(ctx); err == nil {
		t.Error("it does not wait, or goes on waiting although its context ended")
	}
	if set, err := s.Routes(t.Context()); err != nil || len(set.Routes) != 1 {
		t.Errorf("got %v, %v", set.Routes, err)
	}
}
