// Package sock is the handful of Linux socket calls that the load generator
// and the origin live on, made without the Go netpoller.
//
// The walk: [Listen] or [Dial] make non-blocking IPv4 sockets, [Poll] waits
// for many of them, [Read], [Write] and [Discard] move bytes. All of them are
// raw system calls: the calling thread keeps its scheduler slot while it
// waits, so that no run-time thread wakes up beside the measurement. That is
// right for a process with one busy goroutine and wrong for any other.
//
// It promises that nothing here allocates after set-up. It does not do IPv6,
// host names or TLS: everything that is measured happens on loopback.
//
// Start reading at [Poll].
package sock
