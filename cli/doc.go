// Package cli is the command line of Fairlead: one file a command, named
// <noun>_<verb>.go.
//
// The walk: Main looks at the name the program was called by. As fairlead it
// runs the tree of commands of root.go; as skipper or eskip (a link, or the
// first argument, as manifests have it) it behaves as that program. A command
// reads its input, calls the packages below and writes to the streams of
// Process; what it returns becomes the exit status: 0 fine, 1 something is
// wrong with the input or the run, 2 the command line itself is wrong.
//
// The proxy and the demo are functions of Program: their parts stand on lower
// floors and are put together by cmd/fairlead.
//
// It promises that a long flag may be written with one dash or two, that
// problems go to standard error and results to standard output, and that a file
// is written only where -w asks for it.
//
// It does not know filters, predicates or options by name: it shows what the
// packages below declare.
//
// Start reading at Main, then root.
package cli
