package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"weak"
)

// Backend says how connections to a backend are secured. The zero value
// verifies with the authorities of the system. It can be compared: equal values
// share one BackendTLS, so connections can be pooled by it.
type Backend struct {
	// CAFile has the authorities to verify with; empty: those of the system.
	CAFile string
	// ServerName is asked for and verified; empty: the host of the address.
	ServerName string
	// CertFile and KeyFile are shown to a backend that asks; empty: those of
	// -client-tls-cert, if any.
	CertFile, KeyFile string
	// InsecureSkipVerify takes any certificate.
	InsecureSkipVerify bool
}

// BackendTLS secures connections as a Backend says, and follows its files.
// Whoever uses it keeps it, and asks for Config at each connection.
type BackendTLS struct {
	want Backend
	now  atomic.Pointer[secured]

	// What follows belongs to who made it and then to the loop.
	ca   *authorities // nil: none
	pair *pair        // nil: none
}

// secured is the state of a BackendTLS at one moment.
type secured struct {
	config *tls.Config
	err    error
	shown  *[]*Certificate // what -client-tls-cert had
}

// Config returns the configuration for the next connection. It is shared: clone
// it to set ServerName, where it is empty, and NextProtos. While files that were
// never good are broken, every handshake with it fails with Err.
func (b *BackendTLS) Config() *tls.Config { return b.now.Load().config }

// Err says why there can be no connection now; nil: nothing is known.
func (b *BackendTLS) Err() error { return b.now.Load().err }

// mostBackends bounds how many different Backends are in use at once.
const mostBackends = 10_000

// backends are all BackendTLS in use. Who does not need one any more just
// forgets it.
type backends struct {
	shown atomic.Pointer[[]*Certificate]

	mu  sync.Mutex
	all map[Backend]weak.Pointer[BackendTLS]
}

func newBackends() *backends {
	b := &backends{all: map[Backend]weak.Pointer[BackendTLS]{}}
	b.show(nil)
	return b
}

// Backend returns the BackendTLS for want: the same one for equal values. The
// error says that want contradicts itself, or that there are too many. Files
// that are broken are no error here: the result refuses every handshake until
// they are good.
func (k *Keeper) Backend(want Backend) (*BackendTLS, error) {
	if err := want.check(); err != nil {
		return nil, err
	}
	if t := k.backends.get(want); t != nil {
		return t, nil
	}
	t := newBackendTLS(want)
	t.read(&tally{log: k.log}, true)
	t.build(k.backends.shown.Load())
	return k.backends.add(t)
}

func (b Backend) check() error {
	switch {
	case b.InsecureSkipVerify && b.CAFile != "":
		return fmt.Errorf("TLS of a backend: authority %q is given and verification is off: leave one of them out", b.CAFile)
	case (b.CertFile == "") != (b.KeyFile == ""):
		return fmt.Errorf("TLS of a backend: certificate %q and key %q: expected both or none", b.CertFile, b.KeyFile)
	}
	return nil
}

func newBackendTLS(want Backend) *BackendTLS {
	t := &BackendTLS{want: want}
	if want.CAFile != "" {
		t.ca = newAuthorities([]string{want.CAFile}, false)
	}
	if want.CertFile != "" {
		t.pair = newPair(want.CertFile, want.KeyFile)
	}
	return t
}

func (b *backends) get(want Backend) *BackendTLS {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[want].Value()
}

// add files t, unless there is an equal one by now, which it returns.
func (b *backends) add(t *BackendTLS) (*BackendTLS, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if other := b.all[t.want].Value(); other != nil {
		return other, nil
	}
	if len(b.all) >= mostBackends {
		b.forget()
	}
	if len(b.all) >= mostBackends {
		return nil, fmt.Errorf("TLS of a backend: more than %d different settings are in use: let routes share theirs", mostBackends)
	}
	b.all[t.want] = weak.Make(t)
	return t, nil
}

// forget drops what nobody uses any more; b.mu is held.
func (b *backends) forget() {
	maps.DeleteFunc(b.all, func(_ Backend, p weak.Pointer[BackendTLS]) bool { return p.Value() == nil })
}

// show sets what is shown to backends that ask for a certificate.
func (b *backends) show(certs []*Certificate) { b.shown.Store(&certs) }

// look looks at the files of all backends.
func (b *backends) look(t *tally, all bool) {
	b.mu.Lock()
	b.forget()
	live := slices.Collect(maps.Values(b.all))
	b.mu.Unlock()
	shown := b.shown.Load()
	for _, p := range live {
		backend := p.Value()
		if backend == nil {
			continue
		}
		if backend.read(t, all) || backend.now.Load().shown != shown {
			backend.build(shown)
		}
	}
}

// read looks at the files and reports whether the configuration is to be built
// anew.
func (t *BackendTLS) read(sum *tally, all bool) (changed bool) {
	if t.ca != nil {
		n := count(sum, t.ca, all, "authorities of a backend")
		changed = n == fresh || n == broken
	}
	if t.pair != nil {
		n := count(sum, t.pair, all, "certificate for a backend")
		changed = changed || n == fresh || n == broken
	}
	return changed
}

// problem says what is wrong with the files, even if the last good ones count.
func (t *BackendTLS) problem() error {
	var errs []error
	if t.ca != nil {
		errs = append(errs, t.ca.problem)
	}
	if t.pair != nil {
		errs = append(errs, t.pair.problem)
	}
	return errors.Join(errs...)
}

// build makes the configuration of what was read.
func (t *BackendTLS) build(shown *[]*Certificate) {
	s := &secured{shown: shown}
	if t.ca != nil && !t.ca.good || t.pair != nil && !t.pair.good {
		s.err = fmt.Errorf("TLS of a backend: %w", t.problem())
		s.config = refuse(s.err)
		t.now.Store(s)
		return
	}
	// Sessions are kept with the configuration: what was begun with other
	// authorities or another certificate is not resumed.
	s.config = &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.want.ServerName,
		InsecureSkipVerify: t.want.InsecureSkipVerify, //nolint:gosec // as asked for
		ClientSessionCache: tls.NewLRUClientSessionCache(64),
	}
	if t.ca != nil {
		s.config.RootCAs = t.ca.value
	}
	certs := *shown
	if t.pair != nil {
		certs = []*Certificate{t.pair.value}
	}
	if len(certs) > 0 {
		s.config.GetClientCertificate = func(ask *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			for _, c := range certs {
				if ask.SupportsCertificate(&c.tls) == nil {
					return &c.tls, nil
				}
			}
			return &certs[0].tls, nil // the backend's error says more than silence
		}
	}
	t.now.Store(s)
}

// refuse returns a configuration with which every handshake fails, before
// anything is sent that is not in a ClientHello.
func refuse(err error) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            x509.NewCertPool(),
		InsecureSkipVerify: true, //nolint:gosec // so that it is VerifyConnection that says why
		VerifyConnection:   func(tls.ConnectionState) error { return err },
	}
}
