package proxy

import (
	"context"
	"sync"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/http1"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/pool"
)

// transport keeps the connections to one endpoint.
type transport struct {
	p    *Proxy
	ep   *backend.Endpoint
	host *metrics.Host
	// dialer makes its connections.
	dialer *pool.Dialer
	// usual is for routes that ask for nothing, lanes for the others.
	usual *lane

	mu     sync.Mutex
	lanes  map[filter.BackendTLS]*lane
	closed bool
}

// transport returns the transport of ep, made at the first request.
func (p *Proxy) transport(ep *backend.Endpoint) *transport {
	if t, ok := ep.Transport().(*transport); ok {
		return t
	}
	return p.newTransport(ep, p.dialer)
}

func (p *Proxy) newTransport(ep *backend.Endpoint, dialer *pool.Dialer) *transport {
	t := &transport{p: p, ep: ep, dialer: dialer, host: p.metrics.Host(ep.Address, ep.Zone)}
	t.usual = t.newLane(p.backendTLS)
	p.mu.Lock() // before anybody can close it
	p.transports[t] = struct{}{}
	p.mu.Unlock()
	stored, ok := ep.SetTransport(t).(*transport)
	switch {
	case !ok: // somebody else's endpoint: do without keeping connections
		p.forget(t)
		return t
	case stored != t:
		_ = t.Close()
	}
	return stored
}

func (p *Proxy) forget(t *transport) {
	p.mu.Lock()
	delete(p.transports, t)
	p.mu.Unlock()
}

// Close implements backend.Transport.
func (t *transport) Close() error {
	t.host.Drop()
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.closeIdle()
	t.forgetEmpty()
	return nil
}

// forgetEmpty forgets a closed transport when no exchange uses its HTTP/2
// connections any more.
func (t *transport) forgetEmpty() {
	t.mu.Lock()
	closed := t.closed
	t.mu.Unlock()
	if !closed {
		return
	}
	for _, l := range t.all() {
		if l.streams.len() > 0 {
			return
		}
	}
	t.p.forget(t)
}

func (t *transport) closeIdle() {
	for _, l := range t.all() {
		_ = l.closeIdle()
		l.streams.retire()
	}
}

// countClosed counts the end of a connection to a backend.
func (p *Proxy) countClosed(c *http1.Client) {
	from := metrics.ConnActive
	if c.Idle {
		from = metrics.ConnIdle
	}
	p.metrics.ConnMoved(metrics.BackendSide, from, metrics.ConnClosed)
}

// release gives the connection of the exchange back: into the pool if it can
// be used again.
func (e *passage) release() {
	e.endRace()
	e.attempt.release(e.times.end)
}

// idleTick is how often idle connections are looked at.
const idleTick = time.Second

// expireIdle closes connections that were idle for too long until ctx ends,
// and all of them then.
func (p *Proxy) expireIdle(ctx context.Context) {
	tick := time.NewTicker(idleTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			for _, t := range p.allTransports() {
				t.closeIdle()
				for _, l := range t.all() {
					l.streams.close()
				}
			}
			return
		case <-tick.C:
			now := p.sweeper.Now()
			for _, t := range p.allTransports() {
				t.expire(now, p.opts.CloseIdlePeriod)
				t.forgetEmpty()
			}
		}
	}
}

func (t *transport) expire(now int64, period time.Duration) {
	for _, l := range t.all() {
		l.idle.Expire(now, period)
		l.programs.Expire(now, period)
		if period > 0 {
			l.streams.expire(now, period, l.idle.Len())
		}
	}
}

func (p *Proxy) allTransports() []*transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*transport, 0, len(p.transports))
	for t := range p.transports {
		all = append(all, t)
	}
	return all
}
