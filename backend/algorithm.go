package backend

import "fairlead.dev/fairlead/kit/registry"

// AlgorithmDef declares one load balancing algorithm.
type AlgorithmDef struct {
	Name string
	// Doc is one line, lower case, without a full stop.
	Doc string
	// New makes the instance of one route. endpoints is not empty and must not
	// be changed.
	New func(endpoints []*Endpoint) Algorithm
}

var algorithms registry.Registry[AlgorithmDef]

// DefineAlgorithm declares an algorithm. It panics when the name is taken.
func DefineAlgorithm(d AlgorithmDef) *AlgorithmDef {
	algorithms.Define("algorithm", &d, d.Name)
	return &d
}

// LookupAlgorithm returns the declaration of the algorithm, or nil.
func LookupAlgorithm(name string) *AlgorithmDef { return algorithms.Lookup(name) }

// Algorithms returns every declaration, sorted by name.
func Algorithms() []*AlgorithmDef { return algorithms.All() }
