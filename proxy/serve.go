package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/http1"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/metrics"
)

// Listen opens the proxy's listener. The error names the address and what to
// do.
func (p *Proxy) Listen(ctx context.Context) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1, Control: sock.KeepAlive}
	ln, err := lc.Listen(ctx, "tcp", p.opts.Address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w (is another process using the port? choose one with -address)", p.opts.Address, err)
	}
	p.Protect(ln.Addr())
	return ln, nil
}

// Run serves clients on ln until ctx ends, then lets the requests in flight
// finish, for at most -shutdown-timeout.
func (p *Proxy) Run(ctx context.Context, ln net.Listener) error {
	o := p.opts
	srv := http1.NewServer(p, http1.ServerConfig{
		Limits:      exchange.Limits{HeadBytes: o.MaxHeaderBytes, LineBytes: o.MaxTargetBytes, Fields: o.MaxHeaderFields},
		HeadTimeout: o.ReadHeaderTimeout, IdleTimeout: o.IdleTimeout,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		MaxRequests: o.KeepAliveRequests, MaxAge: o.KeepAliveServer,
		Log:       p.log,
		ConnMoved: p.clientMoved,
	}, p.sweeper, p.parker)

	engine, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { _ = p.sweeper.Run(engine) })
	wg.Go(func() { _ = p.parker.Run(engine) })
	wg.Go(func() { p.expireIdle(engine) })
	defer wg.Wait()
	defer stopEngine()
	defer p.cancel()

	err := srv.Serve(ctx, ln)
	p.Stop()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.ShutdownTimeout)
	defer cancel()
	defer context.AfterFunc(drain, p.cancel)() // filters that wait and dials end with them
	wg.Go(func() { p.tunnels.leave(drain) })
	if derr := srv.Drain(drain); derr != nil {
		p.log.Warn("cut off requests that did not end in time", "timeout", o.ShutdownTimeout)
	}
	return err
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

// HealthWait is the time between the signal and the end of listening.
func (p *Proxy) HealthWait() time.Duration { return p.opts.HealthWait }

// Tunnels returns how many upgraded connections are open.
func (p *Proxy) Tunnels() int { return p.tunnels.len() }

// Parked returns how many idle client connections wait without a goroutine.
func (p *Proxy) Parked() int { return p.parker.Len() }
