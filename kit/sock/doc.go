// Package sock drives one stream connection the cheapest way the platform
// offers: raw non-blocking system calls inside the runtime's poller for plain
// sockets, ordinary Read and Write for everything else (TLS, in-memory pipes).
//
// The walk: Wrap makes a Conn of a net.Conn; Fill waits until there is something
// to read and only then asks for memory; Exchange writes a request and waits for
// the answer in one pass through the poller; Write and WriteTwo write.
//
// Time limits are coarse by design: a Conn carries one word that says when it is
// overdue, and a Sweeper looks at all words a few times a second. Limits below
// Precise use the runtime's timers.
//
// A Conn has at most one reader and one writer at a time.
package sock
