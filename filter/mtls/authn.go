package mtls

import (
	"crypto/x509"
	"errors"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/certs"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "mtlsAuthn",
	Doc:       "lets clients pass that show a certificate of an authority of -mtls-authn-ca; -tls-client-auth has to ask for one",
	Example:   `* -> mtlsAuthn() -> "http://127.0.0.1:8080"`,
	Differs:   "-mtls-authn-ca must be given: Skipper trusts all authorities of the system without; intermediates that the client sends are used, and only the certificate of the client itself counts",
	Shareable: true,
	New: func(_ arg.Values, env *filter.Env) (filter.Filter, error) {
		if len(certs.Options.From(env.Options).AuthnCA) == 0 && !env.Offline {
			return nil, errors.New("there are no authorities to verify with: name their files in -mtls-authn-ca")
		}
		anybody := func(*x509.Certificate, chains) bool { return true }
		return &check{verifier: verifierIn(env), authn: true, rule: anybody, wrong: wrongAuth}, nil
	},
})
