package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// Dialer opens connections to endpoints.
type Dialer struct {
	// Timeout bounds connecting, TLSTimeout the handshake behind it.
	Timeout, TLSTimeout time.Duration
	// KeepAlive is the period of TCP keep-alive probes; negative: none.
	KeepAlive time.Duration
	// DualStack tries IPv6 and IPv4 addresses of a name together (RFC 6555).
	DualStack bool
	// Control, if set, is asked about each address before it is connected to, as
	// net.Dialer's. An error that wraps a message.Reason is reported as that one.
	Control func(ctx context.Context, network, address string, c syscall.RawConn) error
}

// DialError says why there is no connection. Nothing was sent.
type DialError struct {
	Endpoint *backend.Endpoint
	Reason   message.Reason
	Err      error
}

// Error says what failed.
func (e *DialError) Error() string {
	return fmt.Sprintf("connect to %q: %v", e.Endpoint.Address, e.Err)
}

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// Dial connects to e. https endpoints are verified as cfg says, nil means the
// system's trust. The error is a *DialError.
func (d *Dialer) Dial(ctx context.Context, e *backend.Endpoint, cfg *tls.Config) (net.Conn, error) {
	return d.DialFirst(ctx, e, cfg, nil)
}

// DialFirst is Dial that sends first, such as a PROXY header, before all else,
// also before the TLS handshake.
func (d *Dialer) DialFirst(ctx context.Context, e *backend.Endpoint, cfg *tls.Config, first []byte) (net.Conn, error) {
	nd := net.Dialer{Timeout: d.Timeout, KeepAlive: d.KeepAlive, ControlContext: d.Control}
	if !d.DualStack {
		nd.FallbackDelay = -1
	}
	c, err := nd.DialContext(ctx, "tcp", e.Address)
	if err != nil {
		return nil, &DialError{Endpoint: e, Reason: reason(ctx, err), Err: err}
	}
	if len(first) > 0 { // a new socket has room for it
		if _, err := c.Write(first); err != nil {
			_ = c.Close()
			return nil, &DialError{Endpoint: e, Reason: reason(ctx, err), Err: err}
		}
	}
	if e.Scheme != "https" {
		return c, nil
	}
	t, err := d.handshake(ctx, c, e, cfg)
	if err != nil {
		_ = c.Close()
		return nil, &DialError{Endpoint: e, Reason: message.ReasonTLSFailed, Err: fmt.Errorf("TLS handshake: %w", err)}
	}
	return t, nil
}

func (d *Dialer) handshake(ctx context.Context, c net.Conn, e *backend.Endpoint, cfg *tls.Config) (*tls.Conn, error) {
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	} else {
		cfg = cfg.Clone()
	}
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(e.Address)
		if err != nil {
			return nil, fmt.Errorf("server name of %q: %w", e.Address, err)
		}
		cfg.ServerName = host
	}
	if d.TLSTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.TLSTimeout)
		defer cancel()
	}
	t := tls.Client(sock.NewLower(c), cfg)
	return t, t.HandshakeContext(ctx)
}

func reason(ctx context.Context, err error) message.Reason {
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	var known message.Reason
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(ctx.Err(), context.Canceled):
		return message.ReasonClientGone
	case errors.As(err, &dns) && dns.IsNotFound:
		return message.ReasonNameNotFound
	case errors.As(err, &timeout) && timeout.Timeout():
		return message.ReasonDialTimeout
	}
	return message.ReasonDialFailed
}
