package sock

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// Readiness bits of [Event].
const (
	In  = syscall.EPOLLIN
	Out = syscall.EPOLLOUT
	Hup = syscall.EPOLLHUP | syscall.EPOLLERR
)

// sysEpollPwait2 has one number on every architecture (Linux 5.11).
const sysEpollPwait2 = 441

// Event says that a socket is ready.
type Event = syscall.EpollEvent

// Poll is a level-triggered epoll set. It belongs to one goroutine.
type Poll struct {
	fd     int
	events []Event
}

// NewPoll makes a set that reports at most batch events a wait.
func NewPoll(batch int) (*Poll, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll set: %w", err)
	}
	return &Poll{fd: fd, events: make([]Event, batch)}, nil
}

// Add starts to watch fd for the given bits.
func (p *Poll) Add(fd int, bits uint32) error { return p.ctl(syscall.EPOLL_CTL_ADD, fd, bits) }

// Change replaces the bits that fd is watched for.
func (p *Poll) Change(fd int, bits uint32) error { return p.ctl(syscall.EPOLL_CTL_MOD, fd, bits) }

func (p *Poll) ctl(op, fd int, bits uint32) error {
	ev := Event{Events: bits, Fd: int32(fd)}
	_, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	if e != 0 {
		return fmt.Errorf("epoll control of socket %d: %w", fd, e)
	}
	return nil
}

// Wait returns the sockets that are ready, none when timeout passed or a
// signal came first. The slice is valid until the next Wait.
func (p *Poll) Wait(timeout time.Duration) ([]Event, error) {
	ts := syscall.NsecToTimespec(int64(max(timeout, 0)))
	n, _, e := syscall.RawSyscall6(sysEpollPwait2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	if e == syscall.EINTR {
		return nil, nil
	}
	if e != 0 {
		return nil, fmt.Errorf("wait for sockets: %w", e)
	}
	return p.events[:n], nil
}

// Close gives the set back.
func (p *Poll) Close() { syscall.Close(p.fd) }
