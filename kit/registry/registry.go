package registry

import (
	"fmt"
	"slices"
	"sync"
)

// Registry maps names to declarations of type T. The zero value is ready.
type Registry[T any] struct {
	mu     sync.RWMutex
	byName map[string]*T
	all    []string // main names
}

// Define adds d under name and its aliases. It panics when one of them is
// taken, which is a mistake of the programmer.
func (r *Registry[T]) Define(kind string, d *T, name string, aliases ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byName == nil {
		r.byName = map[string]*T{}
	}
	for _, n := range append([]string{name}, aliases...) {
		if n == "" || r.byName[n] != nil {
			panic(fmt.Sprintf("%s %q has no name or is defined twice", kind, n))
		}
		r.byName[n] = d
	}
	r.all = append(r.all, name)
}

// Lookup returns the declaration called name, or nil.
func (r *Registry[T]) Lookup(name string) *T {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byName[name]
}

// All returns every declaration once, sorted by its main name.
func (r *Registry[T]) All() []*T {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := slices.Sorted(slices.Values(r.all))
	all := make([]*T, len(names))
	for i, n := range names {
		all[i] = r.byName[n]
	}
	return all
}

// Names returns every name and alias, sorted.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.byName))
	for n := range r.byName {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
