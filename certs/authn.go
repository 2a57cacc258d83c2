package certs

import (
	"crypto/x509"

	"fairlead.dev/fairlead/filter"
)

// Authn is where filters find the authorities of client certificates.
type Authn struct{ keeper *Keeper }

type authnKey struct{}

// ForFilters lets the filters of env know the authorities that k keeps. It must be
// called before the first route is built.
func (k *Keeper) ForFilters(env *filter.Env) {
	env.Shared(authnKey{}, func() any { return &Authn{} }).(*Authn).keeper = k
}

// AuthnIn returns what ForFilters made known.
func AuthnIn(env *filter.Env) *Authn {
	return env.Shared(authnKey{}, func() any { return &Authn{} }).(*Authn)
}

// Roots returns the authorities of -mtls-authn-ca as they are now, nil without any.
func (a *Authn) Roots() *x509.CertPool {
	if a.keeper == nil {
		return nil
	}
	return a.keeper.AuthnRoots()
}
