package sock

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// The period and number of TCP keep-alive probes towards clients.
const (
	keepAliveSeconds = 15
	keepAliveProbes  = 9
)

// KeepAlive is a net.ListenConfig.Control that turns TCP keep-alive on for the
// listening socket: accepted ones inherit it, which saves four system calls for
// each.
func KeepAlive(_, _ string, c syscall.RawConn) error {
	var err error
	ctl := c.Control(func(fd uintptr) {
		err = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAliveSeconds),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepAliveSeconds),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveProbes),
		)
	})
	return errors.Join(ctl, err)
}
