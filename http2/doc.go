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
// # Towards backends
//
//	Pool.Get             a stream on the connection with the fewest exchanges, or
//	                     waits for a place; one connection is made at a time
//	ClientStream.Do      appends the request to what is gathered, then awaits the head
//	upload.run           a body that has not arrived, while the response is read
//	clientReader.frames  all input: one goroutine of the connection
//	connClock.tick       time limits of all exchanges: one timer of the connection
//
// A response that RFC 9113 8 forbids, of more than Limits or of more than 8
// interim responses, fails its exchange with backend-malformed or
// backend-header-too-large; what RFC 9113 calls an error of the connection ends
// that with GOAWAY. Frames that are no part of a response are counted (idleWork).
// A silent backend is asked with PING, as rarely as gRPC's servers demand; a
// connection that is silent when a response is late gets no exchange before it
// says something. What the backend did not process (REFUSED_STREAM, GOAWAY, bytes
// that never left) is told as exchange.SendError.Unsent.
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
