package http1

import (
	"net"
	"net/netip"
	"time"
)

// Stream drives one connection. *sock.Conn is the driver of today: a goroutine
// waits in the runtime's poller. An event loop would be another.
//
// At most one goroutine reads and one writes at a time.
type Stream interface {
	// Fill waits for input, then takes memory of at least size bytes from
	// package buf and reads into it; n == 0 with a nil error is the end.
	Fill(size int) (b []byte, n int, err error)
	// FillWithin is Fill that gives up after d with sock.ErrTimeout; the
	// connection can be used further.
	FillWithin(size int, d time.Duration) (b []byte, n int, err error)
	// FillIdle is Fill between two requests; it may return sock.ErrPark.
	FillIdle(now int64, size int, canPark bool) (b []byte, n int, err error)
	// Read reads into p; n == 0 with a nil error is the end.
	Read(p []byte) (n int, err error)
	// Exchange writes head and body, then does what Fill does. When the peer ended
	// or spoke unasked before, it gives sock.ErrStale instead; with probe not set
	// that may go unnoticed.
	Exchange(head, body []byte, probe bool, size int) (b []byte, n, wrote int, err error)
	// WriteTwo writes all of a and b.
	WriteTwo(a, b []byte) error
	// SetTimeout limits what follows to d from now (0: no limit).
	SetTimeout(now int64, d time.Duration)
	// Interrupt makes all operations fail; only Close is left.
	Interrupt()
	// HoldRead makes reads fail until it is called with false.
	HoldRead(on bool)
	// Expired reports whether the time limit ended the connection.
	Expired() bool
	// HungUp reports whether the peer reset the connection.
	HungUp() bool
	// OnGone calls fn when the peer hangs up; nil takes that back and reports
	// whether it is too late: the one before was called or is about to be.
	OnGone(fn func()) (late bool)
	// CloseWrite ends the sending direction.
	CloseWrite() error
	Close() error
	// Reset closes the connection so that it looks like a fault to the peer.
	Reset()
	// Remote is the peer's address, the zero value when it has none.
	Remote() netip.AddrPort
	// Local is the own address, the zero value when it has none.
	Local() netip.AddrPort
	// NetConn is the connection below, for splice and TLS details.
	NetConn() net.Conn
}
