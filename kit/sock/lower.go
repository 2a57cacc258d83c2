package sock

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fairlead.dev/fairlead/kit/buf"
)

// Lower is the connection below TLS: give it to tls.Server or tls.Client, then
// the tls.Conn to Wrap, which knows it again. It reads and writes with the
// system calls of a plain Conn, can be asked not to wait, and gathers records
// that belong together into one system call.
type Lower struct {
	*net.TCPConn
	sys     syscall.RawConn
	in, out lowerOp
	gate    Gate
	eager   bool        // of the reader: do not wait
	closing atomic.Bool // nothing is waited for any more

	// The reader writes too: alerts and key updates. What is written goes out in
	// the order in which TLS made it, so the lock is held until it has left, as
	// crypto/tls does with its own.
	mu        sync.Mutex
	gather    []byte // what is kept while gathering is set
	gathering bool
}

// Gate is entered by a TLS handshake that has something to compute, and left
// while it waits for the peer.
type Gate interface {
	// Enter waits until there is room; after an error the handshake is over.
	Enter() error
	// Leave makes room. It does not wait.
	Leave()
}

// lowerOp is a read or write under way.
type lowerOp struct {
	fn      func(fd uintptr) bool
	p       []byte
	n       int
	err     error
	wait    bool // when the socket is not ready
	blocked bool
}

// NewLower returns the connection to put below TLS: a *Lower, or c itself when
// it is no TCP connection.
func NewLower(c net.Conn) net.Conn {
	tc, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	sys, err := tc.SyscallConn()
	if err != nil {
		return c
	}
	l := &Lower{TCPConn: tc, sys: sys}
	l.in.fn, l.out.fn = l.readRaw, l.writeRaw
	return l
}

// SetGate makes reads leave g while they wait; nil ends that. The caller has
// entered it. Not while something reads.
func (l *Lower) SetGate(g Gate) { l.gate = g }

// notReady is the error of a read that was asked not to wait. crypto/tls goes on
// after errors that are temporary.
type notReady struct{}

func (notReady) Error() string   { return "nothing to read yet" }
func (notReady) Timeout() bool   { return true }
func (notReady) Temporary() bool { return true }

var errNotReady error = notReady{}

// Read reads what there is, waiting when there is nothing.
func (l *Lower) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	in := &l.in
	in.p, in.n, in.err, in.blocked, in.wait = p, 0, nil, false, !l.eager
	err := l.sys.Read(in.fn)
	in.p = nil
	if l.gate != nil && in.blocked && err == nil && in.err == nil {
		err = l.gate.Enter()
	}
	switch {
	case err != nil:
		return 0, err
	case in.err != nil:
		return 0, in.err
	case in.n == 0:
		return 0, io.EOF
	}
	return in.n, nil
}

// readRaw runs inside the poller's read loop.
func (l *Lower) readRaw(fd uintptr) bool {
	in := &l.in
	n, e := sysRecv(fd, in.p)
	switch {
	case e == 0:
		in.n = n
	case e != syscall.EAGAIN:
		in.err = os.NewSyscallError("read", e)
	case !in.wait:
		in.err = errNotReady
	default:
		if l.gate != nil && !in.blocked {
			l.gate.Leave()
		}
		in.blocked = true
		return false
	}
	return true
}

// Write writes all of p, or keeps it for the end of what is gathered.
func (l *Lower) Write(p []byte) (int, error) {
	if l.closing.Load() {
		if !l.mu.TryLock() { // a writer is stuck: it must not keep Close waiting
			return 0, errNotReady
		}
	} else {
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	if !l.gathering {
		return l.send(p)
	}
	for rest := p; len(rest) > 0; {
		if l.gather == nil {
			l.gather = buf.Get(buf.Large)[:0]
		}
		n := min(cap(l.gather)-len(l.gather), len(rest))
		l.gather = append(l.gather, rest[:n]...)
		rest = rest[n:]
		if len(l.gather) == cap(l.gather) {
			if err := l.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

// beginGather makes Write keep what it is given, endGather sends it.
func (l *Lower) beginGather() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gathering = true
}

func (l *Lower) endGather() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gathering = false
	return l.flush()
}

func (l *Lower) send(p []byte) (int, error) {
	out := &l.out
	out.p, out.err, out.wait = p, nil, !l.closing.Load()
	err := l.sys.Write(out.fn)
	rest := len(out.p)
	out.p = nil
	if err == nil {
		err = out.err
	}
	return len(p) - rest, err
}

// writeRaw runs inside the poller's write loop.
func (l *Lower) writeRaw(fd uintptr) bool {
	var again bool
	l.out.p, _, again, l.out.err = send(fd, l.out.p, nil)
	if again && !l.out.wait {
		l.out.err = errNotReady
		return true
	}
	return !again
}

// flush sends what was gathered; the lock is held.
func (l *Lower) flush() error {
	if l.gather == nil {
		return nil
	}
	b := l.gather
	l.gather = nil
	_, err := l.send(b)
	buf.Put(b)
	return err
}

// SetWriteDeadline implements net.Conn. The last word of TLS, when the
// connection is closed, waits for nothing and needs no deadline.
func (l *Lower) SetWriteDeadline(t time.Time) error {
	if l.closing.Load() {
		return nil
	}
	return l.TCPConn.SetWriteDeadline(t)
}
