package sock

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"
)

// ErrAgain says that the socket has nothing now, or takes nothing now.
var ErrAgain = errors.New("socket not ready")

const (
	// tcpDiscard makes a TCP receive drop bytes without copying them: MSG_TRUNC
	// of tcp(7).
	tcpDiscard = syscall.MSG_TRUNC
	// bindNoPort is IP_BIND_ADDRESS_NO_PORT of ip(7): the port is chosen at
	// connect, so that one port serves many destinations.
	bindNoPort = 24
)

// Listen makes a non-blocking listening socket.
func Listen(addr netip.AddrPort) (int, error) {
	fd, err := newSocket()
	if err != nil {
		return -1, err
	}
	err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err == nil {
		err = syscall.Bind(fd, inet4(addr))
	}
	if err == nil {
		err = syscall.Listen(fd, 4096)
	}
	if err != nil {
		syscall.Close(fd)
		return -1, fmt.Errorf("listen on %q: %w", addr, err)
	}
	return fd, nil
}

// Accept takes one connection, or says [ErrAgain].
func Accept(listener int) (int, error) {
	fd, _, e := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(listener), 0, 0,
		syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	if e == syscall.EAGAIN || e == syscall.EINTR || e == syscall.ECONNABORTED {
		return -1, ErrAgain
	}
	if e != 0 {
		return -1, fmt.Errorf("accept connection: %w", e)
	}
	noDelay(int(fd))
	return int(fd), nil
}

// Dial begins a connection to addr and does not wait for it: the first write
// says [ErrAgain] until it stands. A valid from is the local address to use.
func Dial(addr netip.AddrPort, from netip.Addr) (int, error) {
	fd, err := newSocket()
	if err != nil {
		return -1, err
	}
	noDelay(fd)
	if from.IsValid() {
		syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, bindNoPort, 1)
		if err := syscall.Bind(fd, inet4(netip.AddrPortFrom(from, 0))); err != nil {
			syscall.Close(fd)
			return -1, fmt.Errorf("bind to %q: %w", from, err)
		}
	}
	err = syscall.Connect(fd, inet4(addr))
	if err != nil && err != syscall.EINPROGRESS {
		syscall.Close(fd)
		return -1, fmt.Errorf("connect to %q: %w", addr, err)
	}
	return fd, nil
}

func newSocket() (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET,
		syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("make socket: %w", err)
	}
	return fd, nil
}

func noDelay(fd int) {
	on := int32(1)
	syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY,
		uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0)
}

func inet4(addr netip.AddrPort) *syscall.SockaddrInet4 {
	return &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
}

// Read reads into b, which must not be empty. It returns 0 and no error at the
// end of the stream.
func Read(fd int, b []byte) (int, error) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])),
		uintptr(len(b)), 0, 0, 0)
	return result(n, e)
}

// Discard drops up to n received bytes without copying them and returns how
// many; 0 and no error is the end of the stream.
func Discard(fd, n int) (int, error) {
	r, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd), 0, uintptr(n), tcpDiscard, 0, 0)
	return result(r, e)
}

// Write writes what the socket takes of b, which must not be empty.
func Write(fd int, b []byte) (int, error) {
	n, _, e := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])),
		uintptr(len(b)), syscall.MSG_NOSIGNAL, 0, 0)
	return result(n, e)
}

func result(n uintptr, e syscall.Errno) (int, error) {
	switch e {
	case 0:
		return int(n), nil
	case syscall.EAGAIN, syscall.EINTR:
		return 0, ErrAgain
	}
	return 0, e
}

// Close closes a socket.
func Close(fd int) { syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }

// Addr is the local address of a socket.
func Addr(fd int) (netip.AddrPort, error) {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("read address of socket %d: %w", fd, err)
	}
	in4, ok := sa.(*syscall.SockaddrInet4)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("socket %d is not an IPv4 socket", fd)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(in4.Addr), uint16(in4.Port)), nil
}

// CloseWithReset makes Close of this socket send a reset, so that no port
// stays in TIME_WAIT.
func CloseWithReset(fd int) {
	syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
}
