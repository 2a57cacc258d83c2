package proxy

import (
	"context"
	"crypto/tls"
	"net"

	"fairlead.dev/fairlead/kit/sock"
)

// Door lets clients in: a listener with whatever stands between it and HTTP.
type Door interface {
	// Run calls serve for each connection that is ready for a request, in a
	// goroutine of the connection's own, with what its TLS handshake settled, nil
	// where there was none. It returns when ctx ended and the last of these calls
	// has returned.
	Run(ctx context.Context, serve func(c *sock.Conn, state *tls.ConnectionState)) error
	// Addr is where it listens.
	Addr() net.Addr
}
