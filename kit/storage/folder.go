package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Folder is a Storage in files below a folder of this name, which is made when
// something is first stored.
type Folder string

// The names that no key can have, because keys have no name with a dot in front.
const (
	lockFolder  = ".locks"
	tempPattern = ".new-*"
)

// Load implements Storage.
func (f Folder) Load(ctx context.Context, key string) ([]byte, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	file, err := os.Open(f.file(key))
	if err != nil {
		return nil, fmt.Errorf("load %q: %w", key, err)
	}
	defer file.Close()
	value, err := io.ReadAll(io.LimitReader(file, MaxValue+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("load %q: %w", key, err)
	case len(value) > MaxValue:
		return nil, fmt.Errorf("load %q: file %q has more than %d bytes, which is no value of this storage", key, file.Name(), MaxValue)
	}
	return value, nil
}

// Store implements Storage.
func (f Folder) Store(ctx context.Context, key string, value []byte) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fmt.Errorf("store %q: found %d bytes, expected at most %d", key, len(value), MaxValue)
	}
	if err := f.replace(f.file(key), value); err != nil {
		return fmt.Errorf("store %q: %w", key, err)
	}
	return nil
}

// replace writes a new file and renames it to name. Everything reaches the disk
// in this order: the bytes, then the name.
func (f Folder) replace(name string, value []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, tempPattern) // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(value)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncFolder(dir)
}

// syncFolder makes the names in a folder last.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Delete implements Storage.
func (f Folder) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if err := os.Remove(f.file(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	return nil
}

// List implements Storage. What is no key, such as the rest of a write that a
// crash interrupted, is left out.
func (f Folder) List(ctx context.Context, folder string) ([]string, error) {
	top := string(f)
	if folder != "" {
		if err := check(ctx, folder); err != nil {
			return nil, err
		}
		top = f.file(folder)
	}
	var keys []string
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir() && name != top && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.Type().IsRegular() || name == top:
			return nil
		}
		rest, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		if key := path.Join(folder, filepath.ToSlash(rest)); CheckKey(key) == nil {
			keys = append(keys, key)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %q: %w", folder, err)
	}
	slices.Sort(keys)
	return keys, nil
}

func (f Folder) file(key string) string {
	return filepath.Join(string(f), filepath.FromSlash(key))
}

func check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return CheckKey(key)
}
