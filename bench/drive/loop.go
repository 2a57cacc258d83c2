package drive

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"time"

	"fairlead.dev/fairlead/bench/hist"
	"fairlead.dev/fairlead/bench/sock"
)

const (
	// longestWait bounds a wait, so that time-outs and ends are noticed.
	longestWait = 50 * time.Millisecond
	// maxErrors ends a run that cannot succeed.
	maxErrors = 10_000
	// opening bounds the connections that mode idle opens at the same time.
	opening = 64
	// sources is the number of loopback addresses that mode conn dials from, so
	// that ports in TIME_WAIT never run out.
	sources = 16
)

// loop turns until its time is over.
type loop struct {
	plan    *plan
	poll    *sock.Poll
	clients []*client // by descriptor
	free    []*client // mode rate: those without an exchange
	buf     []byte
	zero    time.Time
	random  uint64
	dialled int
	failed  int
	busy    int   // exchanges going on
	swept   int64 // when time-outs were looked for

	interval float64 // mode rate: nanoseconds between two requests
	planned  float64 // mode rate: when the next one is due

	counted Report
	latency hist.Hist
}

// Run drives the load and reports. An error means that there was no run;
// answers that are wrong are in the report.
func Run(s Settings) (*Report, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sock.PreciseTimers()
	p, err := s.plan()
	if err != nil {
		return nil, err
	}
	if err := sock.RaiseFileLimit(uint64(s.Clients) + 100); err != nil {
		return nil, err
	}
	poll, err := sock.NewPoll(128)
	if err != nil {
		return nil, err
	}
	l := &loop{plan: p, poll: poll, buf: make([]byte, 64<<10), zero: time.Now(), random: 88172645463325252}
	l.counted.Errors = map[string]int{}
	defer l.close()
	if p.Mode == Idle {
		return l.idle()
	}
	return l.measure()
}

// measure opens the connections, warms up and counts for the duration.
func (l *loop) measure() (*Report, error) {
	l.interval = 1e9 / max(l.plan.Rate, 1)
	l.planned = float64(l.now())
	for range l.plan.Clients {
		if err := l.open(); err != nil {
			return nil, err
		}
	}
	if err := l.until(l.now() + int64(l.plan.Warmup)); err != nil {
		return nil, err
	}
	meter, err := startMeter(l.plan.PID)
	if err != nil {
		return nil, err
	}
	l.counted = Report{Errors: map[string]int{}}
	l.latency.Reset()
	begin := l.now()
	err = l.until(begin + int64(l.plan.Duration))
	if err != nil {
		return nil, err
	}
	return l.report(begin, meter)
}

func (l *loop) report(begin int64, m *meter) (*Report, error) {
	r := l.counted
	r.Mode = l.plan.Mode
	r.Seconds = float64(l.now()-begin) / 1e9
	if l.plan.Mode == Rate {
		r.Unsent = max(0, int((float64(l.now())-l.planned)/l.interval))
	}
	r.P50, r.P99, r.P999 = l.latency.Quantile(0.5), l.latency.Quantile(0.99), l.latency.Quantile(0.999)
	r.Max = l.latency.Max()
	err := m.read(&r)
	return &r, err
}

// until turns the loop to the given time.
func (l *loop) until(end int64) error {
	for {
		now := l.now()
		if now >= end {
			return nil
		}
		if err := l.turn(time.Duration(end - now)); err != nil {
			return err
		}
	}
}

// turn waits once and moves every ready client on.
func (l *loop) turn(longest time.Duration) error {
	wait := min(longest, longestWait)
	if l.plan.Mode == Rate {
		if err := l.sendDue(); err != nil {
			return err
		}
		if len(l.free) > 0 {
			wait = min(wait, time.Duration(l.planned)-time.Duration(l.now()))
		}
	}
	events, err := l.poll.Wait(wait)
	if err != nil {
		return err
	}
	for i := range events {
		c := l.clients[events[i].Fd]
		if c == nil {
			continue
		}
		if err := l.move(c); err != nil {
			return err
		}
	}
	if l.now()-l.swept > int64(longestWait) {
		return l.sweep()
	}
	return nil
}

// move goes on with the exchange of one client.
func (l *loop) move(c *client) error {
	c.ready()
	if c.mux != nil {
		return l.moveStreams(c)
	}
	for {
		if c.sending() {
			return l.send(c)
		}
		n, done, err := c.receive(l.buf, l.plan.expect)
		l.counted.Bytes += uint64(n)
		switch {
		case err == sock.ErrAgain:
			return nil
		case err != nil:
			return l.broken(c, err)
		case done:
			err = l.finish(c)
		}
		if err != nil || c.tls == nil || l.clients[c.fd] != c {
			return err // plain: what else there is, the next wait reports
		}
	}
}

// send writes, and watches for what comes next.
func (l *loop) send(c *client) error {
	want := uint32(sock.In)
	err := c.send()
	if err == sock.ErrAgain {
		want, err = c.wants(), nil
	}
	if err != nil {
		return l.broken(c, err)
	}
	if c.mux != nil {
		want |= sock.In // it may have to read before the other side does
	}
	if c.watch == want {
		return nil
	}
	add := l.poll.Change
	if c.watch == 0 {
		add = l.poll.Add
	}
	c.watch = want
	return add(c.fd, want)
}

// finish counts a complete answer and gives the client its next task.
func (l *loop) finish(c *client) error {
	now := l.now()
	l.counted.Requests++
	l.latency.Add(time.Duration(now - c.begun))
	c.served++
	if l.plan.Mode == Conn {
		c.closing = true
		return nil
	}
	c.busy, c.answered = false, false
	l.busy--
	switch l.plan.Mode {
	case Rate:
		l.free = append(l.free, c)
		return nil
	case Idle:
		return nil
	}
	return l.begin(c, now)
}

// begin sends a request that was planned for the given time.
func (l *loop) begin(c *client, planned int64) error {
	c.begin(l.pick(), planned)
	l.busy++
	return l.send(c)
}

// broken ends a connection and, in the modes that need it, opens the next.
func (l *loop) broken(c *client, err error) error {
	var wrong errAnswer
	closed := errors.As(err, &wrong) && wrong == "connection closed"
	switch {
	case closed && c.closing:
	case (closed || err == syscall.ECONNRESET || err == syscall.EPIPE) && c.served > 0 && !c.answered:
		// A server may close a connection that waits for a request; the
		// client's request then met a closed door.
		l.counted.Reconnects++
	default:
		if err := l.fail(err); err != nil {
			return err
		}
	}
	l.forget(c)
	if l.plan.Mode == Idle {
		return nil
	}
	return l.open()
}

func (l *loop) fail(err error) error {
	l.counted.Errors[err.Error()]++
	l.failed++
	if l.failed > maxErrors {
		return fmt.Errorf("give up after %d errors, the last: %w", l.failed, err)
	}
	return nil
}

// open makes a connection; except in mode rate it has its first request.
func (l *loop) open() error {
	var from netip.Addr
	if l.plan.Mode == Conn {
		from = netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + l.dialled%sources)})
	}
	l.dialled++
	fd, err := sock.Dial(l.plan.addr, from)
	if err != nil {
		return err
	}
	for len(l.clients) <= fd {
		l.clients = append(l.clients, nil)
	}
	c := &client{link: newLink(fd, l.plan.tls)}
	l.clients[fd] = c
	if l.plan.H2 {
		return l.beginStreams(c)
	}
	if l.plan.Mode == Rate {
		c.watch = sock.In
		l.free = append(l.free, c)
		return l.poll.Add(fd, sock.In)
	}
	return l.begin(c, l.now())
}

// forget closes a connection, in mode conn in peace, otherwise by a reset.
func (l *loop) forget(c *client) {
	l.clients[c.fd] = nil
	if c.busy {
		l.busy--
	}
	for i, f := range l.free {
		if f == c {
			l.free = append(l.free[:i], l.free[i+1:]...)
			break
		}
	}
	c.close(c.closing)
}

// sendDue sends every request whose time has come while a client is free.
func (l *loop) sendDue() error {
	for len(l.free) > 0 && l.planned <= float64(l.now()) {
		c := l.free[len(l.free)-1]
		l.free = l.free[:len(l.free)-1]
		planned := int64(l.planned)
		l.planned += l.interval
		if err := l.begin(c, planned); err != nil {
			return err
		}
	}
	return nil
}

// sweep ends the exchanges that took too long.
func (l *loop) sweep() error {
	l.swept = l.now()
	limit := l.swept - int64(l.plan.Timeout)
	for _, c := range l.clients {
		if c != nil && c.busy && c.oldest() < limit {
			if err := l.broken(c, errAnswer("timeout")); err != nil {
				return err
			}
		}
	}
	return nil
}

// pick takes a request at random (xorshift).
func (l *loop) pick() []byte {
	if len(l.plan.requests) == 1 {
		return l.plan.requests[0]
	}
	l.random ^= l.random << 13
	l.random ^= l.random >> 7
	l.random ^= l.random << 17
	return l.plan.requests[l.random%uint64(len(l.plan.requests))]
}

func (l *loop) now() int64 { return int64(time.Since(l.zero)) }

func (l *loop) close() {
	for _, c := range l.clients {
		if c != nil {
			l.forget(c)
		}
	}
	l.poll.Close()
}
