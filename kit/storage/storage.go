package storage

import (
	"context"
	"fmt"
	"strings"
)

// MaxValue is the longest value in bytes. It is what a Kubernetes Secret can
// hold, with some room for the rest of the object.
const MaxValue = 512 << 10

// maxKey is the longest key in bytes.
const maxKey = 400

// Storage keeps values by key. Its methods may be called by many goroutines,
// and by other processes with the same storage.
type Storage interface {
	// Load returns the value of a key. An absent key is an error that wraps
	// fs.ErrNotExist.
	Load(ctx context.Context, key string) ([]byte, error)
	// Store sets the value of a key. Whoever loads it meanwhile gets the old
	// value or the new one.
	Store(ctx context.Context, key string, value []byte) error
	// Delete removes a key. An absent key is no error.
	Delete(ctx context.Context, key string) error
	// List returns the keys below a folder, in order: with "a", the keys "a/b"
	// and "a/b/c", not "ab". No folder ("") means all.
	List(ctx context.Context, folder string) ([]string, error)
	// Lock waits until nobody else, here or in another process, holds the lock
	// called name, and takes it. The caller ends it by calling unlock once. A
	// lock whose process is gone ends by itself. Names are those of keys; locks
	// and keys do not meet.
	Lock(ctx context.Context, name string) (unlock func(context.Context) error, err error)
}

// CheckKey says what is wrong with a key: it must be a path of one or more
// names of lower-case letters, digits, '.', '-' and '_', none of which begins
// with a dot, at most 400 bytes long.
func CheckKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("storage key %.40q: found %d bytes, expected 1 to %d", key, len(key), maxKey)
	}
	for name := range strings.SplitSeq(key, "/") {
		if name == "" || name[0] == '.' {
			return fmt.Errorf("storage key %q: found the name %q, expected names that are not empty and do not begin with a dot", key, name)
		}
		for i := range len(name) {
			switch c := name[i]; {
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
			default:
				return fmt.Errorf("storage key %q: found %q, expected lower-case letters, digits, '.', '-' and '_'", key, c)
			}
		}
	}
	return nil
}
