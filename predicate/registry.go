package predicate

import (
	"fmt"

	"fairlead.dev/fairlead/kit/registry"
)

var defs registry.Registry[Def]

// Define declares a predicate and returns its declaration. It panics when the
// name is taken or the declaration is incomplete: mistakes of the programmer.
func Define(d Def) *Def {
	if d.Doc == "" || d.Example == "" || d.New == nil {
		panic(fmt.Sprintf("predicate %q: doc, example and constructor are needed", d.Name))
	}
	defs.Define("predicate", &d, d.Name)
	return &d
}

// Lookup returns the declaration of the predicate called name, or nil.
func Lookup(name string) *Def { return defs.Lookup(name) }

// All returns every declaration, sorted by name.
func All() []*Def { return defs.All() }

// Names returns the name of every predicate, sorted.
func Names() []string { return defs.Names() }
