package sock

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"fairlead.dev/fairlead/kit/buf"
)

// ErrStale is returned by Exchange when the connection had ended, or the peer
// had sent something unasked, before a byte was written.
var ErrStale = errors.New("connection was closed or used by the peer while idle")

// ErrTimeout is returned when a time limit passed.
var ErrTimeout error = os.ErrDeadlineExceeded

// Conn is a stream connection.
type Conn struct {
	nc  net.Conn
	raw syscall.RawConn // nil: use nc
	sys syscall.RawConn // of the socket, also below TLS; nil: there is none
	low *Lower          // below TLS; nil: there is none
	one [1]byte         // what a read under TLS waits with, instead of memory

	in  operation // of the reader
	out operation // of the writer

	limit   atomic.Int64 // see limit.go
	precise atomic.Int64 // the runtime deadline, Unix time in ns; 0: none
	sweeper *Sweeper
	place   place   // in the sweeper's list
	parking parking // see park.go
	gone    atomic.Pointer[func()]
	closed  atomic.Pointer[func()]
	peer    atomic.Pointer[Conn] // see Pair

	remote, local netip.AddrPort
}

// operation is a read or write under way; its fields are what the closures
// handed to the poller work on.
type operation struct {
	fn   func(fd uintptr) bool
	size int    // memory to take for a read
	b    []byte // read: memory taken; write: what is left
	next []byte // write: what follows b
	n    int
	err  error
	// before is written before the read begins (Exchange).
	before     []byte
	beforeBody []byte
	wrote      int
	probe      bool
	stale      bool
	blocked    bool
}

// Wrap makes a Conn of nc, which may be a *tls.Conn over what NewLower made.
// sweeper watches its time limits until Close; it may be nil when none are set.
func Wrap(nc net.Conn, sweeper *Sweeper) *Conn {
	c := &Conn{nc: nc, sweeper: sweeper}
	switch t := nc.(type) {
	case *net.TCPConn:
		if raw, err := t.SyscallConn(); err == nil {
			c.raw, c.sys = raw, raw
			c.in.fn = c.readRaw
			c.out.fn = c.writeRaw
		}
	case interface{ NetConn() net.Conn }:
		if low, ok := t.NetConn().(*Lower); ok {
			c.low, c.sys = low, low.sys
		}
	}
	c.remote, c.local = addrPort(nc.RemoteAddr()), addrPort(nc.LocalAddr())
	if sweeper != nil {
		sweeper.add(c)
	}
	return c
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	if a == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return ap
}

// Remote returns the peer's address; the zero value when it has none.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Local returns the own address; the zero value when it has none.
func (c *Conn) Local() netip.AddrPort { return c.local }

// SetAddresses makes Remote and Local return what a proxy in front said. Before
// others use the connection.
func (c *Conn) SetAddresses(remote, local netip.AddrPort) { c.remote, c.local = remote, local }

// OnClose calls fn once, when the connection is closed. Before others use it.
func (c *Conn) OnClose(fn func()) { c.closed.Store(&fn) }

// NetConn returns the connection below.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Close closes the connection. It may be called more than once and while
// others read or write.
func (c *Conn) Close() error {
	if c.sweeper != nil {
		c.sweeper.remove(c)
	}
	if c.low != nil {
		c.low.closing.Store(true)
	}
	err := c.nc.Close()
	if fn := c.closed.Swap(nil); fn != nil {
		(*fn)()
	}
	return err
}

// Reset closes the connection so that it looks like a fault to the peer, who
// would otherwise take what came last for the end of the message.
func (c *Conn) Reset() {
	if tcp, ok := c.nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	} else if c.low != nil {
		_ = c.low.SetLinger(0)
		_ = c.low.Close() // before TLS can say that this is the end
	}
	_ = c.Close()
}

// CloseWrite ends the sending direction, if the connection can do that.
func (c *Conn) CloseWrite() error {
	if h, ok := c.nc.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return nil
}

// Fill waits until there is something to read, takes memory of size bytes
// (buf.Get) and reads into it. The caller owns the returned memory, of which
// the first n bytes are filled. At the end of the stream n is 0 and err nil.
func (c *Conn) Fill(size int) (b []byte, n int, err error) {
	if c.raw == nil {
		return c.fillGeneric(size)
	}
	c.in.size, c.in.b, c.in.n, c.in.err = size, nil, 0, nil
	if err := c.raw.Read(c.in.fn); err != nil {
		return nil, 0, c.cause(err)
	}
	b, c.in.b = c.in.b, nil
	if c.in.err != nil || c.in.n == 0 {
		buf.Put(b)
		return nil, 0, c.in.err
	}
	return b, c.in.n, nil
}

// FillWithin is Fill that gives up with ErrTimeout when d has passed; unlike
// after SetTimeout the connection can be used further.
func (c *Conn) FillWithin(size int, d time.Duration) (b []byte, n int, err error) {
	c.SetTimeout(0, 0)
	_ = c.nc.SetReadDeadline(time.Now().Add(d))
	b, n, err = c.Fill(size)
	c.clearRead()
	return b, n, err
}

// clearRead makes the deadline of reads what SetTimeout said, unless the
// connection was ended: also when that happens at the same time.
func (c *Conn) clearRead() {
	var at time.Time
	if t := c.precise.Load(); t != 0 {
		at = time.Unix(0, t)
	}
	_ = c.nc.SetReadDeadline(at)
	if c.Expired() {
		_ = c.nc.SetReadDeadline(past)
	}
}

// Read reads into p without waiting for memory. Unlike io.Reader it returns
// 0, nil at the end of the stream.
func (c *Conn) Read(p []byte) (int, error) {
	if c.raw == nil {
		n, err := c.nc.Read(p)
		if n > 0 || isEOF(err) {
			return n, nil
		}
		return 0, c.cause(err)
	}
	c.in.b, c.in.n, c.in.err, c.in.size = p, 0, nil, 0
	err := c.raw.Read(c.in.fn)
	c.in.b = nil
	if err != nil {
		return 0, c.cause(err)
	}
	return c.in.n, c.in.err
}

// Exchange writes head and body and waits for the first bytes of the answer,
// as Fill does. First it makes sure that the peer neither closed the connection
// nor sent anything unasked; if it did, the error is ErrStale and nothing was
// written. Under TLS it does so only with probe set, because what comes first
// there may be of the handshake. wrote is the number of bytes that left.
func (c *Conn) Exchange(head, body []byte, probe bool, size int) (b []byte, n, wrote int, err error) {
	if c.raw == nil {
		return c.exchangeGeneric(head, body, probe, size)
	}
	in := &c.in
	in.size, in.b, in.n, in.err = size, nil, 0, nil
	in.before, in.beforeBody, in.wrote, in.probe, in.stale, in.blocked = head, body, 0, true, false, false
	err = c.raw.Read(in.fn)
	if err == nil && in.blocked {
		rest, restBody := in.before, in.beforeBody
		in.before, in.beforeBody = nil, nil
		if err = c.WriteTwo(rest, restBody); err != nil {
			return nil, 0, in.wrote, err
		}
		in.wrote += len(rest) + len(restBody)
		err = c.raw.Read(in.fn)
	}
	in.before, in.beforeBody = nil, nil
	b, in.b = in.b, nil
	switch {
	case err != nil:
		err = c.cause(err)
	case in.stale:
		err = ErrStale
	default:
		err = in.err
	}
	if err != nil || in.n == 0 {
		if b != nil {
			buf.Put(b)
		}
		return nil, 0, in.wrote, err
	}
	return b, in.n, in.wrote, nil
}

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.WriteTwo(p, nil); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteTwo writes all of a, then all of b, in one system call where possible.
func (c *Conn) WriteTwo(a, b []byte) error {
	if c.raw == nil {
		return c.writeGeneric(a, b)
	}
	c.out.b, c.out.next, c.out.err = a, b, nil
	err := c.raw.Write(c.out.fn)
	c.out.b, c.out.next = nil, nil
	if err != nil {
		return c.cause(err)
	}
	return c.out.err
}

// SetTimeout makes all operations fail with ErrTimeout when now+d has passed;
// now is in nanoseconds of the Sweeper's clock. d <= 0 removes the limit.
func (c *Conn) SetTimeout(now int64, d time.Duration) {
	if c.precise.Load() != 0 && c.precise.Swap(0) != 0 {
		_ = c.nc.SetDeadline(time.Time{})
	}
	switch {
	case d <= 0:
		c.setLimit(0)
	case d < Precise || c.sweeper == nil:
		at := time.Now().Add(d)
		c.precise.Store(at.UnixNano())
		_ = c.nc.SetDeadline(at)
		c.setLimit(0)
	default:
		c.setLimit(now + int64(d))
	}
}

// setLimit changes the limit word, but never takes back that time is up: what
// the caller did to the runtime's deadline is undone then.
func (c *Conn) setLimit(l int64) {
	for {
		old := c.limit.Load()
		if old == expired {
			_ = c.nc.SetDeadline(past)
			return
		}
		if c.limit.CompareAndSwap(old, l) {
			return
		}
	}
}

// Interrupt makes all operations that wait, and all that follow, fail with
// ErrTimeout. The connection is good for nothing but Close afterwards.
func (c *Conn) Interrupt() {
	c.limit.Store(expired)
	_ = c.nc.SetDeadline(past)
}

// Expired reports whether the sweeper or Interrupt ended the connection.
func (c *Conn) Expired() bool { return c.limit.Load() == expired }

// cause turns an error of the poller into one of ours.
func (c *Conn) cause(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrTimeout
	}
	return err
}

// Now returns the clock that SetTimeout counts in.
func (c *Conn) Now() int64 {
	if c.sweeper == nil {
		return 0
	}
	return c.sweeper.Now()
}

// HoldRead makes the reader fail with ErrTimeout, now and until HoldRead(false).
func (c *Conn) HoldRead(on bool) {
	if on {
		_ = c.nc.SetReadDeadline(past)
	} else {
		c.clearRead()
	}
}
