package certs

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/option"
)

// Config is what a Keeper is made of.
type Config struct {
	Options *option.Set
	Log     *slog.Logger
	// Elsewhere says that certificates for listeners come from elsewhere, too,
	// through Store: so there is a TLS listener even without -tls-cert.
	Elsewhere bool
}

// Keeper keeps certificates and authorities as their files say. Run is its loop;
// everything else may be called at any time.
type Keeper struct {
	opts     *Values
	log      *slog.Logger
	store    *Store
	settings settings
	served   bool
	keyLog   *keyLog // nil: none
	policy   atomic.Pointer[policy]
	authn    atomic.Pointer[x509.CertPool]
	backends *backends
	failing  atomic.Int64

	// What follows belongs to New and then to the loop.
	pairs     []*pair
	folder    *folder // nil: none
	clientCA  *authorities
	authnCA   *authorities
	shown     []*pair // to backends
	nextShown time.Time
	expiry    expiry
}

// Origins of certificates that come from files.
const (
	OriginFiles  = "files"
	OriginFolder = "folder"
)

// New reads all files. The error says everything that is wrong with the options
// and the files that they name; one broken pair in the folder is only logged.
func New(cfg Config) (*Keeper, error) {
	o := Options.From(cfg.Options)
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{
		opts: o, log: log, store: NewStore(o.StrictSNI, log),
		served: len(o.Cert) > 0 || o.CertDir != "" || cfg.Elsewhere,
	}
	k.backends = newBackends()
	if err := errors.Join(k.configure(), k.load()); err != nil {
		return nil, err
	}
	if o.KeyLogFile != "" {
		var err error
		if k.keyLog, err = openKeyLog(o.KeyLogFile); err != nil {
			return nil, err
		}
		log.Warn("the secrets of all TLS connections of clients are written to a file: who has it can read their traffic, leave -tls-key-log-file out in production", "file", o.KeyLogFile)
	}
	return k, nil
}

// configure reads the options.
func (k *Keeper) configure() error {
	o := k.opts
	var errs []error
	set, warnings, err := newSettings(o)
	if err != nil {
		return err
	}
	k.settings = set
	more, err := checkClientAuth(o, set.auth, k.served)
	errs = append(errs, err)
	for _, w := range append(warnings, more...) {
		k.log.Warn("TLS option is not safe", "why", w)
	}
	if o.Poll <= 0 || o.BackendRefresh < 0 {
		errs = append(errs, fmt.Errorf("options -tls-poll-interval=%v and -client-tls-cert-refresh-interval=%v: expected times, the first more than 0", o.Poll, o.BackendRefresh))
	}
	k.pairs, err = newPairs("tls-cert", o.Cert, "tls-key", o.Key)
	errs = append(errs, err)
	k.shown, err = newPairs("client-tls-cert", o.BackendCert, "client-tls-key", o.BackendKey)
	errs = append(errs, err)
	if o.EnableMTLS && len(o.BackendCert) == 0 {
		errs = append(errs, errors.New("option -enable-mtls asks for a certificate to show to backends: name its files in -client-tls-cert and -client-tls-key"))
	}
	if o.CertDir != "" {
		k.folder = &folder{path: o.CertDir, pairs: map[string]*pair{}, odd: map[string]bool{}}
	}
	if len(o.AuthnCA) > 0 {
		k.authnCA = newAuthorities(o.AuthnCA, o.AuthnAppendCA)
		k.clientCA = k.authnCA
	}
	if len(o.ClientCA) > 0 {
		k.clientCA = newAuthorities(o.ClientCA, false)
	}
	return errors.Join(errs...)
}

// load reads all files for the first time.
func (k *Keeper) load() error {
	var errs []error
	for _, p := range slices.Concat(k.pairs, k.shown) {
		p.look(true)
		errs = append(errs, p.problem)
	}
	for _, a := range []*authorities{k.authnCA, k.clientCA} {
		if a != nil && !a.good && a.problem == nil {
			a.look(true)
			errs = append(errs, a.problem)
		}
	}
	if k.folder != nil {
		k.folder.look(true, k.log)
		errs = append(errs, k.folder.problem)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("TLS files: %w", err)
	}
	k.failing.Store(int64(k.folder.failing()))
	k.publishCertificates()
	k.publishPolicy()
	k.backends.show(values(k.shown))
	k.lookExpiry(time.Now())
	if k.served && len(k.store.Status()) == 0 {
		k.log.Warn("there is no certificate yet: clients of the TLS listener are refused until there is one")
	}
	return nil
}

// Store returns the certificates of listeners; others may add their own.
func (k *Keeper) Store() *Store { return k.store }

// Served reports whether there is to be a TLS listener.
func (k *Keeper) Served() bool { return k.served }

// Failing returns how many files, or pairs of them, are broken now; of most the
// last good one serves on.
func (k *Keeper) Failing() int { return int(k.failing.Load()) }

// AuthnRoots returns the authorities of -mtls-authn-ca, or nil without any.
func (k *Keeper) AuthnRoots() *x509.CertPool { return k.authn.Load() }

// SamePolicy reports whether a connection for the server name sni may carry
// requests for host: both have the same rules for client certificates. Today
// all names of a listener have. Where it is false the answer is 421 (RFC 9110
// 15.5.20).
func (k *Keeper) SamePolicy(sni, host string) bool {
	return k.policyOf(sni) == k.policyOf(host)
}

// policyOf returns the policy for a name; there is one for all of them.
func (k *Keeper) policyOf(string) *policy { return k.policy.Load() }

const (
	// settle is how long it takes until a broken file is looked at again before
	// anybody is told.
	settle = 200 * time.Millisecond
	// thorough is the number of looks of which one reads all files.
	thorough = 12
)

// Run looks at the files until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	poll := k.opts.Poll
	if r := k.opts.BackendRefresh; r > 0 {
		poll = min(poll, r)
	}
	timer := time.NewTimer(poll)
	defer timer.Stop()
	for round := 1; ; round++ {
		select {
		case <-ctx.Done():
			return k.Close()
		case <-timer.C:
		}
		next := poll
		if k.look(round%thorough == 0) {
			next = min(poll, settle)
		}
		timer.Reset(next)
	}
}

// Close closes the key log. Run does it, too.
func (k *Keeper) Close() error { return k.keyLog.Close() }

// look looks at all files once, and reports whether some should be looked at
// again soon.
func (k *Keeper) look(all bool) (again bool) {
	t := &tally{log: k.log}
	for _, p := range k.pairs {
		count(t, p, all, "certificate")
	}
	if k.folder != nil {
		k.folder.tally(t, all)
	}
	if t.fresh {
		k.publishCertificates()
	}
	t.fresh = false
	for i, a := range []*authorities{k.authnCA, k.clientCA} {
		if a != nil && (i == 0 || a != k.authnCA) {
			count(t, a, all, "authorities of clients")
		}
	}
	if t.fresh {
		k.publishPolicy()
	}
	now := time.Now()
	t.fresh = false
	if r := k.opts.BackendRefresh; !now.Before(k.nextShown) || r == 0 {
		k.nextShown = now.Add(r)
		for _, p := range k.shown {
			count(t, p, all, "certificate for backends")
		}
	}
	if t.fresh {
		k.backends.show(values(k.shown))
	}
	k.backends.look(t, all)
	k.failing.Store(int64(t.failing))
	k.lookExpiry(now)
	if t.again {
		k.nextShown = time.Time{}
	}
	return t.again
}

// publishCertificates hands the good certificates to the store.
func (k *Keeper) publishCertificates() {
	files := values(k.pairs)
	defaults := files
	k.store.Set(OriginFiles, files)
	if k.folder != nil {
		var all []*Certificate
		for name, p := range k.folder.pairs {
			if !p.good {
				continue
			}
			all = append(all, p.value)
			if name == "default" && len(files) == 0 {
				defaults = []*Certificate{p.value}
			}
		}
		k.store.Set(OriginFolder, all)
	}
	k.store.SetDefault(alike(defaults))
}

// publishPolicy makes the policy anew. Sessions that began under the old one
// will not be resumed.
func (k *Keeper) publishPolicy() {
	p := &policy{auth: k.settings.auth}
	if k.clientCA != nil {
		p.roots = k.clientCA.value
	}
	if k.authnCA != nil {
		k.authn.Store(k.authnCA.value)
	}
	k.policy.Store(p)
}

// values returns the certificates of the pairs that have one.
func values(pairs []*pair) []*Certificate {
	var all []*Certificate
	for _, p := range pairs {
		if p.good {
			all = append(all, p.value)
		}
	}
	return all
}

// lookExpiry looks at the dates of all certificates, once a minute.
func (k *Keeper) lookExpiry(now time.Time) {
	if !k.expiry.due(now) {
		return
	}
	all := k.store.Status()
	for _, c := range values(k.shown) {
		all = append(all, c.status("backends"))
	}
	k.expiry.look(now, all, k.log)
}
