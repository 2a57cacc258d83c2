// Package http3 is the HTTP/3 engine towards clients (RFC 9114): our own streams
// over QUIC and the field compression of quic-go, with nothing of net/http.
//
// # The walk
//
//	Server.Serve   handshakes; who may connect (gate)
//	conn.serve     SETTINGS, then each request stream in a goroutine of its own
//	stream.serve   HEADERS into a message.Request, Handle or Refuse, end
//	body           what comes in DATA frames, and the trailers
//	stream.Reply   head, body and trailers as frames
//	conn.depart    GOAWAY, the last requests, the end
//
// # What it promises
//
//   - The same requests as in HTTP/1 and HTTP/2 pass, and each gives exactly one
//     clean request there: order of fields kept, cookie fields joined, one host,
//     a body that is as long as was said. A request that promises a body and
//     ends without one reaches no handler (CVE-2026-33555).
//   - What breaks a rule of the message is answered and ends the stream, what
//     breaks one of frames ends the connection; both have a reason in the log,
//     which clients cannot fill.
//   - Everything has a bound: heads and trailers after decoding, frames that
//     carry nothing, requests that are given up, streams until their handler is
//     done, windows of a connection and of all, connections of all and of a
//     client, handshakes. With many of those in flight clients have to prove
//     their address (Retry).
//   - No dynamic table on either side: nothing blocks, and nothing unpacks to
//     more than its limit.
//   - A connection that leaves loses no request.
//
// Reasons it gives to Refuse: bad-method, bad-target, uri-too-long,
// bad-header-name, bad-header-value, header-too-large, too-many-headers,
// missing-host, duplicate-host, bad-host, host-mismatch, bad-content-length,
// conflicting-length, bad-transfer-encoding, expectation-failed,
// connect-refused, upgrade-refused, body-malformed. Of bodies also bad-trailer.
//
// # What it does not do
//
// It speaks with clients only. There is no 0-RTT (requests could be replayed), no
// server push, no datagrams and no CONNECT but for WebSockets (RFC 9220);
// priorities (RFC 9218) are ignored. The largest field section that a client
// announces is ignored, too. Connections cannot be given to another process, but
// the socket can: Server.HandOver leaves it to the process that comes after, and
// clients that are connected keep their connections with this one until they end.
// A client whose address changes in that time loses its connection.
//
// # Where to start reading
//
// Server.Serve in server.go, then stream.serve in stream.go.
package http3
