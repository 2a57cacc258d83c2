package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/http2"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/metrics"
)

// streams are the HTTP/2 connections of a lane. h2c:// endpoints are known to
// speak HTTP/2, https:// ones are asked in the handshake (ALPN, RFC 7301), and
// the answer is remembered.
type streams struct {
	pool   *http2.Pool // nil where HTTP/2 is never spoken
	speaks atomic.Int32
}

// What is known of the protocol of an endpoint.
const (
	speaksUnknown = iota
	speaksHTTP1
	speaksHTTP2
)

// errSpeaksHTTP1 is returned by dialHTTP2 when the backend chose HTTP/1.1: the
// connection is among the idle ones.
var errSpeaksHTTP1 = errors.New("the backend chose HTTP/1.1")

func (l *lane) beginStreams() {
	scheme := "http"
	switch l.t.ep.Scheme {
	case "h2c":
		l.streams.speaks.Store(speaksHTTP2)
	case "https":
		if !l.p.opts.HTTP2Backend || l.p.opts.NoKeepAlives {
			return
		}
		scheme = "https"
	default:
		return
	}
	l.streams.pool = http2.NewPool(http2.PoolConfig{
		Dial: l.dialHTTP2, Most: l.p.opts.HTTP2Conns, Moved: l.p.streamConnMoved,
		Client: http2.ClientConfig{Scheme: scheme, Now: l.p.sweeper.Now},
	})
}

// wantsStream reports whether an exchange should go over HTTP/2. Upgrades go over
// HTTP/1.1 where there is a choice: few backends know RFC 8441.
func (l *lane) wantsStream(a *attempt) bool {
	s := &l.streams
	if s.pool == nil || (a.send.Upgrade != "" && l.t.ep.Scheme != "h2c") {
		return false
	}
	return s.speaks.Load() != speaksHTTP1
}

// dialHTTP2 connects for the pool.
func (l *lane) dialHTTP2(ctx context.Context) (http2.Conn, error) {
	nc, err := l.dial(ctx, nil, "h2", "http/1.1")
	if err != nil {
		return nil, err
	}
	if !negotiated(nc, "h2") && l.t.ep.Scheme == "https" {
		l.streams.speaks.Store(speaksHTTP1)
		l.put(l.newClient(nc), true, l.p.sweeper.Now())
		return nil, errSpeaksHTTP1
	}
	l.streams.speaks.Store(speaksHTTP2)
	return sock.Wrap(nc, l.p.sweeper), nil
}

// dial connects, sends first and, to https endpoints, offers protocols.
func (l *lane) dial(ctx context.Context, first []byte, protocols ...string) (net.Conn, error) {
	var cfg *tls.Config
	if l.t.ep.Scheme == "https" {
		cfg = l.tls.Config()
		if cfg != nil {
			cfg = cfg.Clone()
			cfg.NextProtos = protocols
		}
	}
	return l.t.dialer.DialFirst(ctx, l.t.ep, cfg, first)
}

func negotiated(nc net.Conn, protocol string) bool {
	t, ok := nc.(interface{ ConnectionState() tls.ConnectionState })
	return ok && t.ConnectionState().NegotiatedProtocol == protocol
}

// stream returns a stream; the error is errSpeaksHTTP1 when it has to be another
// connection.
func (l *lane) stream(ctx context.Context) (exchange.Upstream, error) {
	s, err := l.streams.pool.Get(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// expire closes connections that were idle for too long. An endpoint that spoke
// HTTP/1.1 is asked again when no connection is left.
func (s *streams) expire(now int64, period time.Duration, idle int) {
	if s.pool == nil {
		return
	}
	s.pool.Expire(now, period)
	if idle == 0 {
		s.speaks.CompareAndSwap(speaksHTTP1, speaksUnknown)
	}
}

// retire has the connections end when their exchanges have; close ends both.
func (s *streams) retire() {
	if s.pool != nil {
		s.pool.Retire()
	}
}

func (s *streams) close() {
	if s.pool != nil {
		_ = s.pool.Close()
	}
}

func (s *streams) len() int {
	if s.pool == nil {
		return 0
	}
	return s.pool.Len()
}

// streamConnMoved counts the HTTP/2 connections to backends.
func (p *Proxy) streamConnMoved(by int) {
	if by > 0 {
		p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnClosed, metrics.ConnActive)
	} else {
		p.metrics.ConnMoved(metrics.BackendSide, metrics.ConnActive, metrics.ConnClosed)
	}
}
