// Package sock drives one stream connection the cheapest way the platform
// offers: raw non-blocking system calls inside the runtime's poller for plain
// sockets and below TLS, ordinary Read and Write for everything else (in-memory
// pipes).
//
// The walk: Wrap makes a Conn of a net.Conn; Fill waits until there is something
// to read and only then asks for memory; Exchange writes a request and waits for
// the answer in one pass through the poller; Write and WriteTwo write.
//
// Time limits are coarse by design: a Conn carries one word that says when it is
// overdue, and a Sweeper looks at all words a few times a second. Limits below
// Precise use the runtime's timers.
//
// Under TLS there is a Lower between crypto/tls and the socket: NewLower, then
// tls.Server or tls.Client, then Wrap. An idle connection then holds one byte of
// ours and no buffer, is parked like any other, also in the middle of a record,
// and what is written in one go leaves in one system call. Idle and parked it
// costs some 9 KB, most of it keys and what crypto/tls keeps of the handshake. A
// client that sends records of 16 KB makes crypto/tls keep a buffer of that size
// for as long as the connection lives.
//
// A Conn has at most one reader and one writer at a time.
package sock
