package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"fairlead.dev/fairlead/certs"
	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/fastcgi"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/http1"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/pool"
)

// lane keeps the connections to one endpoint that are secured in one way.
type lane struct {
	p    *Proxy
	t    *transport
	tls  *certs.BackendTLS // of https endpoints
	idle *pool.Idle[*http1.Client]
	// programs are connections to fastcgi endpoints.
	programs *pool.Idle[*fastcgi.Client]
	// streams are the HTTP/2 connections.
	streams streams
}

// mostLanes bounds how many ways to secure the connections to one endpoint are
// in use.
const mostLanes = 256

func (t *transport) newLane(secured *certs.BackendTLS) *lane {
	most := t.p.opts.IdleConns
	if t.p.opts.NoKeepAlives {
		most = 0
	}
	l := &lane{p: t.p, t: t, tls: secured, idle: pool.NewIdle[*http1.Client](most, t.p.idle), programs: pool.NewIdle[*fastcgi.Client](most, t.p.idle)}
	l.beginStreams()
	return l
}

// lane returns the lane for what the route asks for.
func (t *transport) lane(want filter.BackendTLS) (*lane, error) {
	if t.ep.Scheme != "https" || want == (filter.BackendTLS{}) {
		return t.usual, nil
	}
	t.mu.Lock()
	l := t.lanes[want]
	n := len(t.lanes)
	t.mu.Unlock()
	if l != nil {
		return l, nil
	}
	if n >= mostLanes {
		return nil, fmt.Errorf("more than %d ways to secure the connections to %q: let its routes share theirs", mostLanes, t.ep.Address)
	}
	secured, err := t.p.certs.Backend(certs.Backend(want))
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if other := t.lanes[want]; other != nil {
		return other, nil
	}
	if t.lanes == nil {
		t.lanes = map[filter.BackendTLS]*lane{}
	}
	l = t.newLane(secured)
	t.lanes[want] = l
	if t.closed {
		l.streams.retire()
		return l, l.closeIdle()
	}
	return l, nil
}

// all returns the lanes there are.
func (t *transport) all() []*lane {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := []*lane{t.usual}
	for _, l := range t.lanes {
		all = append(all, l)
	}
	return all
}

// get returns a stream, or a connection: an idle one unless fresh is wanted.
func (l *lane) get(a *attempt, fresh bool) (exchange.Upstream, error) {
	if a.e.ctx.Upstream.ProxyProtocol != 0 {
		return l.getOwn(a)
	}
	if l.t.ep.Scheme == "fastcgi" {
		return l.getProgram(a, fresh)
	}
	streams := l.wantsStream(a)
	if !fresh && !streams {
		if c, ok := l.idle.Get(); ok {
			c.Idle = false
			l.p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnIdle, metrics.ConnActive)
			return c, nil
		}
	}
	ctx, cancel := l.dialContext(a)
	defer cancel()
	if streams {
		s, err := l.stream(ctx)
		if !errors.Is(err, errSpeaksHTTP1) {
			return s, err
		}
		return l.get(a, fresh)
	}
	nc, err := l.dial(ctx, nil, "http/1.1")
	if err != nil {
		return nil, err
	}
	a.sent = a.e.now()
	return l.newClient(nc), nil
}

// dialContext bounds the making of a connection.
func (l *lane) dialContext(a *attempt) (context.Context, context.CancelFunc) {
	e := a.e
	limit := time.Duration(0)
	if a.send.Upgrade != "" {
		limit = l.p.opts.UpgradeDialTimeout
	}
	if r := e.ctx.Upstream.Retry; r != nil {
		limit = shorter(limit, r.Timeout)
	}
	if by := e.deadline(); by != 0 {
		limit = shorter(limit, max(time.Duration(by-e.now()), 1))
	}
	ctx := l.p.base
	if a.runner != nil {
		ctx = a.runner.ctx
	}
	if limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// newClient makes an HTTP/1.1 connection of nc.
func (l *lane) newClient(nc net.Conn) *http1.Client {
	c := http1.NewClient(sock.Wrap(nc, l.p.sweeper), exchange.Limits{})
	c.OnClose = l.p.backendClosed
	l.p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnClosed, metrics.ConnActive)
	return c
}

// put keeps what u is good for, as of now.
func (l *lane) put(u exchange.Upstream, good bool, now int64) {
	if good && l.keep(u, now) {
		return
	}
	_ = u.Close()
}

// keep keeps u for another exchange, if it is a connection and there is room.
func (l *lane) keep(u exchange.Upstream, now int64) bool {
	switch c := u.(type) {
	case *http1.Client:
		c.Idle = true
		l.p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnActive, metrics.ConnIdle)
		return l.idle.Put(c, now)
	case *fastcgi.Client:
		c.Idle = true
		l.p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnActive, metrics.ConnIdle)
		return l.programs.Put(c, now)
	}
	return false
}

// closeIdle closes the connections that nobody uses; none are kept from now on.
func (l *lane) closeIdle() error { return errors.Join(l.idle.Close(), l.programs.Close()) }
