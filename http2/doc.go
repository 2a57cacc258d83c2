// Package http2 is the HTTP/2 engine (RFC 9113): our own connections over the
// header compression of golang.org/x/net/http2/hpack.
//
// # The walk
//
//	Server.ServeConn    one connection, in the caller's goroutine, which reads
//	conn.readFrame      checks the head of a frame, then frame, or readData
//	headDecoder         the fields of a header block, within Limits
//	stream.settleHead   makes a request of them, or finds what is wrong
//	workers.start       a goroutine that serves one stream after the other
//	Handler.Handle      the proxy; it reads the body and calls
//	stream.Reply        head and data go to the writer, as windows allow
//	writer.flush        frames of all streams leave in one write
//	stream.finish       what neither side ended is reset
//
// Streams, and the client's side of the connection, share one lock (common.mu),
// which is never held over I/O. The reader never writes: what it has to say is
// gathered, and a stream that is about to write takes it along (writer.kick has a
// goroutine do it where there is none). Who writes first lets the others append.
//
// DATA lies in pooled memory until it is read; the windows are opened by who
// reads it (body.Consume). Heads are encoded without a table and without Huffman
// codes, so that no stream waits for another.
//
// No stream has a timer: all limits are points on the sweeper's clock, and one
// goroutine of the server looks at them (Server.watch), 250 ms apart.
//
// # What it promises
//
//   - One request in, one request out: what passes can be carried by HTTP/1 as
//     exactly one request. Names, values, targets and hosts are judged by the
//     functions that http1 uses (message.CheckTarget and its kin).
//   - Cookie fields are joined (RFC 9113 8.2.3), fields keep their order.
//   - Trailers and interim responses both ways, 100-continue when the body is
//     first asked for, early responses, extended CONNECT for WebSockets (RFC
//     8441), the change from HTTP/1 (RFC 7540 3.2).
//   - A stream that cannot be sent to holds up no other.
//   - A connection ends gracefully: GOAWAY for what may come, a PING to know that
//     it has arrived, GOAWAY with the last stream, which is served.
//   - Nothing is allocated for an exchange in steady state. An idle connection
//     has one goroutine.
//
// Everything has a bound. The windows are 256 KB for a stream and 1 MB for a
// connection: more of bodies is never held. Heads of all streams of a connection
// are 4 times Limits.HeadBytes at most, cookies, trailers and 32 bytes for each
// field counted; the table of header compression has 4 KB. Responses wait in
// front of 48 KB, answers to what the client asks for end at 16 KB.
//
// # Strictness: requests
//
// What RFC 9113 8.1.1 calls malformed is answered with the status of the reason
// and then reset with PROTOCOL_ERROR; what is only too much, or not served, is
// answered.
//
//	RFC 9113 8.2    an empty name, upper case, bytes no token has  bad-header-name
//	                content_length and transfer_encoding           bad-header-name
//	RFC 9113 8.2.1  control characters in a value, white space     bad-header-value
//	                around it
//	RFC 9113 8.2.2  Connection, Keep-Alive, Proxy-Connection,      connection-field
//	                Transfer-Encoding, Upgrade, TE other than
//	                trailers
//	RFC 9113 8.3    pseudo-header fields that are unknown, missing, bad-pseudo-field
//	                twice or behind others; a scheme other than
//	                http and https; :protocol without CONNECT
//	RFC 9110 9.1    a method that is no token, or is too long      bad-method
//	RFC 9113 8.3.1  a path that http1 would not take as a target   bad-target
//	                a path above Limits.LineBytes                  uri-too-long (414)
//	                neither :authority nor Host                    missing-host
//	                two Host fields                                duplicate-host
//	                bytes that no host has, user information       bad-host
//	                :authority and Host differ                     host-mismatch
//	RFC 9110 8.6    a Content-Length that is not 1 to 18 digits    bad-content-length
//	RFC 9113 8.1.1  two of them, or another length of DATA         conflicting-length
//	RFC 9113 8.1    pseudo-header fields, or malformed ones, in    bad-trailer
//	                trailers
//	                a body beyond its window, HEADERS within it    body-malformed
//	RFC 9110 9.3.6  CONNECT without :protocol                      connect-refused (405)
//	RFC 8441 4      a :protocol other than websocket               upgrade-refused
//	RFC 9110 10.1.1 Expect other than 100-continue                 expectation-failed (417)
//	                a head above Limits.HeadBytes                  header-too-large (431)
//	                more fields than Limits.Fields                 too-many-headers (431)
//
// # Strictness: connections
//
// What RFC 9113 calls a connection error is one, with its code. Beyond that
// ENHANCE_YOUR_CALM ends connections whose client makes work for nothing
// (flood.go): frames without a use, and streams that end without a response,
// whoever resets them, cost points of budgets that fill with time and with
// responses. Header blocks of more than 128 CONTINUATION frames or
// Limits.HeadBytes, blocks that unpack to 4 times the limits, and answers that
// are not read end it, too. A stream counts against MaxStreams until its
// response is complete or, reset, until its handler has ended. The log says who
// and why, 5 lines a second for all connections.
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
// priorities (RFC 9218) are read past; both may be ignored. A client that
// ends its sending direction is gone.
//
// # Where to start reading
//
// conn.readFrame in read.go, then stream.go and reply.go; writer.go for how
// frames leave.
package http2
