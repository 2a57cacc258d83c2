package storage_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/kit/storage"
	"fairlead.dev/fairlead/kit/storage/storagetest"
)

// holder is the environment name that makes the test binary hold a lock of the
// folder that it names, until it is killed.
const holder = "STORAGE_TEST_HOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holder); dir != "" {
		hold(dir)
	}
	goleak.VerifyTestMain(m)
}

func hold(dir string) {
	unlock, err := storage.Folder(dir).Lock(context.Background(), "name")
	if err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("locked\n")
	_, _ = io.Copy(io.Discard, os.Stdin) // until we are killed
	_ = unlock(context.Background())
	os.Exit(0)
}

func TestFolder(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Storage {
		return storage.Folder(filepath.Join(t.TempDir(), "not", "yet"))
	})
}

// TestFolderModes checks that nobody else can read what is stored.
func TestFolderModes(t *testing.T) {
	top := filepath.Join(t.TempDir(), "top")
	f := storage.Folder(top)
	if err := f.Store(t.Context(), "a/b", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	unlock, err := f.Lock(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock(t.Context())
	seen := 0
	err = filepath.Walk(top, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		seen++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v", name, info.Mode())
		}
		return nil
	})
	if err != nil || seen != 6 {
		t.Fatalf("saw %d files and folders, expected 6: %v", seen, err)
	}
}

// TestFolderCrash checks that what an interrupted write leaves is no value.
func TestFolderCrash(t *testing.T) {
	top := t.TempDir()
	if err := os.WriteFile(filepath.Join(top, ".new-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if keys, err := storage.Folder(top).List(t.Context(), ""); err != nil || len(keys) != 0 {
		t.Fatalf("list: %q, %v", keys, err)
	}
}

// TestFolderFull checks that a write that fails leaves the old value and no
// other file.
func TestFolderFull(t *testing.T) {
	top := t.TempDir()
	f := storage.Folder(top)
	// A folder stands where the file should go, so the rename fails.
	if err := os.MkdirAll(filepath.Join(top, "k", "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Store(t.Context(), "k", []byte("x")); err == nil {
		t.Fatal("stored a value over a folder")
	}
	files, err := os.ReadDir(top)
	if err != nil || len(files) != 1 {
		t.Fatalf("left behind: %v, %v", files, err)
	}
}

// TestFolderLockProcess checks that a lock excludes another process, and that
// it ends when that process is killed.
func TestFolderLockProcess(t *testing.T) {
	top := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holder+"="+top)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the holder says %q: %v", line, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := storage.Folder(top).Lock(ctx, "name"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("lock that another process has: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	unlock, err := storage.Folder(top).Lock(t.Context(), "name")
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func FuzzCheckKey(f *testing.F) {
	for _, key := range []string{"a", "a/b", "../a", "a//b", ".a", "/", "a/./b"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if storage.CheckKey(key) != nil {
			return
		}
		if !filepath.IsLocal(key) || filepath.Clean(key) != key {
			t.Errorf("accepted %q", key)
		}
	})
}
