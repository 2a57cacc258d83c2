package health

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"fairlead.dev/fairlead/backend"
)

// state is what the checks of an endpoint know.
type state struct {
	gone     bool
	shown    bool // by the gauge
	down     bool
	returned time.Time // when it came back last
	penalty  int       // how often it left soon after that
	next     time.Time // of the next check; zero: none
	good     int       // checks in a row
	bad      int
	cancel   context.CancelFunc // of the check under way; nil: none
}

const (
	// soon is the time after coming back within which leaving again makes checks
	// rarer.
	soon = time.Minute
	// rarest is the longest time between two checks of an endpoint that is down.
	rarest = time.Minute
	// mostChecks bounds the checks at a time.
	mostChecks = 32
	// lookAround is how often routes are looked at for the checks they ask for.
	lookAround = time.Second
	// gather is how long news are gathered before they are looked at.
	gather = 10 * time.Millisecond
)

// leave takes the endpoint out.
func (w *watch) leave(now time.Time, why string) {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	if w.gone || w.down {
		return
	}
	w.takeOut(now, why)
	w.m.stir()
}

// takeOut is leave with the lock held.
func (w *watch) takeOut(now time.Time, why string) {
	w.down, w.good, w.bad = true, 0, 0
	if !w.returned.IsZero() && now.Sub(w.returned) < soon {
		w.penalty = min(w.penalty+1, 10)
	} else {
		w.penalty = 0
	}
	w.next = now.Add(w.pause())
	w.ep.SetDown(true)
	w.show(false)
	w.m.log.Warn("endpoint left out", "endpoint", w.name(), "reason", why, "next check", w.next.Sub(now).Round(time.Millisecond))
}

// comeBack takes the endpoint in again.
func (w *watch) comeBack(now time.Time) {
	w.down, w.returned = false, now
	w.failures.Store(0)
	w.trial.Store(true)
	w.ep.SetDown(false)
	w.show(true)
	w.m.log.Info("endpoint is back", "endpoint", w.name())
}

func (w *watch) show(healthy bool) {
	w.shown = true
	if w.m.gauge != nil {
		w.m.gauge.EndpointHealthy(w.name(), healthy)
	}
}

// check returns how the endpoint is asked.
func (w *watch) check() *backend.Check {
	if c := w.ep.Check(); c != nil {
		return c
	}
	return w.m.usual
}

// pause returns the time until the next check: a little more or less than the
// interval, so that checks do not march in step.
func (w *watch) pause() time.Duration {
	d := w.check().Interval
	if w.down {
		d = max(d, min(d<<w.penalty, rarest))
	}
	return d - d/10 + rand.N(d/5+1)
}

// stir has Run look again.
func (m *Monitor) stir() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Run checks endpoints until ctx ends, and returns when no check is under way.
func (m *Monitor) Run(ctx context.Context) error {
	var checks sync.WaitGroup
	defer checks.Wait()
	places := make(chan struct{}, mostChecks)
	around := time.NewTicker(lookAround)
	defer around.Stop()
	var period <-chan time.Time
	if p := m.passive.period; p != 0 {
		tick := time.NewTicker(p)
		defer tick.Stop()
		period = tick.C
	}
	due := time.NewTimer(0)
	defer due.Stop()
	for gathering := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-period:
			m.endPeriod()
			continue
		case <-around.C:
			m.lookAround()
			continue
		case <-m.wake:
			if !gathering {
				due.Reset(gather)
			}
			gathering = true
			continue
		case <-due.C:
		}
		gathering = false
		due.Reset(m.begin(ctx, time.Now(), places, &checks))
	}
}

// lookAround watches the endpoints that routes want to be checked.
func (m *Monitor) lookAround() {
	if m.off {
		return
	}
	var wanted []*backend.Endpoint
	m.endpoints.Each(func(e *backend.Endpoint) {
		if e.Check() != nil {
			wanted = append(wanted, e)
		}
	})
	for _, e := range wanted {
		w := m.watch(e)
		if w == nil {
			continue
		}
		m.mu.Lock()
		if !w.gone && w.next.IsZero() && w.cancel == nil {
			w.next = time.Now().Add(rand.N(w.check().Interval))
			w.show(!w.down)
			m.stir()
		}
		m.mu.Unlock()
	}
}

// begin begins the checks that are due, as far as there are places, and returns when
// it is to be called again.
func (m *Monitor) begin(ctx context.Context, now time.Time, places chan struct{}, checks *sync.WaitGroup) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	wait := time.Hour
	for w := range m.watched {
		if w.next.IsZero() || w.cancel != nil {
			continue
		}
		if left := w.next.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		if !w.down && w.ep.Check() == nil {
			w.next = time.Time{} // nobody wants to know any more
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			return min(wait, gather)
		}
		c := w.check()
		one, cancel := context.WithTimeout(ctx, c.Timeout)
		w.cancel = cancel
		checks.Go(func() {
			defer func() { <-places }()
			defer cancel()
			w.settle(c, m.ask(one, w.ep, c))
		})
	}
	return wait
}

// settle takes note of what a check said.
func (w *watch) settle(c *backend.Check, err error) {
	m, now := w.m, time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	w.cancel = nil
	if w.gone {
		return
	}
	if err == nil {
		w.good, w.bad = w.good+1, 0
	} else {
		w.good, w.bad = 0, w.bad+1
	}
	switch {
	case w.down && w.good >= c.Successes:
		w.comeBack(now)
	case !w.down && w.bad >= c.Failures && w.ep.Check() != nil:
		w.takeOut(now, err.Error())
	}
	w.next = now.Add(w.pause())
	if !w.down && w.ep.Check() == nil {
		w.next = time.Time{}
	}
	m.stir()
}

// ask asks e whether it is well.
func ask(ctx context.Context, e *backend.Endpoint, c *backend.Check) error {
	if c.Path == "" || e.Scheme == "fastcgi" {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", e.Address)
		if err != nil {
			return fmt.Errorf("connect to %q: %w", e.Address, err)
		}
		return nc.Close()
	}
	return get(ctx, e, c)
}

// get asks for the path of c. Who the endpoint is does not matter here: nothing is
// said to it that others may not know, and all it can say is whether it is well.
func get(ctx context.Context, e *backend.Endpoint, c *backend.Check) error {
	t := &http.Transport{DisableKeepAlives: true, Protocols: new(http.Protocols), MaxResponseHeaderBytes: 64 << 10}
	defer t.CloseIdleConnections()
	scheme := e.Scheme
	switch scheme {
	case "h2c":
		scheme = "http"
		t.Protocols.SetUnencryptedHTTP2(true)
	case "https":
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // see above
	default:
		t.Protocols.SetHTTP1(true)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+e.Address+c.Path, http.NoBody)
	if err != nil {
		return fmt.Errorf("check %q: %w", e.Address, err)
	}
	req.Host = e.Authority
	if c.Host != "" {
		req.Host = c.Host
	}
	req.Header.Set("User-Agent", "fairlead-health-check")
	resp, err := t.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("check %q: %w", e.Address, err)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that it is not reset in the middle of a line
	_ = resp.Body.Close()
	if !c.Statuses.Has(resp.StatusCode) {
		return fmt.Errorf("check %q: status %d", e.Address, resp.StatusCode)
	}
	return nil
}
