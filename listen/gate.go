package listen

import (
	"container/list"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"fairlead.dev/fairlead/option"
)

// The memory that the TCP queue reckons with when the limit of the container is
// not known, at most, and the most connections that wait, as the peer has it.
const (
	unknownMemory = 150_000_000
	mostMemory    = 4 << 30
	mostWaiting   = 50_000
)

// Gate decides which connections may enter. All listeners of a process share
// one.
type Gate struct {
	opts        Values
	concurrency int           // connections served at once; 0: no queue
	size        int           // of the queue
	patience    time.Duration // of those that wait; 0: for ever
	counts      func(accepted, waiting int)
	slots       *slots
	policy      *policy // of PROXY headers; nil: none are expected
	now         func() time.Time

	mu      sync.Mutex
	active  int
	waiting []*waiting // the oldest first
	clients map[netip.Prefix]int

	handshakes handshakes
}

// GateConfig is what a Gate is made of, beside its options.
type GateConfig struct {
	// Memory is the memory limit of the container in bytes; 0: not known.
	Memory int64
	// Patience is how long a connection waits in the TCP queue; 0: for ever.
	Patience time.Duration
	// Counts is told how many connections are served and how many wait, when
	// that changes; may be nil. It must be quick.
	Counts func(accepted, waiting int)
}

// waiting is a connection in the TCP queue.
type waiting struct {
	t     *ticket
	since time.Time
	start func()
	drop  func(Refusal)
}

// ticket is the right of one connection to be there.
type ticket struct {
	gate   *Gate
	client netip.Prefix // counted for; the zero value: nobody
	served bool         // counted as active
}

// NewGate returns the gate that the options ask for.
func NewGate(set *option.Set, cfg GateConfig) (*Gate, error) {
	o := Options.From(set)
	for flag, n := range map[string]int{
		"max-connections": o.MaxConnections, "max-connections-per-client": o.MaxConnectionsPerClient,
		"max-tls-handshakes": o.MaxHandshakes, "max-tcp-listener-concurrency": o.Concurrency, "max-tcp-listener-queue": o.QueueSize,
	} {
		if n < 0 {
			return nil, fmt.Errorf("option -%s: found %d, expected 0 or more", flag, n)
		}
	}
	if o.HandshakeTimeout <= 0 {
		return nil, fmt.Errorf("option -tls-handshake-timeout: found %s, expected more than 0: handshakes without end would fill the memory", o.HandshakeTimeout)
	}
	p, err := newPolicy(o)
	if err != nil {
		return nil, err
	}
	g := &Gate{
		policy: p,
		opts:   *o, patience: cfg.Patience, counts: cfg.Counts, now: time.Now,
		// As many as there are processors: more would only make each last longer,
		// and keep processors from the connections that are served.
		slots:      newSlots(runtime.GOMAXPROCS(0)),
		clients:    map[netip.Prefix]int{},
		handshakes: handshakes{most: o.MaxHandshakes, clients: map[netip.Prefix]*list.List{}},
	}
	if g.counts == nil {
		g.counts = func(int, int) {}
	}
	if !o.EnableQueue {
		return g, nil
	}
	g.concurrency = o.Concurrency
	if g.concurrency == 0 {
		if o.ExpectedBytes <= 0 {
			return nil, fmt.Errorf("option -expected-bytes-per-request: found %d, expected more than 0, or -max-tcp-listener-concurrency", o.ExpectedBytes)
		}
		memory := cfg.Memory
		if memory <= 0 {
			memory = unknownMemory
		}
		g.concurrency = int(max(min(memory, mostMemory)/int64(o.ExpectedBytes), 1))
	}
	g.size = o.QueueSize
	if g.size == 0 {
		g.size = min(10*g.concurrency, mostWaiting)
	}
	return g, nil
}

// Queueing reports whether there is a TCP queue.
func (g *Gate) Queueing() bool { return g.concurrency > 0 }

// admit lets a connection in, or makes it wait: start runs when it is its turn,
// drop when it never is. client is the zero Addr when it is not known yet. A
// refusal says why it may not; neither runs then.
func (g *Gate) admit(client netip.Addr, start func(*ticket), drop func(Refusal)) Refusal {
	t := &ticket{gate: g}
	g.mu.Lock()
	if most := g.opts.MaxConnections; most > 0 && g.active+len(g.waiting) >= most {
		g.mu.Unlock()
		return RefusedConnections
	}
	if client.IsValid() && !g.count(t, client) {
		g.mu.Unlock()
		return RefusedClient
	}
	var oldest *waiting
	wait := g.concurrency > 0 && g.active >= g.concurrency
	if wait {
		if len(g.waiting) >= g.size {
			oldest = g.shift()
		}
		g.waiting = append(g.waiting, &waiting{t: t, since: g.now(), start: func() { start(t) }, drop: drop})
	} else {
		g.active++
		t.served = true
	}
	g.tell()
	g.mu.Unlock()
	if oldest != nil {
		oldest.drop(RefusedQueueFull)
	}
	if !wait {
		start(t)
	}
	return Admitted
}

// enter counts a connection for a client that became known late; false when
// there are too many of it.
func (g *Gate) enter(t *ticket, client netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count(t, client)
}

// count counts t for client; the lock is held. The table has an entry for each
// client that has a connection, so the connections bound it.
func (g *Gate) count(t *ticket, client netip.Addr) bool {
	most := g.opts.MaxConnectionsPerClient
	if most == 0 {
		return true
	}
	p := clientOf(client)
	if g.clients[p] >= most {
		return false
	}
	g.clients[p]++
	t.client = p
	return true
}

// clientOf returns what counts as one client: an IPv4 address, or the network
// that one subscriber of IPv6 has at least.
func clientOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// leave gives a ticket back and lets in who waits: the one that came last, whose
// client is the most likely to be there still.
func (g *Gate) leave(t *ticket) {
	g.mu.Lock()
	g.uncount(t)
	if t.served {
		g.active--
		t.served = false
	}
	var next *waiting
	if n := len(g.waiting); n > 0 && g.active < g.concurrency {
		next = g.waiting[n-1]
		g.waiting[n-1] = nil
		g.waiting = g.waiting[:n-1]
		g.active++
		next.t.served = true
	}
	g.tell()
	g.mu.Unlock()
	if next != nil {
		next.start()
	}
}

func (g *Gate) uncount(t *ticket) {
	if !t.client.IsValid() {
		return
	}
	if g.clients[t.client]--; g.clients[t.client] <= 0 {
		delete(g.clients, t.client)
	}
	t.client = netip.Prefix{}
}

// shift takes the oldest out of the queue; the lock is held.
func (g *Gate) shift() *waiting {
	w := g.waiting[0]
	g.waiting[0] = nil
	g.waiting = g.waiting[1:]
	g.uncount(w.t)
	return w
}

// expire drops those that waited too long.
func (g *Gate) expire() {
	if g.patience <= 0 {
		return
	}
	var late []*waiting
	g.mu.Lock()
	for limit := g.now().Add(-g.patience); len(g.waiting) > 0 && g.waiting[0].since.Before(limit); {
		late = append(late, g.shift())
	}
	if late != nil {
		g.tell()
	}
	g.mu.Unlock()
	for _, w := range late {
		w.drop(RefusedQueueTimeout)
	}
}

// clear drops everybody that waits.
func (g *Gate) clear() {
	g.mu.Lock()
	all := g.waiting
	g.waiting = nil
	for _, w := range all {
		g.uncount(w.t)
	}
	g.tell()
	g.mu.Unlock()
	for _, w := range all {
		w.drop(RefusedStopping)
	}
}

// tell reports the counts; the lock is held, so that the last word is right.
func (g *Gate) tell() { g.counts(g.active, len(g.waiting)) }
