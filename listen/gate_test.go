package listen

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/option"
)

// newGate returns a gate of its own, without a listener.
func newGate(t *testing.T, cfg GateConfig, change func(*Values)) *Gate {
	t.Helper()
	set := option.NewSet()
	change(Options.From(set))
	g, err := NewGate(set, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// entrant is one connection at a gate.
type entrant struct {
	name    string
	ticket  *ticket
	dropped Refusal
}

// enter lets an entrant come; order collects the names of those let in.
func enter(g *Gate, name, client string, order *[]string) (*entrant, Refusal) {
	e := &entrant{name: name}
	var a netip.Addr
	if client != "" {
		a = netip.MustParseAddr(client)
	}
	why := g.admit(a, func(tk *ticket) { e.ticket = tk; *order = append(*order, name) }, func(r Refusal) { e.dropped = r })
	return e, why
}

func TestQueueIsLIFO(t *testing.T) {
	var accepted, queued int
	g := newGate(t, GateConfig{Counts: func(a, q int) { accepted, queued = a, q }}, func(v *Values) {
		v.EnableQueue, v.Concurrency, v.QueueSize = true, 1, 3
	})
	var order []string
	first, _ := enter(g, "first", "", &order)
	waits := map[string]*entrant{}
	for _, name := range []string{"a", "b", "c", "d"} {
		e, why := enter(g, name, "", &order)
		if why != Admitted {
			t.Fatalf("%s: %s", name, why)
		}
		waits[name] = e
	}
	if waits["a"].dropped != RefusedQueueFull {
		t.Errorf("the oldest of four in a queue for three: dropped for %q", waits["a"].dropped)
	}
	if accepted != 1 || queued != 3 {
		t.Errorf("%d accepted, %d queued", accepted, queued)
	}
	for e := first; e != nil; {
		g.leave(e.ticket)
		last := order[len(order)-1]
		if e == waits[last] || e == first && last == "first" {
			break
		}
		e = waits[last]
	}
	if got := strings.Join(order, " "); got != "first d c b" {
		t.Errorf("served in the order %s", got)
	}
	if accepted != 0 || queued != 0 {
		t.Errorf("%d accepted, %d queued in the end", accepted, queued)
	}
}

func TestQueueTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, GateConfig{Patience: time.Second}, func(v *Values) { v.EnableQueue, v.Concurrency = true, 1 })
		var order []string
		enter(g, "first", "", &order)
		old, _ := enter(g, "old", "10.0.0.1", &order)
		time.Sleep(600 * time.Millisecond)
		young, _ := enter(g, "young", "", &order)
		g.expire()
		if old.dropped != Admitted {
			t.Error("dropped too early")
		}
		time.Sleep(600 * time.Millisecond)
		g.expire()
		if old.dropped != RefusedQueueTimeout || young.dropped != Admitted {
			t.Errorf("old %q, young %q", old.dropped, young.dropped)
		}
		g.clear()
		if young.dropped != RefusedStopping {
			t.Errorf("young %q", young.dropped)
		}
	})
}

func TestQueueSizes(t *testing.T) {
	for name, test := range map[string]struct {
		memory            int64
		values            Values
		concurrency, size int
	}{
		"off":                    {1 << 30, Values{}, 0, 0},
		"of the memory":          {100 << 20, Values{EnableQueue: true, ExpectedBytes: 1 << 20}, 100, 1000},
		"memory is not known":    {0, Values{EnableQueue: true, ExpectedBytes: 50_000}, 3000, 30_000},
		"memory without end":     {1 << 40, Values{EnableQueue: true, ExpectedBytes: 50 << 10}, (4 << 30) / (50 << 10), 50_000},
		"given":                  {1 << 30, Values{EnableQueue: true, Concurrency: 7, QueueSize: 9}, 7, 9},
		"the queue is derived":   {1 << 30, Values{EnableQueue: true, Concurrency: 7}, 7, 70},
		"less memory than bytes": {10, Values{EnableQueue: true, ExpectedBytes: 50 << 10}, 1, 10},
	} {
		g := newGate(t, GateConfig{Memory: test.memory}, func(v *Values) {
			test.values.HandshakeTimeout = v.HandshakeTimeout
			*v = test.values
		})
		if g.concurrency != test.concurrency || g.size != test.size {
			t.Errorf("%s: %d at once, %d wait; want %d and %d", name, g.concurrency, g.size, test.concurrency, test.size)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for want, change := range map[string]func(*Values){
		"-max-connections":              func(v *Values) { v.MaxConnections = -1 },
		"-tls-handshake-timeout":        func(v *Values) { v.HandshakeTimeout = 0 },
		"-expected-bytes-per-request":   func(v *Values) { v.EnableQueue, v.ExpectedBytes = true, 0 },
		"-max-tls-handshakes":           func(v *Values) { v.MaxHandshakes = -2 },
		"-max-tcp-listener-concurrency": func(v *Values) { v.Concurrency = -1 },
	} {
		set := option.NewSet()
		change(Options.From(set))
		if _, err := NewGate(set, GateConfig{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestClients(t *testing.T) {
	for _, test := range []struct{ a, b string }{
		{"10.0.0.1", "::ffff:10.0.0.1"},
		{"2001:db8::1", "2001:db8:0:0:ffff::2"},
		{"fe80::1%eth0", "fe80::2%eth1"},
	} {
		if a, b := clientOf(netip.MustParseAddr(test.a)), clientOf(netip.MustParseAddr(test.b)); a != b || !a.IsValid() {
			t.Errorf("%s and %s: %s and %s", test.a, test.b, a, b)
		}
	}
	for _, test := range []struct{ a, b string }{
		{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", "2001:db8:0:1::1"}, {"::a00:1", "10.0.0.1"},
	} {
		if a, b := clientOf(netip.MustParseAddr(test.a)), clientOf(netip.MustParseAddr(test.b)); a == b {
			t.Errorf("%s and %s are one client: %s", test.a, test.b, a)
		}
	}
}

func TestMaxConnectionsPerClient(t *testing.T) {
	g := newGate(t, GateConfig{}, func(v *Values) { v.MaxConnectionsPerClient = 2 })
	var order []string
	first, _ := enter(g, "1", "10.0.0.1", &order)
	enter(g, "2", "10.0.0.1", &order)
	if _, why := enter(g, "3", "10.0.0.1", &order); why != RefusedClient {
		t.Errorf("the third: %q", why)
	}
	if _, why := enter(g, "4", "10.0.0.2", &order); why != Admitted {
		t.Errorf("another client: %q", why)
	}
	g.leave(first.ticket)
	if _, why := enter(g, "5", "10.0.0.1", &order); why != Admitted {
		t.Errorf("after one left: %q", why)
	}
	for _, c := range []string{"10.0.0.3", "10.0.0.4"} {
		e, _ := enter(g, c, c, &order)
		g.leave(e.ticket)
	}
	if n := len(g.clients); n != 2 {
		t.Errorf("the table has %d clients, want those with connections: 2", n)
	}
}

// TestMaxConnections checks the limit over real connections, that those refused
// are reset, and that one that ends makes room.
func TestMaxConnections(t *testing.T) {
	w := begin(t, setup{values: Values{MaxConnections: 2}})
	w.dial()
	first := w.next()
	w.dial()
	w.next()
	w.dialReset()
	if got := w.refusal(); got != RefusedConnections {
		t.Errorf("got %q", got)
	}
	_ = first.Close()
	_ = first.Close() // counted once
	w.dial()
	w.next()
	w.dialReset()
}

// TestQueueServes checks the queue over real connections: who waits is served
// when somebody leaves.
func TestQueueServes(t *testing.T) {
	var counts atomic.Value
	w := begin(t, setup{
		values: Values{EnableQueue: true, Concurrency: 1, QueueSize: 1},
		gate:   GateConfig{Counts: func(a, q int) { counts.Store([2]int{a, q}) }},
	})
	w.dial()
	first := w.next()
	second := w.dial()
	waitFor(t, "it waits", func() bool { return counts.Load() == [2]int{1, 1} })
	third := w.dial()
	ended(t, second, true)
	if got := w.refusal(); got != RefusedQueueFull {
		t.Errorf("got %q", got)
	}
	_ = first.Close()
	if c := w.next(); c.Remote().String() != third.LocalAddr().String() {
		t.Errorf("served %s", c.Remote())
	}
}

// waitFor waits until done holds.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen in time: " + what)
		}
	}
}

// TestHalfOpenHandshakes checks that a thousand clients that begin a handshake
// and stop, before it or within, neither keep honest ones out nor stay.
func TestHalfOpenHandshakes(t *testing.T) {
	const most, many = 50, 1000
	w := begin(t, setup{tls: true, values: Values{MaxHandshakes: most}})
	hello := clientHello(t)
	before := runtime.NumGoroutine()
	for i := range many {
		c := w.dial()
		if _, err := c.Write(hello[:i%len(hello)]); err != nil {
			t.Fatal(err)
		}
		if i%100 == 99 {
			waitFor(t, "those before are settled", func() bool { return len(w.refused) >= i+1-most })
			w.dialTLS()
			w.next()
		}
	}
	waitFor(t, "the rest is ended", func() bool { return len(w.refused) >= many-most })
	for range many - most {
		if got := w.refusal(); got != RefusedTLSCrowded {
			t.Errorf("got %q", got)
		}
	}
	waitFor(t, "their goroutines end", func() bool { return runtime.NumGoroutine() <= before+most+50 })
	if n := strings.Count(w.log.String(), "\n"); n > 20 {
		t.Errorf("%d lines in the log", n)
	}
}

// clientHello returns the first flight of a client.
func clientHello(t *testing.T) []byte {
	t.Helper()
	a, b := net.Pipe()
	defer b.Close()
	got := make(chan []byte, 1)
	go func() {
		defer a.Close()
		p := make([]byte, 16<<10)
		n, err := a.Read(p)
		if err != nil {
			n = 0
		}
		got <- p[:n]
	}()
	_ = tls.Client(b, &tls.Config{ServerName: "example.org"}).Handshake()
	p := <-got
	if len(p) == 0 {
		t.Fatal("no ClientHello")
	}
	return p
}

func TestHandshakeTimeout(t *testing.T) {
	w := begin(t, setup{tls: true, values: Values{HandshakeTimeout: 50 * time.Millisecond}})
	c := w.dial()
	ended(t, c, false)
	if got := w.refusal(); got != RefusedTLSTimeout {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(w.log.String(), c.LocalAddr().String()) {
		t.Errorf("the log does not say who: %s", w.log.String())
	}
}

// TestComputingHandshakesAreBounded checks that no more handshakes compute at
// once than there are slots, and that none computes while it waits for its
// client.
func TestComputingHandshakesAreBounded(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	w := begin(t, setup{tls: true, config: func(c *Config) {
		c.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-release
			now.Add(-1)
			return nil, nil //nolint:nilnil // the configuration there is
		}
	}})
	slots := w.gate.slots.most
	for range slots * 3 { // they wait for their clients and hold no slot
		w.dial()
	}
	hello := clientHello(t)
	for range slots * 3 {
		if _, err := w.dial().Write(hello); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "the slots are taken", func() bool { return int(now.Load()) == slots })
	close(release)
	w.dialTLS()
	if got := int(most.Load()); got > slots {
		t.Errorf("%d at once with %d slots", got, slots)
	}
}

// TestDrainEndsHandshakes checks that Run returns although a client stopped
// within its handshake, and that one that is quick enough is still served.
func TestDrainEndsHandshakes(t *testing.T) {
	w := begin(t, setup{tls: true})
	stuck := w.dial()
	honest := w.dial()
	waitFor(t, "both are accepted", func() bool { w.gate.mu.Lock(); defer w.gate.mu.Unlock(); return w.gate.active == 2 })
	done := make(chan struct{})
	go func() { w.stop(); close(done) }()
	waitFor(t, "listening ends", func() bool {
		c, err := net.Dial("tcp", w.addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if err := tls.Client(honest, &tls.Config{RootCAs: w.ca.Pool(), ServerName: "example.org"}).Handshake(); err != nil {
		t.Errorf("honest client: %v", err)
	}
	ended(t, stuck, false)
	<-done
	if n := len(w.served); n != 1 {
		t.Errorf("%d served", n)
	}
}

// TestLogIsBounded checks that equal refusals are logged once a second, with
// the number of those that were not.
func TestLogIsBounded(t *testing.T) {
	w := begin(t, setup{values: Values{MaxConnections: 1}})
	now := time.Now()
	w.listener.report.now = func() time.Time { return now }
	for i := range 1000 {
		w.listener.report.refusal(RefusedClient, "client", fmt.Sprint(i))
	}
	now = now.Add(2 * logEvery)
	w.listener.report.refusal(RefusedClient, "client", "last")
	if text := w.log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "more_not_logged=999") {
		t.Errorf("log: %s", text)
	}
}
