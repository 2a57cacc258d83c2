package certs

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// mostPairs bounds how many pairs of a folder are kept.
const mostPairs = 10_000

// folder is a folder with pairs.
type folder struct {
	path  string
	pairs map[string]*pair // by name
	// problem is why the folder as a whole could not be read; the pairs stay.
	problem error
	odd     map[string]bool // what is not served, as it was told
}

// place is where the two files of a pair are.
type place struct{ cert, key string }

// list reads the folder: which pairs there are, and what is
// left out.
func (f *folder) list() (found map[string]place, odd []error, err error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, nil, fmt.Errorf("folder with certificates: %w: restore it, or make it readable", err)
	}
	found = map[string]place{}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") {
			continue // the machinery of Kubernetes mounts, and files being written
		}
		p, stem := f.entry(name)
		if p == (place{}) {
			continue
		}
		if other, twice := found[stem]; twice {
			odd = append(odd, fmt.Errorf("certificate %q has the name of %q: it is left out, rename it", p.cert, other.cert))
			continue
		}
		if len(found) == mostPairs {
			odd = append(odd, fmt.Errorf("folder %q has more than %d certificates: those from %q on are left out", f.path, mostPairs, name))
			break
		}
		found[stem] = p
	}
	return found, odd, nil
}

// entry says which pair the entry name of the folder stands for, if any. Half a
// pair is one, too: reading it says what is missing, and if it was whole once,
// its last good certificate serves on.
func (f *folder) entry(name string) (p place, stem string) {
	path := filepath.Join(f.path, name)
	ext := filepath.Ext(name)
	stem = strings.TrimSuffix(name, ext)
	crt, pem, key := filepath.Join(f.path, stem+".crt"), filepath.Join(f.path, stem+".pem"), filepath.Join(f.path, stem+".key")
	switch ext {
	case ".crt":
		// Bundles of authorities lie beside certificates, as in Secrets.
		if stem == "ca" && !exists(key) {
			return place{}, stem
		}
		return place{path, key}, stem
	case ".pem":
		if known := f.pairs[stem]; exists(key) || known != nil && known.files[0] == path {
			return place{path, key}, stem
		}
		return place{}, stem
	case ".key":
		known := f.pairs[stem]
		switch {
		case exists(crt), exists(pem):
			return place{}, stem // found by its certificate
		case known != nil:
			return place{known.files[0], path}, stem
		}
		return place{crt, path}, stem
	}
	p = place{filepath.Join(path, "tls.crt"), filepath.Join(path, "tls.key")}
	if exists(p.cert) || exists(p.key) {
		return p, name
	}
	return place{}, name
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR)
}

// look finds out which pairs the folder has. At first it reads them, too; later
// tally does.
func (f *folder) look(first bool, log *slog.Logger) (changed bool) {
	found, odd, err := f.list()
	if err != nil {
		if !first && (f.problem == nil || f.problem.Error() != err.Error()) {
			log.Error("the folder with certificates is broken, the last good ones stay in force", "error", err)
		}
		f.problem = err
		return false
	}
	f.problem = nil
	told := map[string]bool{}
	for _, o := range odd {
		told[o.Error()] = true
		if !f.odd[o.Error()] {
			log.Warn("something in the folder with certificates is not served", "error", o)
		}
	}
	f.odd = told
	for name, p := range f.pairs {
		if at, ok := found[name]; !ok || at.cert != p.files[0] {
			log.Info("a certificate is gone from its folder", "file", p.files[0])
			delete(f.pairs, name)
			changed = true
		}
	}
	for name, at := range found {
		if f.pairs[name] != nil {
			continue
		}
		p := newPair(at.cert, at.key)
		p.patient = !first // its second file may not be there yet
		f.pairs[name] = p
		if first && p.look(true) == broken {
			log.Error("a certificate of the folder is broken and left out", "files", p.files, "error", p.problem)
		}
	}
	return changed
}

// tally looks at the folder and at all of its pairs.
func (f *folder) tally(t *tally, all bool) {
	if f.look(false, t.log) {
		t.fresh = true
	}
	if f.problem != nil {
		t.failing++
		return // nobody can look at the pairs
	}
	t.failing += len(f.odd)
	for _, p := range f.pairs {
		count(t, p, all, "certificate")
	}
}

// failing returns how much of the folder is broken.
func (f *folder) failing() int {
	if f == nil {
		return 0
	}
	n := len(f.odd)
	for _, p := range f.pairs {
		if p.problem != nil {
			n++
		}
	}
	return n
}
