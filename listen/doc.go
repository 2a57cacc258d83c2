// Package listen brings connections from a listening socket to where an HTTP
// engine can serve them.
//
// The walk: Listener.Run accepts; Gate.admit counts the connection, refuses it,
// or lets it wait in the TCP queue; a goroutine of its own reads the PROXY header
// where one is expected (originOf), does the TLS handshake (secure) and calls
// serve with a Conn. When the connection is closed, Gate.leave lets in who waits.
// The sockets come from a Set, which takes them over from the process before and
// hands them over to the next one.
//
// It promises:
//
//   - Connections, those of one client, handshakes under way and those that wait
//     are bounded. The newest handshake goes before the oldest, so that half-open
//     ones cannot keep honest clients out, and a client that has more than its
//     share of them under way only ends its own. Only as many compute at once as
//     there are processors, so that they cannot starve those that are served, and
//     clients take turns at that.
//   - Whoever is refused is reset at once: the client learns it, and nothing
//     stays behind in the system. A client that speaks HTTP to a TLS port is told.
//   - Each refusal is counted and has a name (Refusal). The log says who and why,
//     once a second for each name at most.
//   - Errors of accept, such as too few descriptors, end nothing: Run waits and
//     goes on.
//   - When listening ends, handshakes have a second to get done, for their
//     clients came in time. Those in the TCP queue are reset.
//
// PROXY headers (-enable-proxy-protocol) have the peer's meaning: one from a
// network of -proxy-deny-cidrs or from one that no list names ends the connection,
// in -proxy-skip-cidrs it is not looked for, and from -proxy-allow-cidrs it says
// who the client is; the lists go in this order. Connections without a header are
// served as what they are. The header is looked at in the socket and then taken
// out of it, so that not a byte behind it is lost.
//
// The TCP queue (-enable-tcp-queue) has the peer's meaning: as many connections
// are served as memory allows, the others wait, the last that came goes first,
// and the one that waited longest is dropped when the queue is full. The gauges
// listener.accepted.connections and listener.queued.connections are the peer's.
//
// It does not speak HTTP, keep certificates (package certs) or decide when one
// process replaces another (package app).
//
// Start reading at Listener.Run and Gate.admit.
package listen
