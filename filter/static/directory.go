package static

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"syscall"
)

// directory is a file system of which no name and no link leads out. The
// directory is looked up for each file: it may be a link that is moved to the
// next version of the files.
type directory struct {
	path string
	// listed bounds the entries of a listing.
	listed int
}

// mostListed is the bound of a directory that is served.
const mostListed = 10_000

// Open opens the file or directory called name, an absolute path within d.
func (d directory) Open(name string) (http.File, error) {
	name = strings.TrimPrefix(name, "/")
	if name == "" {
		name = "."
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing was written
	// Without waiting: opening a pipe would hang until somebody writes to it.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, reason(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = fs.ErrPermission
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return &file{File: f, listed: d.listed}, nil
}

// reason makes errors that the client's path caused look like files that are
// not there; the others are ours.
func reason(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fs.ErrPermission
	case !errors.As(err, &errno):
		return fs.ErrNotExist // the name leads out of the directory
	}
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.ELOOP, syscall.ENXIO:
		return fs.ErrNotExist
	}
	return err
}

// file is an open file that the file server reads and closes, unless it became
// the body of the response.
type file struct {
	*os.File
	listed int
	kept   bool
}

// Close closes f, unless it is still needed.
func (f *file) Close() error {
	if f.kept {
		return nil
	}
	return f.File.Close()
}

// ReadDir lists a directory, up to a bound.
func (f *file) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 {
		return f.File.ReadDir(n)
	}
	list, err := f.File.ReadDir(f.listed)
	if errors.Is(err, io.EOF) {
		err = nil // an empty directory
	}
	return list, err
}
