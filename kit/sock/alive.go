package sock

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// aliveGeneric is Alive for a connection that is not just a socket, such as one
// under TLS: neither the layer on top holds something back nor is there
// something to read on the socket. What arrived there may be harmless, but to
// find out would be to wait for the rest of it.
func (c *Conn) aliveGeneric() bool {
	if c.low != nil {
		return c.aliveTLS()
	}
	_ = c.nc.SetReadDeadline(past)
	var one [1]byte
	n, err := c.nc.Read(one[:])
	c.clearRead()
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	below, ok := c.nc.(interface{ NetConn() net.Conn })
	if !ok {
		return true
	}
	socket, ok := below.NetConn().(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	return err == nil && quiet(raw)
}

// aliveTLS takes what has come without waiting: session tickets and the like
// are dealt with on the way, everything else should not be there.
func (c *Conn) aliveTLS() bool {
	c.low.eager = true
	n, err := c.nc.Read(c.one[:])
	c.low.eager = false
	return n == 0 && err == errNotReady //nolint:errorlint // Lower returns it bare, and crypto/tls hands it on
}
