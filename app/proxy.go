package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"fairlead.dev/fairlead/accesslog"
	"fairlead.dev/fairlead/acme"
	"fairlead.dev/fairlead/admin"
	"fairlead.dev/fairlead/certs"
	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/listen"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/metrics"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/pending"
	"fairlead.dev/fairlead/proxy"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/source"
	"fairlead.dev/fairlead/table"
)

// Proxy runs the proxy until ctx ends, then until its requests are done. The
// cause of ctx names the signal: after an interrupt from the terminal nobody
// waits for load balancers to notice.
func Proxy(ctx context.Context, options *option.Set, log *slog.Logger) error {
	return Run(ctx, Config{Options: options, Log: log})
}

// Config says what Run runs.
type Config struct {
	Options *option.Set
	Log     *slog.Logger
	// Sources are sources of routes beside those that the options name.
	Sources []source.Source
	// Ready, if set, is called when the proxy listens; an error ends it.
	Ready func(Listening) error
	// Observe, if set, is told of each change of the routes, by one goroutine at a
	// time; it must not block.
	Observe func(*control.Status)
	// Guest says that the process is somebody else's: its signals, its memory limit,
	// its garbage collector and its environment are left alone.
	Guest bool
}

// Listening is where an instance listens.
type Listening struct {
	// Doors are open to clients; the first is that of -address.
	Doors []proxy.Door
	// Support is the address of the support listener, nil if there is none.
	Support net.Addr
}

// proxyParts are the parts of the proxy and what they share.
type proxyParts struct {
	log       *slog.Logger
	metrics   *metrics.Metrics
	accessLog *accesslog.Log
	filters   *filter.Env
	health    *health.Monitor
	proxy     *proxy.Proxy
	loop      *control.Loop
	admin     *admin.Admin
	certs     *certs.Keeper
	acme      *acme.Manager // nil: off
	gate      *listen.Gate
	sockets   *listen.Set

	upgradeTimeout time.Duration
	program        string   // for the next process
	replaced       chan int // the id of the process that replaces this one
	gaveWay        atomic.Bool
	serving        chan struct{} // closed when this process answers

	guest    bool // see Config.Guest
	address  string
	insecure string
	packets  string // where HTTP/3 listens, "" if it does not
	wait     bool   // for the first load of all sources
}

// Run runs the proxy until ctx ends, then until its requests are done.
func Run(ctx context.Context, cfg Config) error {
	if !cfg.Guest {
		defer setMemoryLimit(cfg.Log, os.LookupEnv)()
	}
	p, err := newProxy(cfg)
	if err != nil {
		return err
	}
	return errors.Join(p.run(ctx, cfg.Ready), p.filters.Close(), p.accessLog.Close())
}

func newProxy(cfg Config) (*proxyParts, error) {
	options, log, takesOver := cfg.Options, cfg.Log, takesOver() && !cfg.Guest
	p := &proxyParts{
		log: log, guest: cfg.Guest, wait: control.Options.From(options).WaitFirstLoad || takesOver,
		upgradeTimeout: listen.Options.From(options).UpgradeTimeout, program: program(), replaced: make(chan int, 1), serving: make(chan struct{}),
	}
	if !takesOver {
		close(p.serving)
	}
	var err error
	if p.sockets, err = listen.NewSet(cfg.lookupEnv()); err != nil {
		return nil, err
	}
	if p.metrics, err = metrics.New(options, log); err != nil {
		return nil, err
	}
	compiler, err := route.New(options, log, pending.Hint)
	if err != nil {
		return nil, err
	}
	compiler.FilterEnv.Metrics, p.filters = p.metrics.ForFilters(), compiler.FilterEnv
	if compiler.Always, err = always(compiler.FilterEnv); err != nil {
		return nil, err
	}
	sources, err := control.Open(&source.Env{Options: options, Log: log})
	if err != nil {
		return nil, err
	}
	if p.accessLog, err = accesslog.Open(options, log); err != nil {
		return nil, err
	}
	if err = p.secure(options); err != nil {
		return nil, errors.Join(err, p.accessLog.Close())
	}
	p.health, err = health.New(health.Config{Options: options, Log: log, Endpoints: compiler.Endpoints, Gauge: p.metrics})
	if err != nil {
		return nil, errors.Join(err, p.accessLog.Close())
	}
	p.proxy, err = proxy.New(proxy.Config{
		Options: options, Log: log, Metrics: p.metrics, AccessLog: p.accessLog, Endpoints: compiler.Endpoints, Health: p.health,
		Certs: p.certs, Challenge: p.challenge(),
	})
	if err != nil {
		return nil, errors.Join(err, p.accessLog.Close())
	}
	p.metrics.CounterFunc("access_log_dropped_total", "lines that the access log could not take in time", p.accessLog.Dropped)
	p.metrics.CounterFunc("untrusted_fields_dropped_total", "fields such as X-Forwarded-For of clients outside -trusted-proxies",
		func() uint64 { return uint64(p.proxy.Untrusted()) })
	p.metrics.GaugeFunc("client_connections_parked", "idle client connections that wait without a goroutine",
		func() float64 { return float64(p.proxy.Parked()) })
	p.metrics.GaugeFunc("tunnels_open", "upgraded connections, such as WebSockets", func() float64 { return float64(p.proxy.Tunnels()) })
	if login.Options.From(options).GrantFlow {
		compiler.Bare = login.CallbackRoute
	}
	compiler.Attach, compiler.AttachStep = p.proxy.Attach, p.proxy.AttachStep
	p.certs.ForFilters(compiler.FilterEnv)
	watch := &routeWatch{metrics: p.metrics, next: cfg.Observe}
	p.loop = control.New(control.Config{
		Sources: append(sources, cfg.Sources...), Compiler: compiler,
		Table:   table.Options{IgnoreTrailingSlash: proxy.Options.From(options).IgnoreTrailingSlash},
		Publish: p.proxy.SetTable, Observe: watch.observe,
		Created: created(options, p.metrics),
		Log:     log, Quiet: control.Options.From(options).Quiet,
	})
	p.admin = admin.New(options, admin.Sources{
		Metrics: p.metrics.Handler(), Routes: routesPage{p.loop}, Ready: readiness{p},
		Listen: func(address string) (net.Listener, error) { return p.sockets.Listen(context.Background(), address) },
	}, log)
	return p, nil
}

// run starts the parts in order and stops them in reverse.
func (p *proxyParts) run(ctx context.Context, ready func(Listening) error) (err error) {
	if err := p.admin.Listen(); err != nil {
		return err
	}
	if a := p.admin.Addr(); a != nil {
		p.log.Info("support listens", "address", a.String())
		p.proxy.Protect(a)
	}
	if api, err := netip.ParseAddrPort(net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))); err == nil {
		p.proxy.ProtectOther(api)
	}
	usr2 := make(chan os.Signal, 1) // from now on: one that comes early is not lost
	if !p.guest {
		signal.Notify(usr2, syscall.SIGUSR2)
		defer signal.Stop(usr2)
	}
	var s starter
	defer func() { err = errors.Join(err, s.stop()) }()
	s.start("admin", p.runAdmin)
	if !p.guest {
		s.start("reopen", p.reopenLogs)
		s.start("memory", p.memory().Run)
	}
	s.start("certs", p.certs.Run)
	if err := p.startACME(ctx, &s); err != nil {
		return quietly(ctx, err)
	}
	s.start("health", p.health.Run)
	s.start("control", p.loop.Run)
	if err := p.awaitRoutes(ctx); err != nil {
		return quietly(ctx, err)
	}
	if err := p.proxy.AwaitStatusChecks(ctx); err != nil {
		return quietly(ctx, err)
	}
	doors, err := p.doors(ctx)
	if err != nil {
		return quietly(ctx, err)
	}
	s.start("proxy", func(ctx context.Context) error { return p.proxy.Run(ctx, doors...) })
	s.start("upgrade", func(ctx context.Context) error { return p.upgrades(ctx, usr2) })
	if !p.guest {
		p.sayReady()
	}
	if ready != nil {
		if err := ready(Listening{Doors: doors, Support: p.admin.Addr()}); err != nil {
			return err
		}
	}
	select {
	case failed := <-s.failed:
		p.log.Error("a part failed, stopping", "error", failed)
		return nil // stop returns the error
	case pid := <-p.replaced:
		p.giveWay(ctx, pid)
		return nil
	case <-ctx.Done():
	}
	p.leave(ctx, s.failed)
	return nil
}

// lookupEnv returns how the environment is asked for sockets that were passed on.
func (c Config) lookupEnv() func(string) (string, bool) {
	if c.Guest {
		return func(string) (string, bool) { return "", false }
	}
	return os.LookupEnv
}

func (p *proxyParts) memory() *memory {
	_, set := os.LookupEnv("GOGC")
	return &memory{log: p.log, parked: p.proxy.Parked, own: !set}
}

// reopenLogs opens the access log anew at each SIGHUP, for log rotation.
func (p *proxyParts) reopenLogs(ctx context.Context) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			if err := p.accessLog.Reopen(); err != nil {
				p.log.Error("reopen access log", "error", err)
			}
		}
	}
}

// awaitRoutes waits for the first load when -wait-first-route-load asks for it.
func (p *proxyParts) awaitRoutes(ctx context.Context) error {
	if !p.wait {
		return nil
	}
	p.log.Info("waiting for the first load of all routes")
	select {
	case <-p.loop.Loaded():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave says to load balancers that this instance is about to end and gives
// them time to notice: health goes down first.
func (p *proxyParts) leave(ctx context.Context, failed <-chan error) {
	p.proxy.Stop()
	wait := p.proxy.HealthWait()
	if cause := context.Cause(ctx); cause == nil || strings.Contains(cause.Error(), os.Interrupt.String()) {
		wait = 0
	}
	p.log.Info("stopping", "cause", fmt.Sprint(context.Cause(ctx)), "wait", wait)
	if wait <= 0 {
		return
	}
	select {
	case <-time.After(wait):
	case err := <-failed:
		p.log.Error("part failed while stopping", "error", err)
	}
}

// quietly drops an error that only says that the process was told to end.
func quietly(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}
