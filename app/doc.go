// Package app puts the parts together: it knows everyone, starts them in a
// written order and stops them in reverse.
//
// The walk: Proxy opens what the parts share (metrics, access log, endpoints),
// makes the parts, and hands them to run. all.go names the families of filters,
// predicates, algorithms and sources that are built in: adding one is one line
// there.
package app
