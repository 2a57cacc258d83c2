package embed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"

	"fairlead.dev/fairlead/app"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
)

// Config says what a Server serves.
type Config struct {
	// Routes is a document in the route language; SetRoutes replaces it.
	Routes string
	// Flags are options as on the command line, such as "-address=:8080". Unlike
	// there, -access-log-disabled and -wait-first-route-load are set, there is no
	// support listener, and nothing is waited for before the end: flags can change
	// that.
	Flags []string
	// Options, if set, may change options behind Flags:
	// proxy.Options.From(set).Address = ":8080".
	Options func(set *option.Set)
	// Sources are sources of routes beside Routes and those that options name.
	Sources []source.Source
	// Log is the application log; nil: there is none.
	Log *slog.Logger
}

// Server is a proxy inside of a program.
type Server struct {
	set     *option.Set
	log     *slog.Logger
	sources []source.Source
	routes  *routes
	begun   atomic.Bool
	ready   chan struct{}
	addr    net.Addr // valid when ready is closed
}

// own are the options that a part of another program begins with.
var own = []string{
	"-access-log-disabled", "-support-listener=", "-wait-for-healthcheck-interval=0", "-wait-first-route-load",
}

// New returns a server that does not listen yet. It fails for options that cannot
// be, and for routes that are not in the route language; all mistakes are named.
func New(cfg Config) (*Server, error) {
	s := &Server{set: option.NewSet(), log: cfg.Log, ready: make(chan struct{}), routes: newRoutes()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	rest, warnings, err := s.set.ApplyFlags(append(slices.Clone(own), cfg.Flags...))
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("found the argument %q, expected flags only", rest[0])
	}
	if err != nil {
		return nil, fmt.Errorf("options of the embedded proxy: %w", err)
	}
	for _, w := range warnings {
		s.log.Warn("option", "name", w.Option, "where", w.Where, "problem", w.Text)
	}
	if cfg.Options != nil {
		cfg.Options(s.set)
	}
	s.sources = append([]source.Source{s.routes}, cfg.Sources...)
	if _, err := s.routes.put(cfg.Routes); err != nil {
		return nil, err
	}
	return s, nil
}

// Serve serves until ctx ends, then until the requests under way are done. It may
// be called once.
func (s *Server) Serve(ctx context.Context) error {
	if s.begun.Swap(true) {
		return errors.New("the server was started already: make another one")
	}
	defer s.routes.end()
	return app.Run(ctx, app.Config{
		Options: s.set, Log: s.log, Sources: s.sources, Guest: true,
		Observe: s.routes.observe,
		Ready: func(at app.Listening) error {
			s.addr = at.Doors[0].Socket.Addr()
			close(s.ready)
			return nil
		},
	})
}

// Ready returns a channel that is closed when the server listens and its first
// routes are in force.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr returns where the server listens (-address), nil before Ready.
func (s *Server) Addr() net.Addr {
	select {
	case <-s.ready:
		return s.addr
	default:
		return nil
	}
}

// SetRoutes replaces the document of Config.Routes. Routes that stayed equal stay;
// requests under way end with those that they began with. While the server runs it
// returns when the new routes are in force, with the problems of those that are
// not: they are left out, or their last good version serves on. A document that
// cannot be read changes nothing.
func (s *Server) SetRoutes(ctx context.Context, document string) error {
	n, err := s.routes.put(document)
	if err != nil || !s.begun.Load() {
		return err
	}
	return s.routes.await(ctx, n)
}

// Problems returns what is wrong with routes now, of all sources.
func (s *Server) Problems() []error { return problems(s.routes.last(), "") }
