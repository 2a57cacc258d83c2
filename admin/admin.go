package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
)

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = time.Minute
	idleTimeout   = time.Minute
	// maxProfile is how long a profile may take.
	maxProfile = 5 * time.Minute
	// stopTimeout is how long requests on their way may take at the end.
	stopTimeout    = time.Second
	maxHeaderBytes = 16 << 10
	maxConns       = 256
)

// Routes are the routes of the process.
type Routes interface {
	// Valid returns the routes in force, and since when they are; the zero time
	// means that none were loaded yet. The slice is not changed afterwards.
	Valid() (routes []*eskip.Route, since time.Time)
	// Invalid returns what was left out.
	Invalid() []source.Problem
}

// Ready says whether requests are served: message.ReasonNone, or why not
// (message.ReasonNotReady, message.ReasonShuttingDown).
type Ready interface {
	Ready() message.Reason
}

// Sources are what the support listener shows. A nil one is left out; without
// Ready the process counts as ready.
type Sources struct {
	Metrics http.Handler
	Routes  Routes
	Ready   Ready
	// Listen opens the port; nil: package net does.
	Listen func(address string) (net.Listener, error)
}

// Admin is the support listener, a part of the process.
type Admin struct {
	values   *Values
	sources  Sources
	log      *slog.Logger
	listener net.Listener
	left     atomic.Bool // by Leave
}

// New returns the support listener that the options ask for.
func New(set *option.Set, sources Sources, log *slog.Logger) *Admin {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Admin{values: Options.From(set), sources: sources, log: log}
}

// Name returns "admin".
func (a *Admin) Name() string { return "admin" }

// Listen takes the port. Run does it when nobody did before. The error says
// what to do when another process has the port.
func (a *Admin) Listen() error {
	if a.listener != nil || a.values.Address == "" {
		return nil
	}
	open := a.sources.Listen
	if open == nil {
		open = func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	}
	l, err := open(a.values.Address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("option -support-listener: %q is in use by another process: stop that or choose another port: %w", a.values.Address, err)
	}
	if err != nil {
		return fmt.Errorf("option -support-listener: cannot listen on %q: %w", a.values.Address, err)
	}
	a.listener = limit(l, maxConns)
	return nil
}

// Addr returns the address that Listen took, nil before.
func (a *Admin) Addr() net.Addr {
	if a.listener == nil {
		return nil
	}
	return a.listener.Addr()
}

// Leave closes the port; requests on their way go on. Another process has it,
// too, and answers from now on.
func (a *Admin) Leave() {
	a.left.Store(true)
	if a.listener != nil {
		_ = a.listener.Close()
	}
}

// Run serves until ctx ends. Nothing of it is left afterwards.
func (a *Admin) Run(ctx context.Context) error {
	if err := a.Listen(); err != nil {
		return err
	}
	if a.listener == nil {
		<-ctx.Done()
		return nil
	}
	defer a.values.applyRates()()
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	busy := &busy{next: a.Handler()}
	srv := &http.Server{
		Handler:           busy,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	a.log.Info("support listener is open", "address", a.listener.Addr().String(), "profiles", a.values.Profile)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(a.listener) }()
	var err error
	select {
	case err = <-served:
		if a.left.Load() {
			<-ctx.Done()
			cancel()
			err = shutdown(srv)
			break
		}
		err = fmt.Errorf("serve on %q: %w", a.values.Address, err)
		srv.Close()
	case <-ctx.Done():
		cancel() // cuts off profiles
		err = shutdown(srv)
		if late := <-served; err == nil && !errors.Is(late, http.ErrServerClosed) {
			err = late
		}
	}
	cancel()
	busy.end()
	return err
}

// shutdown ends srv: requests on their way get stopTimeout, after which readers
// who take nothing are cut off.
func shutdown(srv *http.Server) error {
	late, done := context.WithTimeout(context.Background(), stopTimeout)
	defer done()
	if srv.Shutdown(late) == nil {
		return nil
	}
	return srv.Close()
}

// busy waits for requests on their way: Close of an http.Server does not.
type busy struct {
	next  http.Handler
	mu    sync.RWMutex // read-locked by every request
	ended bool
}

func (b *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if !b.ended {
		b.next.ServeHTTP(w, r)
	}
}

// end returns when no request is on its way; none comes through afterwards.
func (b *busy) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}
