package secrets

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"reflect"
	"sync/atomic"
	"time"
)

const (
	// mostFileBytes bounds a file of Open.
	mostFileBytes = 4 << 20
	// coarse is the worst resolution of time stamps: a file that was younger when
	// it was read may have changed since without a sign of it.
	coarse = 2 * time.Second
)

// File is a file that is parsed, and parsed again when it changes. Get may be
// called at any time.
type File[T any] struct {
	path  string
	parse func([]byte) (T, error)
	value atomic.Pointer[T]

	// What follows belongs to Open and then to the goroutine of the Store.
	info    fs.FileInfo
	sum     [sha256.Size]byte
	problem string

	store *Store
	users int // of the Store, under its mu
}

type fileKey struct {
	path string
	of   reflect.Type
}

type looker interface{ look(*slog.Logger) }

// Open reads and parses a file, and does so again whenever it changes. The error
// says what is wrong with the file now. Those who open the same path as the same
// type share it, so that the first parse counts; each of them closes it.
func Open[T any](s *Store, path string, parse func([]byte) (T, error)) (*File[T], error) {
	key := fileKey{path, reflect.TypeFor[T]()}
	if f := join[T](s, key); f != nil {
		return f, nil
	}
	f := &File[T]{path: path, parse: parse, store: s}
	if err := f.read(); err != nil { // no lock is held over this
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := s.files[key].(*File[T]); ok {
		other.users++
		return other, nil
	}
	f.users = 1
	s.files[key] = f
	s.poll()
	return f, nil
}

// join returns the file if it is open.
func join[T any](s *Store, key fileKey) *File[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.files[key].(*File[T])
	if !ok {
		return nil
	}
	f.users++
	return f
}

// Get returns what the last good reading gave. It must not be changed.
func (f *File[T]) Get() *T { return f.value.Load() }

// Path returns the path as it was given.
func (f *File[T]) Path() string { return f.path }

// Close ends one use of the file.
func (f *File[T]) Close() error {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	if f.users--; f.users == 0 {
		delete(f.store.files, fileKey{f.path, reflect.TypeFor[T]()})
	}
	return nil
}

func (f *File[T]) look(log *slog.Logger) {
	err := f.read()
	if err == nil {
		f.problem = ""
		return
	}
	if f.problem != err.Error() {
		f.problem = err.Error()
		log.Error("file cannot be used: its last good content counts on", "why", err)
	}
}

// read reads the file if it may have changed.
func (f *File[T]) read() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return f.wrong(err)
	}
	if f.info != nil && os.SameFile(info, f.info) && info.Size() == f.info.Size() && info.ModTime().Equal(f.info.ModTime()) {
		return nil
	}
	text, err := readSmall(f.path, mostFileBytes)
	if err != nil {
		return f.wrong(err)
	}
	sum := sha256.Sum256(text)
	if f.value.Load() == nil || sum != f.sum {
		v, err := f.parse(text)
		if err != nil {
			return f.wrong(err)
		}
		f.sum = sum
		f.value.Store(&v)
	}
	if f.info = info; time.Since(info.ModTime()) < coarse {
		f.info = nil
	}
	return nil
}

// wrong says what is wrong with the file. The path stands there once, and quoted.
func (f *File[T]) wrong(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("file %q: %w", f.path, err)
}

// readSmall reads a regular file of at most so many bytes. Opening anything else,
// such as a pipe, might block.
func readSmall(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it has more than %d bytes", most)}
	}
	return text, nil
}
