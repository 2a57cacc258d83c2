package certs

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"
)

const (
	// mostFileBytes bounds a file: a bundle of all public authorities has a
	// quarter of it.
	mostFileBytes = 1 << 20
	// coarse is the worst resolution of time stamps: a file that was younger
	// when it was read may have changed since without a sign of it.
	coarse = 2 * time.Second
)

// news is what a look at files found.
type news uint8

const (
	nothing news = iota
	fresh        // a new good value
	suspect      // broken, perhaps just being written: look again soon
	broken       // broken; the last good value, if any, counts on
)

// kept is what is made of one or more files that mean something together: the
// last good value, and what is wrong with the files now. One goroutine looks.
type kept[T any] struct {
	files []string
	parse func(texts [][]byte) (T, error)

	value   T
	good    bool  // value is one
	problem error // nil while the files are good

	infos   []fs.FileInfo // as of the last reading; nil: read in any case
	sum     [sha256.Size]byte
	known   bool // sum is of the last reading
	waiting bool // the problem was found once and not told yet
	patient bool // wait so even without a good value
}

// untimely is an error that time can heal without a change of files.
type untimely struct{ error }

// look reads the files if they may have changed; all reads them in any case.
//
// A problem is news only when it is found twice, for a pair of files may be seen
// between the writing of one and of the other; but at once where there is no
// good value to go on with.
func (k *kept[T]) look(all bool) news {
	var late untimely
	infos, err := k.stat()
	if err == nil && !all && k.infos != nil && same(infos, k.infos) && !errors.As(k.problem, &late) {
		return k.again()
	}
	var texts [][]byte
	if err == nil {
		texts, err = k.read()
	}
	if err != nil {
		k.known, k.infos = false, nil
		return k.fail(err)
	}
	k.infos = infos
	for _, i := range infos {
		if time.Since(i.ModTime()) < coarse {
			k.infos = nil
		}
	}
	sum := digest(texts)
	if k.known && sum == k.sum && !errors.As(k.problem, &late) {
		return k.again()
	}
	k.sum, k.known = sum, true
	v, err := k.parse(texts)
	if err != nil {
		return k.fail(err)
	}
	k.value, k.good, k.problem, k.waiting = v, true, nil, false
	return fresh
}

// again says what is left to say when nothing changed.
func (k *kept[T]) again() news {
	if k.problem == nil {
		return nothing
	}
	return k.fail(k.problem)
}

func (k *kept[T]) fail(err error) news {
	if k.problem != nil && k.problem.Error() == err.Error() {
		if k.waiting {
			k.waiting = false
			return broken
		}
		return nothing
	}
	k.problem, k.waiting = err, k.good || k.patient
	if k.waiting {
		return suspect
	}
	return broken
}

func (k *kept[T]) stat() ([]fs.FileInfo, error) {
	infos := make([]fs.FileInfo, len(k.files))
	for i, f := range k.files {
		info, err := os.Stat(f)
		if err != nil {
			return nil, fmt.Errorf("look at file: %w: restore it, or make it readable", err)
		}
		// Opening anything else, such as a pipe, might block.
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%q is no regular file (%s), expected one with PEM blocks", f, info.Mode())
		}
		infos[i] = info
	}
	return infos, nil
}

func (k *kept[T]) read() ([][]byte, error) {
	texts := make([][]byte, len(k.files))
	for i, f := range k.files {
		text, err := readFile(f)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read file: %w: make it readable", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if len(text) > mostFileBytes {
		return nil, fmt.Errorf("file %q has more than %d bytes, expected PEM blocks of a few kilobytes", path, mostFileBytes)
	}
	return text, nil
}

// same reports whether files look as they did.
func same(a, b []fs.FileInfo) bool {
	for i := range a {
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) {
			return false
		}
	}
	return true
}

func digest(texts [][]byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, t := range texts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(t))))
		h.Write(t)
	}
	h.Sum(sum[:0])
	return sum
}

// tally adds up what one look found.
type tally struct {
	log          *slog.Logger
	fresh, again bool
	failing      int
}

// count looks at k and tells what is new.
func count[T any](t *tally, k *kept[T], all bool, what string) news {
	n := k.look(all)
	switch {
	case n == fresh:
		t.fresh = true
		t.log.Info("TLS files read", "what", what, "files", k.files)
	case n == suspect:
		t.again = true
	case n == broken && k.good:
		t.log.Error("TLS files are broken, the last good ones stay in force", "what", what, "files", k.files, "error", k.problem)
	case n == broken:
		t.log.Error("TLS files are broken, what needs them is refused until they are good", "what", what, "files", k.files, "error", k.problem)
	}
	if k.problem != nil {
		t.failing++
	}
	return n
}
