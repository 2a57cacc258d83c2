package proxy

import (
	"context"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/http1"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/pool"
)

// transport keeps the connections to one endpoint.
type transport struct {
	p    *Proxy
	ep   *backend.Endpoint
	idle *pool.Idle[*http1.Client]
	host *metrics.Host
	// dialer makes its connections.
	dialer *pool.Dialer
}

// transport returns the transport of ep, made at the first request.
func (p *Proxy) transport(ep *backend.Endpoint) *transport {
	if t, ok := ep.Transport().(*transport); ok {
		return t
	}
	return p.newTransport(ep, p.dialer)
}

func (p *Proxy) newTransport(ep *backend.Endpoint, dialer *pool.Dialer) *transport {
	most := p.opts.IdleConns
	if p.opts.NoKeepAlives {
		most = 0
	}
	t := &transport{p: p, ep: ep, dialer: dialer, idle: pool.NewIdle[*http1.Client](most, p.idle), host: p.metrics.Host(ep.Address, ep.Zone)}
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
	t.p.forget(t)
	t.host.Drop()
	return t.idle.Close()
}

// get returns a connection: an idle one unless fresh is wanted.
func (t *transport) get(e *passage, fresh bool) (exchange.Upstream, error) {
	if !fresh {
		if c, ok := t.idle.Get(); ok {
			c.Idle = false
			t.p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnIdle, metrics.ConnActive)
			return c, nil
		}
	}
	ctx := e.p.base
	if up := e.ctx.Upstream.Timeout; up > 0 {
		var cancel context.CancelFunc
		left := up - time.Duration(e.now()-e.times.filtered)
		ctx, cancel = context.WithTimeout(ctx, left)
		defer cancel()
	}
	nc, err := t.dialer.Dial(ctx, t.ep)
	if err != nil {
		return nil, err
	}
	e.times.sent = e.now()
	c := http1.NewClient(sock.Wrap(nc, t.p.sweeper), exchange.Limits{})
	c.OnClose = t.p.backendClosed
	t.p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnClosed, metrics.ConnActive)
	return c, nil
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
	e.occupy(nil)
	u := e.up
	if u == nil {
		return
	}
	e.up = nil
	alone := e.down.Unpair()
	e.p.transport(e.endpoint).put(u, u.Finish() && alone, e.times.end)
}

// put keeps what u is good for, as of now.
func (t *transport) put(u exchange.Upstream, good bool, now int64) {
	if c, ok := u.(*http1.Client); ok && good {
		c.Idle = true
		t.p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnActive, metrics.ConnIdle)
		if t.idle.Put(c, now) {
			return
		}
	}
	_ = u.Close()
}

// drop closes the connection of the exchange.
func (e *passage) drop() {
	_ = e.down.Unpair()
	_ = e.up.Close()
	e.up = nil
}

// expireIdle closes connections that were idle for too long until ctx ends,
// and all of them then.
func (p *Proxy) expireIdle(ctx context.Context) {
	period := p.opts.CloseIdlePeriod
	if period <= 0 {
		period = time.Hour
	}
	tick := time.NewTicker(max(period/4, 100*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			for _, t := range p.allTransports() {
				_ = t.idle.Close()
			}
			return
		case <-tick.C:
			if p.opts.CloseIdlePeriod > 0 {
				now := p.sweeper.Now()
				for _, t := range p.allTransports() {
					t.idle.Expire(now, period)
				}
			}
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
