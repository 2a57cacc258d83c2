package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Listen is what one TLS listener wants.
type Listen struct {
	// ALPN are the protocols that it speaks, the preferred one first: h2,
	// http/1.1. Never acme-tls/1.
	ALPN []string
	// Challenge answers clients that speak nothing but acme-tls/1 (RFC 8737);
	// nil refuses them. Such a connection is closed once its handshake is done:
	// see IsChallenge.
	Challenge func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// challengeProtocol is the ALPN name of the ACME challenge (RFC 8737 6.2).
const challengeProtocol = "acme-tls/1"

// IsChallenge reports whether a connection was an ACME challenge. Whoever
// accepts connections closes it then and reads nothing: no client certificate
// was asked for.
func IsChallenge(state tls.ConnectionState) bool {
	return state.NegotiatedProtocol == challengeProtocol
}

// Listener returns the configuration of one listener. It follows certificates
// and authorities as they change; connections that are open keep theirs. Each
// call makes one with session keys of its own.
func (k *Keeper) Listener(l Listen) *tls.Config {
	s := &listener{keeper: k, alpn: slices.Clone(l.ALPN), challenge: l.Challenge}
	outer := s.config()
	outer.GetConfigForClient = s.choose
	return outer
}

// listener makes the configurations of one listener.
type listener struct {
	keeper    *Keeper
	alpn      []string
	challenge func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	mu      sync.Mutex // making current
	current atomic.Pointer[dressed]
}

// dressed is a configuration for one policy.
type dressed struct {
	policy *policy
	config *tls.Config
}

// choose returns the configuration for a ClientHello.
func (s *listener) choose(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if s.challenge != nil && len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == challengeProtocol {
		return &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{challengeProtocol},
			GetCertificate: s.challenge, SessionTicketsDisabled: true,
		}, nil
	}
	p := s.keeper.policy.Load()
	if d := s.current.Load(); d != nil && d.policy == p {
		return d.config, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Another one may have been quicker, or the policy may have changed again.
	p = s.keeper.policy.Load()
	if d := s.current.Load(); d != nil && d.policy == p {
		return d.config, nil
	}
	d := &dressed{p, s.config()}
	s.dress(d)
	s.current.Store(d)
	return d.config, nil
}

// config returns what all configurations of the listener have.
func (s *listener) config() *tls.Config {
	k := s.keeper
	c := &tls.Config{
		GetCertificate: k.store.Get,
		MinVersion:     k.settings.min,
		CipherSuites:   k.settings.suites,
		NextProtos:     s.alpn,
		// Somebody who dresses none of it still refuses more than too little.
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  x509.NewCertPool(),
	}
	if k.keyLog != nil {
		c.KeyLogWriter = k.keyLog
	}
	return c
}

// dress adds the policy and the sessions to a configuration.
//
// crypto/tls takes the session keys of the outer configuration for all that
// GetConfigForClient returns, unless one wraps its tickets itself: so this one
// does, with keys of its own that crypto/tls makes and rotates.
func (s *listener) dress(d *dressed) {
	c, p := d.config, d.policy
	c.ClientAuth, c.ClientCAs = p.auth, p.roots
	c.VerifyConnection = func(state tls.ConnectionState) error { return s.verify(p, state) }
	c.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		session.Extra = append(session.Extra, boundTo(state))
		return c.EncryptTicket(state, session)
	}
	c.UnwrapSession = func(ticket []byte, state tls.ConnectionState) (*tls.SessionState, error) {
		session, err := c.DecryptTicket(ticket, state)
		if session == nil || err != nil {
			return nil, err
		}
		want := string(boundTo(state))
		if !slices.ContainsFunc(session.Extra, func(e []byte) bool { return string(e) == want }) {
			return nil, nil //nolint:nilnil // a ticket that does not fit: a full handshake
		}
		return session, nil
	}
}

// boundTo is what a ticket is bound to: the server name. A resumed handshake
// asks for no certificate, so an unknown name would not be noticed.
func boundTo(state tls.ConnectionState) []byte {
	return []byte("fairlead server name " + lower(state.ServerName))
}

// verify verifies what crypto/tls has not verified: the certificate of a
// resumed session, and one that was verified while the authorities changed.
func (s *listener) verify(began *policy, state tls.ConnectionState) error {
	now := s.keeper.policy.Load()
	if !now.verifies() || now == began && !state.DidResume {
		return nil
	}
	if len(state.PeerCertificates) == 0 {
		if now.auth == tls.RequireAndVerifyClientCert {
			return fmt.Errorf("client certificate: found none, expected one for %s", now.auth)
		}
		return nil
	}
	opts := x509.VerifyOptions{
		Roots: now.roots, Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, c := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := state.PeerCertificates[0].Verify(opts); err != nil {
		return fmt.Errorf("client certificate: %w", err)
	}
	return nil
}
