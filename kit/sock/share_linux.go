package sock

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// ShareAddress is a net.ListenConfig.Control that lets several sockets of one
// user have the same local address (SO_REUSEPORT). Of UDP sockets, the one that
// is connected to the sender gets a packet, then any of the others.
func ShareAddress(_, _ string, c syscall.RawConn) error {
	var err error
	ctl := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err = errors.Join(ctl, err); err != nil {
		return fmt.Errorf("share the address of a socket: %w", err)
	}
	return nil
}
