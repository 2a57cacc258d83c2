// Package option declares the settings of Fairlead, each once: one tagged
// struct field beside the code that uses it gives the command line flag, the
// environment name, the YAML key and the reference page.
//
//	var Options = option.Define("proxy", Values{Address: ":9090"})
//
//	type Values struct {
//		Address string `flag:"address" doc:"where the proxy listens"`
//	}
//
// Start reading at Define, then Set.
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
}

// The registry holds declarations only, never values; it is filled while
// package variables are initialised and only read afterwards.
var registry struct {
	sync.Mutex
	groups []*group
}

// Define declares a group of options. T is a struct whose fields carry tags:
//
//	flag:"name"     the flag and YAML key; the environment name is derived
//	old:"a,b"       further accepted spellings of the flag
//	env:"NAME"      a further environment name
//	doc:"text"      one line for the reference page
//	secret:"true"   never printed
//
// defaults holds the default values. It panics when a field has no flag tag or
// a flag is declared twice: both are mistakes of the programmer.
func Define[T any](name string, defaults T) *Declared[T] {
	g := &group{name: name, defaults: reflect.ValueOf(defaults)}
	if g.defaults.Kind() != reflect.Struct {
		panic(fmt.Sprintf("option group %q is not a struct", name))
	}
	registry.Lock()
	defer registry.Unlock()
	registry.groups = append(registry.groups, g)
	return &Declared[T]{group: g}
}

// Set holds the values of all declared options of one run. It is read-only
// once the program starts its parts.
type Set struct {
	values map[*group]reflect.Value // pointer to struct
}

// NewSet returns a set in which every option has its default value.
func NewSet() *Set {
	s := &Set{values: map[*group]reflect.Value{}}
	registry.Lock()
	defer registry.Unlock()
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
