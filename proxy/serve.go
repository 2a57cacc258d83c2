package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/http1"
	"fairlead.dev/fairlead/http2"
	"fairlead.dev/fairlead/http3"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/listen"
	"fairlead.dev/fairlead/metrics"
)

// Run serves the clients that come through the doors until ctx ends, then lets
// the requests in flight finish, for at most -shutdown-timeout.
func (p *Proxy) Run(ctx context.Context, doors ...Door) error {
	engine, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { _ = p.sweeper.Run(engine) })
	wg.Go(func() { _ = p.parker.Run(engine) })
	wg.Go(func() { p.expireIdle(engine) })
	wg.Go(func() { p.tunnels.watch(engine, p.opts.TunnelIdle) })
	defer wg.Wait()
	defer stopEngine()
	defer p.cancel()

	e := p.engines()
	open, shut := context.WithCancel(ctx)
	defer shut()
	errs := make([]error, len(doors))
	var served sync.WaitGroup
	for i, d := range doors {
		served.Go(func() {
			defer shut() // one that fails closes the others
			errs[i] = d.run(open, e)
		})
	}
	<-open.Done()
	p.Stop()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.opts.ShutdownTimeout)
	defer cancel()
	defer context.AfterFunc(drain, p.cancel)() // filters that wait and dials end with them
	wg.Go(func() { p.tunnels.leave(drain) })
	e.stop()
	served.Wait() // who was at the door enters, then nobody comes any more
	if derr := e.drain(drain); derr != nil {
		p.log.Warn("cut off requests that did not end in time", "timeout", p.opts.ShutdownTimeout)
	}
	p.inner.close()
	for _, d := range doors {
		if d.Listener != nil {
			d.Listener.Wait()
		}
	}
	return errors.Join(errs...)
}

// engines speak with clients, each its version of HTTP.
type engines struct {
	h1 *http1.Server
	h2 *http2.Server
	h3 *http3.Server
}

// serverConfig is how clients are treated, whatever they speak.
func (p *Proxy) serverConfig() exchange.ServerConfig {
	o := p.opts
	return exchange.ServerConfig{
		Limits:      exchange.Limits{HeadBytes: o.MaxHeaderBytes, LineBytes: o.MaxTargetBytes, Fields: o.MaxHeaderFields},
		HeadTimeout: o.ReadHeaderTimeout, IdleTimeout: o.IdleTimeout,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		MaxRequests: o.KeepAliveRequests, MaxAge: o.KeepAliveServer,
		MinBodyRate: o.MinBodyRate, Log: p.log, ConnMoved: p.clientMoved,
	}
}

func (p *Proxy) engines() *engines {
	o := p.opts
	e := &engines{h3: p.http3}
	e.h2 = http2.NewServer(p, http2.ServerConfig{
		ServerConfig: p.serverConfig(), MaxStreams: o.HTTP2MaxStreams, Tunnels: o.Upgrade,
		ConnEnded: func(c http2.Code) { p.metrics.ConnEnded("HTTP/2", c.String()) },
	}, p.sweeper)
	cfg := http1.ServerConfig{ServerConfig: p.serverConfig()}
	if o.H2C {
		cfg.HTTP2 = func(c *sock.Conn, t *http1.Takeover) {
			e.h2.ServeConn(c, http2.ConnOptions{Unread: t.Unread, Request: t.Request, Settings: t.Settings})
		}
	}
	e.h1 = http1.NewServer(p, cfg, p.sweeper, p.parker)
	return e
}

// serve gives a connection to the engine that its client has agreed to.
func (e *engines) serve(c *listen.Conn) {
	if c.Protocol() == "h2" {
		e.h2.ServeConn(c.Conn, http2.ConnOptions{TLS: c.TLS})
		return
	}
	e.h1.ServeConn(c.Conn, c.TLS)
}

// stop asks clients to go elsewhere.
func (e *engines) stop() {
	e.h1.Stop()
	e.h2.Stop()
}

// drain lets exchanges finish until ctx ends. Nobody comes any more.
func (e *engines) drain(ctx context.Context) error {
	var wg sync.WaitGroup
	var err1, err2, err3 error
	wg.Go(func() { err1 = e.h1.Drain(ctx) })
	wg.Go(func() { err2 = e.h2.Drain(ctx) })
	wg.Go(func() { err3 = e.h3.Drain(ctx) })
	wg.Wait()
	return errors.Join(err1, err2, err3)
}

// clientMoved counts the states of client connections.
func (p *Proxy) clientMoved(from, to exchange.ConnState) {
	p.metrics.ConnMoved(metrics.ClientSide, connStates[from], connStates[to])
}

var connStates = [...]metrics.ConnState{
	exchange.ConnClosed: metrics.ConnClosed, exchange.ConnNew: metrics.ConnNew,
	exchange.ConnActive: metrics.ConnActive, exchange.ConnIdle: metrics.ConnIdle,
}

// AwaitStatusChecks waits until every URL of -status-checks answers 200.
func (p *Proxy) AwaitStatusChecks(ctx context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second}
	for _, url := range p.opts.StatusChecks {
		for {
			err := statusCheck(ctx, client, url)
			if err == nil {
				break
			}
			p.log.Info("waiting for status check", "url", url, "error", err)
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for status check %q: %w", url, ctx.Err())
			case <-time.After(time.Second):
			}
		}
	}
	return nil
}

func statusCheck(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("status check %q: %w", url, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// Sweeper watches the time limits of connections.
func (p *Proxy) Sweeper() *sock.Sweeper { return p.sweeper }

// HealthWait is the time between the signal and the end of listening.
func (p *Proxy) HealthWait() time.Duration { return p.opts.HealthWait }

// Tunnels returns how many upgraded connections are open.
func (p *Proxy) Tunnels() int { return p.tunnels.len() }

// Parked returns how many idle client connections wait without a goroutine.
func (p *Proxy) Parked() int { return p.parker.Len() }
