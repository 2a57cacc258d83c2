package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPeriod is the time between two tries to get a lock that somebody has. The
// kernel could wait for us, but not until a context ends.
const lockPeriod = 50 * time.Millisecond

// Lock implements Storage. The lock's file stays: deleting it could take the
// lock from whoever opened it meanwhile.
func (f Folder) Lock(ctx context.Context, name string) (func(context.Context) error, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	file, err := f.openLock(name)
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w", name, err)
	}
	if err := flock(ctx, file); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %q: file %q: %w", name, file.Name(), err), file.Close())
	}
	return func(context.Context) error {
		if err := file.Close(); err != nil {
			return fmt.Errorf("unlock %q: %w", name, err)
		}
		return nil
	}, nil
}

func (f Folder) openLock(name string) (*os.File, error) {
	file := filepath.Join(string(f), lockFolder, filepath.FromSlash(name)+".lock")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
}

// flock tries until it has the lock of an open file or the context ends.
// Closing the file ends the lock.
func flock(ctx context.Context, file *os.File) error {
	again := time.NewTicker(lockPeriod)
	defer again.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
