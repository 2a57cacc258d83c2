// Package drive is the load generator: clients of HTTP/1.1, HTTP/2 and gRPC,
// plain or over TLS, in one epoll loop, so cheap that the proxy under test
// saturates first.
//
// The walk: [Run] opens the connections and turns one loop; an event moves one
// client on (client.send, client.receive), a finished exchange goes to
// loop.finish, which counts it and decides by the mode what that client does
// next. [Settings] says what to send and when, [Report] what came of it.
//
//	get     closed loop: the next request as soon as the answer is complete
//	post    the same with a request body
//	conn    a new connection for each request ("Connection: close")
//	stream  closed loop over a large body, counted in bytes
//	rate    open loop: requests at fixed times, latency from the planned time
//	idle    many connections of one request each, held, then used once more
//	grpc    closed loop of unary calls over HTTP/2, a message each way
//
// A link is the bytes of a connection, plain or in TLS, whose handshake runs as
// a coroutine of the loop. A client is HTTP/1.1 above it; a mux, in its place,
// is HTTP/2 with a number of streams. A mux writes once for all that one event
// brought. TLS is always a new session of TLS 1.3 with X25519 and AES-128-GCM.
//
// It promises that every answer is checked (status 200, Content-Length, exact
// body length, nothing behind it; of a call also type, message and status) and
// that an answer that is not right is an error in the report, by reason. It
// does not read plain bodies: they are dropped in the kernel. It does not
// decode chunked answers; they count as errors. It does not verify
// certificates. Over HTTP/2 it sends one request again and again, and a stream
// that went wrong is the end of its connection.
//
// Start reading at loop.turn.
package drive
