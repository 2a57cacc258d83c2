package file

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
)

// Options of the source.
var Options = option.Define("source/file", Values{})

// Values are the options of the source, spec 1.8.
type Values struct {
	Files []string `flag:"routes-file" doc:"files with routes, read again when they change; of an id in several the first file's route counts"`
}

var _ = source.Define(source.Def{
	Name: "file",
	Doc:  "routes in files",
	Open: func(env *source.Env) ([]source.Source, error) {
		var all []source.Source
		var seen []string
		for _, path := range Options.From(env.Options).Files {
			if !slices.Contains(seen, path) {
				seen = append(seen, path)
				all = append(all, open(path, env.Options))
			}
		}
		return all, nil
	},
})

// file is one file with routes.
type file struct {
	path    string
	options *option.Set
	doc     *source.Document

	// What the last good reading saw.
	set  source.Set
	info fs.FileInfo // nil when the file must be read in any case
}

func open(path string, options *option.Set) *file {
	return &file{path: path, options: options, doc: source.NewDocument(path)}
}

// Name returns what the file is to people.
func (f *file) Name() string { return fmt.Sprintf("routes file %q", f.path) }

// Watch implements source.Source.
func (f *file) Watch(ctx context.Context, changed func()) error {
	return source.Poll(ctx, f.options, changed)
}

// Times that tell whether a file is still being written.
const (
	// settle is how long a file must not have changed before it is read: who
	// writes in place first empties it.
	settle = 50 * time.Millisecond
	// patience bounds how often it is waited for that.
	patience = 5
	// coarse is the worst resolution of time stamps: a file that was younger
	// when it was read may have changed since without a sign of it.
	coarse = 2 * time.Second
)

// Routes reads the file if it may have changed since the last time.
func (f *file) Routes(ctx context.Context) (source.Set, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return source.Set{}, err
	}
	if f.info != nil && same(f.info, info) {
		return f.set, nil
	}
	// Opening anything else, such as a pipe, might block.
	if !info.Mode().IsRegular() {
		return source.Set{}, fmt.Errorf("%q is a %s, expected a file", f.path, kind(info.Mode()))
	}
	for range patience {
		if time.Since(info.ModTime()) >= settle {
			break
		}
		if err := wait(ctx, settle); err != nil {
			return source.Set{}, err
		}
		if info, err = os.Stat(f.path); err != nil {
			return source.Set{}, err
		}
	}
	return f.read()
}

func (f *file) read() (source.Set, error) {
	r, err := os.Open(f.path)
	if err != nil {
		return source.Set{}, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return source.Set{}, err
	}
	start := time.Now()
	set, err := f.doc.Read(r)
	if err != nil {
		return source.Set{}, err
	}
	f.set, f.info = set, info
	if start.Sub(info.ModTime()) < coarse {
		f.info = nil
	}
	return set, nil
}

// same reports whether a file looks as it did.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
