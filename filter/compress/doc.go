// Package compress holds the filter that compresses responses.
//
// The walk: eligible decides whether a response may be compressed, negotiate
// which coding the client likes best, newBody wraps the body. The body is
// compressed while it is read: no goroutine, and never more in memory than one
// piece of it.
//
// It promises: whatever arrives from the backend is passed on before the next
// wait, so event streams flow; caches learn that the response depends on
// Accept-Encoding even when this one is not compressed; encoders are reused, and
// what they take together is bounded, at rest and at work: a response that would
// take more is sent as it is.
//
// It does not decompress, and it leaves alone what is compressed already, parts
// (206), and what "no-transform" protects.
//
// Start reading at compress.go.
package compress
