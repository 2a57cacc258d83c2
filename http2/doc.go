// Package http2 is the HTTP/2 engine (RFC 9113): our own connections over the
// header compression of golang.org/x/net/http2/hpack.
//
// # The walk
//
//	headDecoder    fields of a header block, within Limits
//	body           what comes in DATA frames; its windows move as it is read
//	writer         frames of all streams leave in one write
//
// # What it promises
//
//   - No net/http types, nothing allocated for an exchange in steady state.
//   - Everything has a bound: heads, windows, what waits to be written.
//
// # What it does not do
//
// It does not route, retry or choose backends, and does no TLS. Server push and
// priorities (RFC 9218) are not implemented; both may be ignored.
//
// # Where to start reading
//
// writer in writer.go and body in body.go.
package http2
