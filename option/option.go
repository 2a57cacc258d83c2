package option

import (
	"fmt"
	"reflect"
	"sync"
)

// Declared is one group of options with its defaults: the value that Define
// returned. From gives the values in force.
type Declared[T any] struct{ group *group }

type group struct {
	name     string
	defaults reflect.Value // struct
	fields   []*field
}

// The registry holds declarations only, never values; it is filled while
// package variables are initialised and only read afterwards.
var registry declarations

type declarations struct {
	mu     sync.RWMutex
	groups []*group
	byFlag map[string]*field // flags and old spellings
	byEnv  map[string]*field
}

// Define declares a group of options. T is a struct whose fields carry tags:
//
//	flag:"name"        the flag and YAML key; the environment name is derived
//	old:"a,b"          further accepted spellings of the flag and key
//	env:"NAME,NAME"    further environment names
//	doc:"text"         one line for the reference page
//	type:"text"        what the reference page calls the type, where the Go type
//	                   does not say it
//	oneof:"a,b"        the only values accepted
//	secret:"true"      never printed
//	repeat:"true"      a list that grows with each use of the flag; a value is
//	                   not split at commas
//	deprecated:"text"  a warning when it is used: what to use instead
//
// A field is a string, bool, int, uint, float64, time.Duration, any type that
// implements encoding.TextUnmarshaler (*regexp.Regexp, netip.Prefix), a slice
// of those, or a map with string keys of those, written key=value.
//
// defaults holds the default values. Define panics when a field has no flag
// tag, has a type it does not know, or when a name is declared twice: all
// mistakes of the programmer.
func Define[T any](name string, defaults T) *Declared[T] {
	g := &group{name: name, defaults: reflect.ValueOf(defaults)}
	if g.defaults.Kind() != reflect.Struct {
		panic(fmt.Sprintf("option group %q is not a struct", name))
	}
	for i := range g.defaults.NumField() {
		f, err := newField(g, i)
		if err != nil {
			panic(fmt.Sprintf("option group %q: %v", name, err))
		}
		g.fields = append(g.fields, f)
	}
	registry.add(g)
	return &Declared[T]{group: g}
}

func (d *declarations) add(g *group) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byFlag == nil {
		d.byFlag, d.byEnv = map[string]*field{}, map[string]*field{}
	}
	for _, f := range g.fields {
		claim(d.byFlag, "flag", f, append([]string{f.info.Flag}, f.info.Old...))
		claim(d.byEnv, "environment name", f, f.info.Env)
	}
	d.groups = append(d.groups, g)
}

func claim(names map[string]*field, what string, f *field, claimed []string) {
	for _, n := range claimed {
		if other := names[n]; other != nil {
			panic(fmt.Sprintf("%s %q is declared by option groups %q and %q", what, n, other.info.Group, f.info.Group))
		}
		names[n] = f
	}
}

func (d *declarations) flag(name string) *field {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.byFlag[name]
}

// fields returns every field of every group, in order of declaration.
func (d *declarations) fields() []*field {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []*field
	for _, g := range d.groups {
		all = append(all, g.fields...)
	}
	return all
}

// Set holds the values of all declared options of one run. It is read-only
// once the program starts its parts.
type Set struct {
	values map[*group]reflect.Value // pointer to struct
	from   map[*field]string        // where a value that is not the default comes from
}

// NewSet returns a set in which every option has its default value.
func NewSet() *Set {
	s := &Set{values: map[*group]reflect.Value{}, from: map[*field]string{}}
	registry.mu.RLock()
	defer registry.mu.RUnlock()
	for _, g := range registry.groups {
		s.values[g] = g.fresh()
	}
	return s
}

func (g *group) fresh() reflect.Value {
	p := reflect.New(g.defaults.Type())
	p.Elem().Set(g.defaults)
	return p
}

// From returns the values of this group in s. A nil set gives the defaults.
func (d *Declared[T]) From(s *Set) *T {
	if s != nil {
		if v, ok := s.values[d.group]; ok {
			return v.Interface().(*T)
		}
	}
	return d.group.fresh().Interface().(*T)
}

// value returns the place of f in s.
func (s *Set) value(f *field) reflect.Value {
	v, ok := s.values[f.group]
	if !ok { // the group was declared after the set was made
		v = f.group.fresh()
		s.values[f.group] = v
	}
	return v.Elem().Field(f.index)
}
