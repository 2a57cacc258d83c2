// Package registry holds declarations by name: the one mechanism behind the
// lists of filters, predicates, sources and algorithms.
//
// A Registry is filled while package variables are initialised and only read
// afterwards; it holds declarations, never state.
//
// Start reading at Registry.
package registry
