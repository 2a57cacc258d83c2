package sock

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Look copies the next bytes of c into p and leaves them where they are. It
// waits until there are at least least of them, until c's read deadline, or for
// the end: then the error is io.ErrUnexpectedEOF, io.EOF if there is nothing.
func Look(c *net.TCPConn, p []byte, least int) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	n, failed := 0, error(nil)
	err = raw.Read(func(fd uintptr) bool {
		// Asked first: what came before the end is seen below.
		over := ended(fd)
		m, e := sysLook(fd, p)
		switch {
		case e == syscall.EAGAIN:
			return false
		case e != 0:
			failed = os.NewSyscallError("look", e)
			return true
		}
		n = m
		if n == 0 {
			failed = io.EOF
		} else if n < least && over {
			failed = io.ErrUnexpectedEOF
		}
		return failed != nil || n >= least
	})
	if err != nil {
		return n, err
	}
	return n, failed
}

func sysLook(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
			syscall.MSG_PEEK, 0, 0)
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

// ended reports whether the peer has stopped sending.
func ended(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}
