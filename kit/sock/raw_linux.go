package sock

import (
	"errors"
	"io"
	"os"
	"syscall"
	"unsafe"

	"fairlead.dev/fairlead/kit/buf"
)

// The system calls here never block (the sockets are non-blocking), so they need
// not tell the scheduler: RawSyscall saves that and cannot lose its processor to
// the system monitor (spec engine 4.2, point 6).

func sysRecv(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

func sysSend(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, e := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
			syscall.MSG_NOSIGNAL, 0, 0)
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

func sysSendTwo(fd uintptr, a, b []byte) (int, syscall.Errno) {
	iov := [2]syscall.Iovec{
		{Base: unsafe.SliceData(a), Len: uint64(len(a))},
		{Base: unsafe.SliceData(b), Len: uint64(len(b))},
	}
	msg := syscall.Msghdr{Iov: &iov[0], Iovlen: 2}
	for {
		n, _, e := syscall.RawSyscall(syscall.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&msg)), syscall.MSG_NOSIGNAL)
		if e != syscall.EINTR {
			return int(n), e
		}
	}
}

// send writes from a, then b, and returns what is left. again is true when the
// socket takes no more for now.
func send(fd uintptr, a, b []byte) (restA, restB []byte, again bool, err error) {
	for len(a)+len(b) > 0 {
		var n int
		var e syscall.Errno
		switch {
		case len(b) == 0:
			n, e = sysSend(fd, a)
		case len(a) == 0:
			n, e = sysSend(fd, b)
		default:
			n, e = sysSendTwo(fd, a, b)
		}
		if e == syscall.EAGAIN {
			return a, b, true, nil
		}
		if e != 0 {
			return a, b, false, os.NewSyscallError("send", e)
		}
		k := min(n, len(a))
		a, b = a[k:], b[n-k:]
	}
	return nil, nil, false, nil
}

// readRaw runs inside the poller's read loop: false means "wait until readable
// and call again".
func (c *Conn) readRaw(fd uintptr) bool {
	in := &c.in
	if in.before != nil {
		return c.writeBeforeRead(fd)
	}
	p := in.b
	if in.size > 0 {
		p = buf.Get(in.size)
	}
	n, e := sysRecv(fd, p)
	if e == 0 {
		in.b, in.n = p, n
		return true
	}
	if in.size > 0 {
		buf.Put(p)
	}
	if e == syscall.EAGAIN {
		return false
	}
	in.err = os.NewSyscallError("read", e)
	return true
}

// writeBeforeRead is the first half of Exchange. It runs after the poller armed
// the read side, so an answer cannot be missed. What came before cannot be left
// out of account: the poller reports only what is new, so that a connection with
// something in it would be waited for in vain.
func (c *Conn) writeBeforeRead(fd uintptr) bool {
	in := &c.in
	if in.probe {
		var one [1]byte
		if _, e := sysRecv(fd, one[:]); e != syscall.EAGAIN {
			in.stale = true
			return true
		}
	}
	total := len(in.before) + len(in.beforeBody)
	a, b, again, err := send(fd, in.before, in.beforeBody)
	in.wrote += total - len(a) - len(b)
	in.before, in.beforeBody, in.probe = nil, nil, false
	if err != nil {
		in.err = err
		return true
	}
	if again {
		in.before, in.beforeBody, in.blocked = a, b, true
		return true
	}
	return false
}

// writeRaw runs inside the poller's write loop.
func (c *Conn) writeRaw(fd uintptr) bool {
	a, b, again, err := send(fd, c.out.b, c.out.next)
	c.out.b, c.out.next, c.out.err = a, b, err
	return !again
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// Alive reports whether an idle connection can still be used: the peer neither
// ended it nor sent anything.
func (c *Conn) Alive() bool {
	if c.raw == nil {
		return c.aliveGeneric()
	}
	return quiet(c.raw)
}

// quiet reports whether there is nothing to read, not even the end.
func quiet(raw syscall.RawConn) bool {
	alive := false
	err := raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, e := sysRecv(fd, one[:])
		alive = e == syscall.EAGAIN
		return true
	})
	return err == nil && alive
}
