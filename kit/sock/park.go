package sock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrPark is returned by FillIdle when the connection has been idle so long
// that its goroutine should be given up: hand the Conn to Parker.Park.
var ErrPark = errors.New("connection is idle and can be parked")

// ParkAfter is how long FillIdle waits before it proposes to park.
const ParkAfter = time.Second

// asked in the parkAt word says that the sweeper interrupted the reader.
const asked = -1

// parking is what a Conn needs for being parked.
type parking struct {
	parkAt atomic.Int64 // 0: not idle; asked: see above
	parker atomic.Pointer[Parker]
	slot   uint32
	known  bool // the descriptor is in the parker's set
	resume func(error)
}

// ask interrupts a reader that is to be parked by now. The shard's lock is held,
// which orders it with FillIdle's look at the word.
func (k *parking) ask(c *Conn, now int64) {
	if at := k.parkAt.Load(); at > 0 && now >= at && k.parkAt.CompareAndSwap(at, asked) {
		_ = c.nc.SetReadDeadline(past)
	}
}

// EndWaits makes the readers that wait in FillIdle return ErrPark now. A reader
// that gets its data at the same time keeps it.
func (s *Sweeper) EndWaits() {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.Lock()
		for c := sh.first; c != nil; c = c.place.next {
			c.parking.ask(c, math.MaxInt64)
		}
		sh.Unlock()
	}
}

// wake resumes a parked connection whose time is up.
func (k *parking) wake(c *Conn) {
	if p := k.parker.Load(); p != nil {
		p.take(c, ErrTimeout)
	}
}

// FillIdle is Fill for a connection that may stay idle for long: after
// ParkAfter it returns ErrPark, and nothing was read.
func (c *Conn) FillIdle(now int64, size int, canPark bool) ([]byte, int, error) {
	at := int64(math.MaxInt64)
	if canPark && c.sys != nil && c.sweeper != nil && c.precise.Load() == 0 {
		at = now + int64(ParkAfter)
	}
	c.parking.parkAt.Store(at)
	b, n, err := c.Fill(size)
	if c.parking.parkAt.Swap(0) != asked {
		return b, n, err
	}
	sh := &c.sweeper.shards[c.place.shard]
	sh.Lock() // the sweeper has set the deadline once we have the lock
	c.clearRead()
	sh.Unlock()
	if err == ErrTimeout && !c.Expired() { //nolint:errorlint // cause returns it bare
		return nil, 0, ErrPark
	}
	return b, n, err
}

// Parker keeps idle connections without a goroutine each: their descriptors
// wait in one epoll set, which itself waits in the runtime's poller (a blocking
// epoll_wait would cost a processor hand-over for every event).
type Parker struct {
	file *os.File
	raw  syscall.RawConn
	fd   int
	wg   sync.WaitGroup

	mu    sync.Mutex
	slots []*Conn
	free  []uint32
}

// NewParker returns a parker; Run drives it.
func NewParker() (*Parker, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create the set of idle connections: %w", os.NewSyscallError("epoll_create1", err))
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("create the set of idle connections: %w", err)
	}
	f := os.NewFile(uintptr(fd), "epoll")
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("create the set of idle connections: %w", err)
	}
	return &Parker{file: f, raw: raw, fd: fd}, nil
}

// Park takes over c. When c becomes readable, or its time limit passes, resume
// runs in a new goroutine of Run's, with nil or ErrTimeout. After an error c is
// still the caller's.
func (p *Parker) Park(c *Conn, resume func(error)) error {
	c.parking.resume = resume
	p.mu.Lock()
	slot := p.slotFor(c)
	p.mu.Unlock()
	c.parking.slot = slot
	c.parking.parker.Store(p)
	ev := syscall.EpollEvent{
		Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | oneShot,
		Fd:     int32(slot),
	}
	op := syscall.EPOLL_CTL_ADD
	if c.parking.known {
		op = syscall.EPOLL_CTL_MOD
	}
	c.parking.known = true
	var err error
	ctl := c.sys.Control(func(fd uintptr) { err = syscall.EpollCtl(p.fd, op, int(fd), &ev) })
	if err = errors.Join(ctl, err); err != nil {
		if !p.drop(c) {
			return nil // taken by the sweeper meanwhile: resume runs
		}
		return fmt.Errorf("park an idle connection: %w", err)
	}
	if c.Expired() {
		p.take(c, ErrTimeout)
	}
	return nil
}

const oneShot = 1 << 30 // EPOLLONESHOT, missing in package syscall

func (p *Parker) slotFor(c *Conn) uint32 {
	if n := len(p.free); n > 0 {
		slot := p.free[n-1]
		p.free = p.free[:n-1]
		p.slots[slot] = c
		return slot
	}
	p.slots = append(p.slots, c)
	return uint32(len(p.slots) - 1)
}

// drop takes c out of its slot; false when somebody else did.
func (p *Parker) drop(c *Conn) bool {
	if !c.parking.parker.CompareAndSwap(p, nil) {
		return false
	}
	p.mu.Lock()
	p.slots[c.parking.slot] = nil
	p.free = append(p.free, c.parking.slot)
	p.mu.Unlock()
	return true
}

// take resumes c unless somebody else did.
func (p *Parker) take(c *Conn, err error) {
	if p.drop(c) {
		p.wg.Go(func() { c.parking.resume(err) })
	}
}

// Len returns the number of parked connections.
func (p *Parker) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.slots) - len(p.free)
}

// TakeAll resumes every parked connection with err; the server calls it when
// it stops.
func (p *Parker) TakeAll(err error) {
	p.mu.Lock()
	all := append([]*Conn(nil), p.slots...)
	p.mu.Unlock()
	for _, c := range all {
		if c != nil {
			p.take(c, err)
		}
	}
}

// Run resumes connections until ctx ends, then waits for the goroutines it
// started.
func (p *Parker) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = p.file.SetReadDeadline(past) })
	defer stop()
	var events [128]syscall.EpollEvent
	n := 0
	wait := func(fd uintptr) bool {
		var err error
		n, err = syscall.EpollWait(int(fd), events[:], 0)
		return err != nil || n > 0
	}
	for ctx.Err() == nil {
		n = 0
		if err := p.raw.Read(wait); err != nil {
			break
		}
		for _, ev := range events[:max(n, 0)] {
			p.ready(uint32(ev.Fd))
		}
	}
	p.TakeAll(ErrTimeout)
	p.wg.Wait()
	return p.file.Close()
}

// ready resumes the connection in a slot. An event of a connection that left
// the slot in the meantime only wakes its successor early, which then finds
// nothing to read and parks again.
func (p *Parker) ready(slot uint32) {
	p.mu.Lock()
	var c *Conn
	if int(slot) < len(p.slots) {
		c = p.slots[slot]
	}
	p.mu.Unlock()
	if c != nil {
		p.take(c, nil)
	}
}
