package sock

import (
	"golang.org/x/sys/unix"
)

// goneEvery is how often the sweeper looks whether the clients of long
// exchanges are still there, in sweeps.
const goneEvery = 4

// HungUp reports whether the peer reset the connection, or both directions of
// it have ended. A peer that only stopped sending is still there, but under TLS,
// where nobody does that who wants an answer.
func (c *Conn) HungUp() bool {
	if c.sys == nil {
		return false
	}
	gone, signs := false, int16(unix.POLLHUP|unix.POLLERR)
	if c.low != nil {
		signs |= unix.POLLRDHUP
	}
	err := c.sys.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: signs & unix.POLLRDHUP}}
		n, err := unix.Poll(p, 0)
		gone = err == nil && n > 0 && p[0].Revents&signs != 0
	})
	return err != nil || gone
}

// OnGone calls fn, once, when the peer hangs up; nil takes that back and reports
// whether it is too late: the one before was called or is about to be. fn runs
// in the sweeper's goroutine and must be quick.
func (c *Conn) OnGone(fn func()) (late bool) {
	if fn == nil {
		return c.gone.Swap(nil) == nil
	}
	c.gone.Store(&fn)
	return false
}

// hungUp in the peer word says that the sweeper ended the connection because
// the one it was paired with hung up.
var hungUp = new(Conn)

// Pair makes c end when with hangs up, within a second or so: what is asked on
// c is asked for the one at the other end of with. Unpair takes that back; it
// reports false when c was ended.
func (c *Conn) Pair(with *Conn) { c.peer.Store(with) }

// Unpair ends what Pair began.
func (c *Conn) Unpair() bool { return c.peer.Swap(nil) != hungUp }

// lookForGone deals with those connections of a shard whose peers, or whose
// partners' peers, hung up.
func (s *Sweeper) lookForGone(i int) {
	var watched []*Conn
	sh := &s.shards[i]
	sh.Lock()
	for c := sh.first; c != nil; c = c.place.next {
		if c.gone.Load() != nil || c.peer.Load() != nil {
			watched = append(watched, c)
		}
	}
	sh.Unlock()
	for _, c := range watched {
		if c.gone.Load() != nil && c.HungUp() {
			if fn := c.gone.Swap(nil); fn != nil {
				(*fn)()
			}
		}
		// Whoever exchanges the word first decides: after Unpair the connection
		// may serve somebody else.
		if with := c.peer.Load(); with != nil && with != hungUp && with.HungUp() && c.peer.CompareAndSwap(with, hungUp) {
			c.Interrupt()
		}
	}
}
