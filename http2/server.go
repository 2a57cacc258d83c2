package http2

import (
	"crypto/tls"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/live"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// ServerConfig says how a Server treats its clients. HeadTimeout bounds the time
// to the first SETTINGS, too.
type ServerConfig struct {
	exchange.ServerConfig
	MaxStreams int  // of one connection at a time; default 128
	Tunnels    bool // tell clients that they may ask for WebSockets (RFC 8441 3)
	// ConnEnded is told the code of a connection that was ended because of what
	// the client did; may be nil.
	ConnEnded func(Code)
}

// orDefault returns cfg with what must not be zero.
func (cfg ServerConfig) orDefault() ServerConfig {
	cfg.ServerConfig = cfg.ServerConfig.OrDefault()
	if cfg.MaxStreams <= 0 {
		cfg.MaxStreams = 128
	}
	return cfg
}

// Server speaks HTTP/2 with clients.
type Server struct {
	cfg     ServerConfig
	handler exchange.Handler
	sweeper *sock.Sweeper
	workers workers
	log     attackLog

	live     live.Group // ServeConn, streams and watch
	stopping atomic.Bool

	mu       sync.Mutex
	conns    map[*conn]struct{}
	watching bool
	wakeup   chan struct{} // makes watch look at once
}

// NewServer returns a server. sweeper's clock is the one that times are counted
// in.
func NewServer(h exchange.Handler, cfg ServerConfig, sweeper *sock.Sweeper) *Server {
	s := &Server{
		cfg: cfg.orDefault(), handler: h, sweeper: sweeper,
		conns: map[*conn]struct{}{}, wakeup: make(chan struct{}, 1),
	}
	s.log.log = s.cfg.Log
	s.workers.live = &s.live
	return s
}

// ConnOptions say how a connection came to HTTP/2.
type ConnOptions struct {
	// Unread was read from the connection already and is not kept.
	Unread []byte
	// TLS is what the handshake settled, nil when the connection is not encrypted.
	TLS *tls.ConnectionState
	// Request came over HTTP/1 and asked for HTTP/2 (RFC 7540 3.2): it becomes
	// stream 1. Settings is the payload of its HTTP2-Settings. nil without such a
	// request.
	Request  *message.Request
	Settings []byte
}

// ServeConn serves a client's connection until it has ended, and closes it. It
// uses the goroutine of the caller.
func (s *Server) ServeConn(nc Conn, o ConnOptions) {
	c := newConn(s, nc, o)
	s.enter(c)
	defer s.live.Done()
	c.moved(exchange.ConnNew)
	c.serve(o)
	s.leave(c)
	c.moved(exchange.ConnClosed)
}

// enter counts a connection.
func (s *Server) enter(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live.Add(1)
	s.conns[c] = struct{}{}
	if !s.watching {
		s.watching = true
		s.live.Go(s.watch)
	}
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	last := len(s.conns) == 0
	s.mu.Unlock()
	if last {
		s.wake()
	}
}

// wake makes watch look now.
func (s *Server) wake() {
	select {
	case s.wakeup <- struct{}{}:
	default:
	}
}

// Conns returns the number of open connections.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// snapshot returns the open connections.
func (s *Server) snapshot(into []*conn) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		into = append(into, c)
	}
	return into
}

// now returns the sweeper's clock. It is never 0, which stands for "not set".
func (s *Server) now() int64 { return max(s.sweeper.Now(), 1) }

// rescue keeps a mistake in the engine from ending the process: only the
// connection is lost. Handlers take care of their own panics.
func (s *Server) rescue(c *conn, v any) {
	s.cfg.Log.Error("connection failed, please report it", "client", c.nc.Remote().String(),
		"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	c.nc.Interrupt()
}
