package sock

import (
	"golang.org/x/sys/unix"
)

// GoneAfter is how often the sweeper looks whether the clients of long
// exchanges are still there, in sweeps.
const goneEvery = 4

// HungUp reports whether the peer reset the connection, or both directions of
// it have ended. A peer that only stopped sending is still there.
func (c *Conn) HungUp() bool {
	if c.raw == nil {
		return false
	}
	gone := false
	err := c.raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(p, 0)
		gone = err == nil && n > 0 && p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	})
	return err != nil || gone
}

// OnGone calls fn, once, when the peer hangs up; nil takes that back. fn runs
// in the sweeper's goroutine and must be quick.
func (c *Conn) OnGone(fn func()) {
	if fn == nil {
		c.gone.Store(nil)
		return
	}
	c.gone.Store(&fn)
}

// lookForGone calls the functions of those connections of a shard whose peers
// hung up.
func (s *Sweeper) lookForGone(i int) {
	var watched []*Conn
	sh := &s.shards[i]
	sh.Lock()
	for c := sh.first; c != nil; c = c.place.next {
		if c.gone.Load() != nil {
			watched = append(watched, c)
		}
	}
	sh.Unlock()
	for _, c := range watched {
		if c.HungUp() {
			if fn := c.gone.Swap(nil); fn != nil {
				(*fn)()
			}
		}
	}
}
