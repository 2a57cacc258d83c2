package http2

import "net/netip"

// Conn is the connection below; *sock.Conn is one. One goroutine reads and one
// writes at a time.
type Conn interface {
	// Fill waits for input, then takes memory of at least size bytes from package
	// buf and reads into it; n == 0 with a nil error is the end.
	Fill(size int) (b []byte, n int, err error)
	// Read reads into p; n == 0 with a nil error is the end.
	Read(p []byte) (n int, err error)
	// WriteTwo writes all of a and b.
	WriteTwo(a, b []byte) error
	// Interrupt makes all operations fail; only Close is left.
	Interrupt()
	// CloseWrite ends the sending direction.
	CloseWrite() error
	Close() error
	// Remote is the peer's address, the zero value when it has none.
	Remote() netip.AddrPort
	// Local is the own address, the zero value when it has none.
	Local() netip.AddrPort
}
