// Package compress holds the filters that compress and decompress responses.
//
// The walk: eligible decides whether a response may be compressed, negotiate
// which coding the client likes best, newBody wraps the body. The body is
// compressed while it is read: no goroutine, and never more in memory than one
// piece of it. decompress goes the other way: codings finds what was applied,
// newDecoded undoes it, the last first.
//
// It promises: whatever arrives from the backend is passed on before the next
// wait, so event streams flow; caches learn that the response depends on
// Accept-Encoding even when this one is not compressed; encoders and decoders are
// reused, and what they take together is bounded, at rest and at work: a response
// that would take more is sent as it is. What grows beyond -decompress-max-ratio is
// cut, and so is what is not encoded as it says: nobody takes it for whole.
//
// It does not compress what is compressed already, parts (206), and what
// "no-transform" protects. It does not decompress parts, more than four codings on
// top of each other, and those that it does not know.
//
// Start reading at compress.go.
package compress
