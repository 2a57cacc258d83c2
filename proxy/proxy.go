package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"fairlead.dev/fairlead/accesslog"
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/certs"
	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/http1"
	"fairlead.dev/fairlead/http3"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/pool"
	"fairlead.dev/fairlead/table"
)

// Config is what a Proxy is made of.
type Config struct {
	Options *option.Set
	Log     *slog.Logger
	// Metrics and AccessLog may be nil.
	Metrics   *metrics.Metrics
	AccessLog *accesslog.Log
	// Endpoints is shared with the routes, so that dynamic backends count into
	// the same load.
	Endpoints *backend.Set
	// Health is told what becomes of requests; nil: nobody is.
	Health *health.Monitor
	// Certs is what TLS is done with; nil: one of Options, which nobody runs.
	Certs *certs.Keeper
	// Challenge answers the http-01 challenges of a CA; may be nil. ok is false
	// for what is none.
	Challenge func(host, path string) (body string, ok bool)
}

// Proxy answers requests with what the routes say. Read Handle first.
type Proxy struct {
	opts      *Values
	log       *slog.Logger
	metrics   *metrics.Metrics
	health    *health.Monitor
	accessLog *accesslog.Log
	forwarded forwarded
	trust     *trust
	lines     rations

	table    atomic.Pointer[table.Table] // nil: no routes yet
	stopping atomic.Bool

	sweeper   *sock.Sweeper
	parker    *sock.Parker
	dialer    *pool.Dialer
	certs     *certs.Keeper
	challenge func(host, path string) (string, bool)
	// backendTLS is for routes that ask for nothing.
	backendTLS *certs.BackendTLS
	idle       *pool.Limit
	guard      *guard
	dynamic    dynamicEndpoints // configured
	guarded    dynamicEndpoints // chosen by requests
	date       dateCache
	count      counters
	tunnels    tunnels
	inner      inners
	http3      *http3.Server
	// backendClosed is countClosed, bound once.
	backendClosed func(*http1.Client)

	mu         sync.Mutex
	transports map[*transport]struct{}

	base   context.Context // ends with the process
	cancel context.CancelFunc
}

// New returns a proxy without routes: it answers 503 until SetTable.
func New(cfg Config) (*Proxy, error) {
	opts := Options.From(cfg.Options)
	fwd, err := newForwarded(opts)
	if err != nil {
		return nil, err
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	claims, err := newTrust(opts.TrustedProxies, log)
	if err != nil {
		return nil, err
	}
	guard, err := newGuard(opts.DynamicAllow)
	if err != nil {
		return nil, err
	}
	parker, err := sock.NewParker()
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{
		opts: opts, log: log, lines: newRations(), metrics: cfg.Metrics, accessLog: cfg.AccessLog, forwarded: fwd, trust: claims, guard: guard,
		sweeper: sock.NewSweeper(), parker: parker,
		dialer: &pool.Dialer{
			Timeout: opts.BackendTimeout, TLSTimeout: opts.TLSTimeout, KeepAlive: opts.KeepAliveBackend,
			DualStack: opts.DualStack,
		},
		idle:       &pool.Limit{Max: int64(opts.MaxIdleConns)},
		transports: map[*transport]struct{}{},
	}
	p.dynamic.set, p.guarded.set = cfg.Endpoints, new(backend.Set)
	p.guarded.dialer = new(pool.Dialer)
	*p.guarded.dialer = *p.dialer
	p.guarded.dialer.Control = guard.control
	if p.certs = cfg.Certs; p.certs == nil {
		if p.certs, err = certs.New(certs.Config{Options: cfg.Options, Log: cfg.Log}); err != nil {
			return nil, err
		}
	}
	if p.backendTLS, err = p.certs.Backend(certs.Backend{InsecureSkipVerify: opts.Insecure}); err != nil {
		return nil, err
	}
	p.challenge, p.health = cfg.Challenge, cfg.Health
	p.http3 = p.newHTTP3(cfg.Options)
	p.count = newCounters(cfg.Metrics)
	p.inner.init(opts.MaxInner)
	p.backendClosed = p.countClosed
	p.base, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// SetTable makes t the routes of all requests from now on.
func (p *Proxy) SetTable(t *table.Table) { p.table.Store(t) }

// Stop makes the Shutdown predicate true and readiness false.
func (p *Proxy) Stop() { p.stopping.Store(true) }

// Stopping reports whether Stop was called.
func (p *Proxy) Stopping() bool { return p.stopping.Load() }

// Ready returns why requests cannot be answered now, ReasonNone when they can:
// routes are live and the process is not about to end.
func (p *Proxy) Ready() message.Reason {
	switch {
	case p.Stopping():
		return message.ReasonShuttingDown
	case p.table.Load() == nil:
		return message.ReasonNotReady
	}
	return message.ReasonNone
}

// Handle answers one request, in seven steps. It implements exchange.Handler.
func (p *Proxy) Handle(d exchange.Downstream) {
	e := p.begin(d)
	defer e.end()
	if !e.admit() {
		return
	}
	for e.match() {
		e.request()
		if !e.loopback() {
			e.forward()
			break
		}
	}
	e.response()
	e.reply()
}
