// Package diag holds the filters for tests and diagnosis: they delay and they
// make content up.
//
// It promises that a filter that waits stops when the client goes away, and that
// made-up content takes no more memory than one piece of it.
//
// Start reading at latency.go.
package diag
