package http3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
)

// ALPN is the protocol's name in TLS handshakes (RFC 9114 3.1).
const ALPN = "h3"

// ServerConfig says how a Server treats its clients. Zero durations and numbers
// mean "no limit" where no default is named.
type ServerConfig struct {
	exchange.ServerConfig
	HandshakeTimeout time.Duration // default 5 s
	MaxStreams       int           // requests at a time of one connection; default 100
	MaxConns         int           // connections at a time
	MaxPerClient     int           // connections at a time of one client
	RetryFrom        int           // handshakes in flight; default 128
	AdvertisePort    int           // of Alt-Svc; default that of the socket
	AltSvcMaxAge     time.Duration // how long clients may remember it; 0: they are not told
	// ConnEnded is told the code of a connection that was ended because of what
	// the client did; may be nil.
	ConnEnded func(Code)
}

// orDefault returns cfg with defaults in place of what has to be there.
func (cfg ServerConfig) orDefault() ServerConfig {
	cfg.ServerConfig = cfg.ServerConfig.OrDefault()
	if cfg.MaxStreams <= 0 {
		cfg.MaxStreams = 100
	}
	if cfg.RetryFrom <= 0 {
		cfg.RetryFrom = 128
	}
	if cfg.HandshakeTimeout <= 0 {
		cfg.HandshakeTimeout = 5 * time.Second
	}
	return cfg
}

// Server speaks HTTP/3 with clients.
type Server struct {
	cfg     ServerConfig
	handler exchange.Handler
	sweeper *sock.Sweeper
	gate    gate
	windows windows
	attacks attackLog
	altSvc  atomic.Pointer[string] // nil when it does not serve

	transport *quic.Transport
	packets   net.PacketConn

	serving sync.WaitGroup // Serve
	live    sync.WaitGroup // connections
	mu      sync.Mutex
	open    map[*conn]struct{}
	gone    bool // connections that come now leave at once
}

// NewServer returns a server. sweeper is its clock.
func NewServer(h exchange.Handler, cfg ServerConfig, sweeper *sock.Sweeper) *Server {
	s := &Server{cfg: cfg.orDefault(), handler: h, sweeper: sweeper, open: map[*conn]struct{}{}}
	s.gate.begin(&s.cfg)
	s.windows.of = map[*quic.Conn]uint64{}
	s.attacks = attackLog{log: s.cfg.Log, now: sweeper.Now}
	return s
}

// The windows of flow control: what a client may send before it was read. They
// grow from the first to the second value while it is read quickly.
const (
	streamWindow     = 128 << 10
	mostStreamWindow = 2 << 20
	connWindow       = 256 << 10
	mostConnWindow   = 4 << 20
)

// Dead clients are noticed after deadAfter, because they answer no probe.
const (
	probeEvery = 10 * time.Second
	deadAfter  = 30 * time.Second
)

func (s *Server) quicConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout:           s.cfg.HandshakeTimeout,
		MaxIdleTimeout:                 deadAfter,
		KeepAlivePeriod:                probeEvery,
		InitialStreamReceiveWindow:     streamWindow,
		MaxStreamReceiveWindow:         mostStreamWindow,
		InitialConnectionReceiveWindow: connWindow,
		MaxConnectionReceiveWindow:     mostConnWindow,
		AllowConnectionWindowIncrease:  s.windows.allow,
		MaxIncomingStreams:             int64(s.cfg.MaxStreams),
		MaxIncomingUniStreams:          mostUniStreams,
		RequireStreamCreditRelease:     true, // a stream counts until its handler is done
		Allow0RTT:                      false,
	}
}

// Serve accepts connections from pc, which it owns from now on, until ctx ends.
// Drain ends the connections and closes pc; it must be called. t is the
// configuration that TCP listeners have too; its protocols are set here. There
// is one call of Serve for each Server.
func (s *Server) Serve(ctx context.Context, pc net.PacketConn, t *tls.Config) error {
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return pc.Close()
	}
	s.packets = pc
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()
	s.transport = &quic.Transport{Conn: pc, VerifySourceAddress: s.gate.suspicious, ConnContext: s.gate.admit}
	ln, err := s.transport.Listen(withALPN(t), s.quicConfig())
	if err != nil {
		return fmt.Errorf("serve HTTP/3 on %q: %w", pc.LocalAddr(), err)
	}
	s.announce(pc.LocalAddr())
	defer s.altSvc.Store(nil)
	defer func() { _ = ln.Close() }() // nobody waits for it any more
	for {
		q, err := ln.Accept(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, quic.ErrServerClosed) {
				return nil
			}
			return fmt.Errorf("accept HTTP/3 connections on %q: %w", pc.LocalAddr(), err)
		}
		s.start(q)
	}
}

// withALPN returns t for QUIC: with this protocol and no other, and TLS 1.3 (RFC
// 9001 4.2).
func withALPN(t *tls.Config) *tls.Config {
	t = t.Clone()
	t.NextProtos, t.MinVersion = []string{ALPN}, tls.VersionTLS13
	if choose := t.GetConfigForClient; choose != nil {
		t.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c, err := choose(hello)
			if c == nil || err != nil {
				return c, err
			}
			return withALPN(c), nil
		}
	}
	return t
}

// start serves one connection whose handshake is done.
func (s *Server) start(q *quic.Conn) {
	if err := s.gate.established(q.Context()); err != nil {
		s.attacks.refused(q.RemoteAddr().String(), err)
		_ = q.CloseWithError(CodeExcessiveLoad.conn(), err.Error()) // always nil
		return
	}
	c := newConn(s, q)
	s.mu.Lock()
	s.open[c] = struct{}{}
	late := s.gone
	s.live.Add(1)
	s.mu.Unlock()
	if late {
		c.leave()
	}
	go func() {
		defer s.live.Done()
		c.serve()
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
		s.windows.left(q)
	}()
}

// Conns returns the number of open connections.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Drain tells clients to go away (GOAWAY, RFC 9114 5.2), lets their requests end
// and waits for that until ctx ends; what is left then is cut off. It closes the
// packet connection. It waits for Serve, whose context must have ended.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	s.serving.Wait()
	s.each(func(c *conn) { c.leave() })
	done := make(chan struct{})
	go func() { s.live.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		s.each((*conn).cut)
		<-done
	}
	if s.transport != nil {
		err = errors.Join(err, s.transport.Close(), s.packets.Close())
	}
	return err
}

// HandOver leaves the socket to the process that replaces this one. Clients that
// are connected keep their connections: each gets a socket of its own. What
// cannot be kept is logged; its client connects anew. Call it when the other
// process serves, and end this one as ever when it returns: handshakes in flight
// are done then, or ctx is.
func (s *Server) HandOver(ctx context.Context) {
	s.mu.Lock()
	socket, ok := s.packets.(*Socket)
	s.mu.Unlock()
	if !ok {
		return
	}
	s.keep(socket)
	if err := socket.Leave(); err != nil {
		s.cfg.Log.Error("leave the socket of HTTP/3", "error", err)
	}
	s.keep(socket) // those that came in the meantime
	s.gate.await(ctx)
}

func (s *Server) keep(socket *Socket) {
	failed := 0
	var last error
	keep := func(local, client net.Addr) {
		if err := socket.KeepClient(addrPort(local), addrPort(client)); err != nil {
			failed, last = failed+1, err
		}
	}
	for _, c := range s.conns() {
		keep(c.q.LocalAddr(), c.q.RemoteAddr())
	}
	for _, a := range s.gate.inHandshake() {
		keep(socket.LocalAddr(), a)
	}
	if failed > 0 {
		s.cfg.Log.Warn("HTTP/3 connections are lost", "connections", failed, "error", last)
	}
}

func (s *Server) conns() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.open))
}

// each calls do for all open connections.
func (s *Server) each(do func(c *conn)) {
	for _, c := range s.conns() {
		do(c)
	}
}

// AltSvc returns the value of the Alt-Svc field (RFC 7838 3) that announces the
// server, "" while it does not serve.
func (s *Server) AltSvc() string {
	if v := s.altSvc.Load(); v != nil {
		return *v
	}
	return ""
}

func (s *Server) announce(at net.Addr) {
	port := s.cfg.AdvertisePort
	if port == 0 {
		port = int(addrPort(at).Port())
	}
	if s.cfg.AltSvcMaxAge <= 0 || port == 0 {
		return
	}
	v := ALPN + `=":` + strconv.Itoa(port) + `"; ma=` + strconv.FormatInt(int64(s.cfg.AltSvcMaxAge/time.Second), 10)
	s.altSvc.Store(&v)
}
