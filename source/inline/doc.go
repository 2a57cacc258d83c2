// Package inline is the source of routes on the command line
// (-inline-routes), or in the YAML file under the same name.
//
// It reads them once and never changes. Mistakes in them are problems of single
// routes, as in every source.
//
// Start reading at inline.
package inline
