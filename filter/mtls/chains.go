package mtls

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/certs"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/memo"
	"fairlead.dev/fairlead/message"
)

const differs = "only the certificate of the client counts, not those that it sends along, and it must be verified: by the handshake (-tls-client-auth) or by -mtls-authn-ca; Skipper looks at all of them and verifies none"

// rejection is why a request was refused: the state auth-reject-reason.
type rejection string

// The words are Skipper's.
const (
	missingTLS rejection = "missing-tls"
	wrongAuth  rejection = "wrong-auth"
	wrongCN    rejection = "wrong-cn"
	wrongDN    rejection = "wrong-dn"
	wrongSAN   rejection = "wrong-san"
)

var errNoAuthority = errors.New("there is no authority to verify with")

// chains are the ways from a certificate to authorities that are trusted.
type chains [][]*x509.Certificate

const (
	// mostKnown bounds the certificates whose chains are remembered.
	mostKnown = 10_000
	// knownFor is how long they are.
	knownFor = time.Minute
)

// verifier verifies certificates of clients, and remembers chains for a while.
type verifier struct {
	authn *certs.Authn
	memo  *memo.Memo[shown, chains]
}

// shown is what a client showed, and to which authorities.
type shown struct {
	roots *x509.CertPool
	sum   [sha256.Size]byte
}

type verifierKey struct{}

func verifierIn(env *filter.Env) *verifier {
	authn := certs.AuthnIn(env) // not below: Shared does not nest
	return env.Shared(verifierKey{}, func() any {
		return &verifier{authn: authn, memo: memo.New[shown, chains](memo.Config{Size: mostKnown})}
	}).(*verifier)
}

// Close implements io.Closer.
func (v *verifier) Close() error { return v.memo.Close() }

// verified returns the chains of the client's certificate: those of the handshake
// unless authn asks for those of -mtls-authn-ca.
func (v *verifier) verified(ctx context.Context, s *tls.ConnectionState, authn bool) (chains, error) {
	if len(s.PeerCertificates) == 0 {
		return nil, errors.New("there is no certificate")
	}
	if !authn && len(s.VerifiedChains) > 0 {
		return s.VerifiedChains, nil
	}
	roots := v.authn.Roots()
	if roots == nil {
		return nil, errNoAuthority
	}
	return v.memo.Get(ctx, shown{roots, digest(s.PeerCertificates)}, func(context.Context) (chains, time.Time, error) {
		return verify(s.PeerCertificates, roots)
	})
}

func digest(all []*x509.Certificate) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, c := range all { // DER says itself how long it is
		h.Write(c.Raw)
	}
	h.Sum(sum[:0])
	return sum
}

func verify(all []*x509.Certificate, roots *x509.CertPool) (chains, time.Time, error) {
	now := time.Now()
	o := x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, c := range all[1:] {
		o.Intermediates.AddCert(c)
	}
	found, err := all[0].Verify(o)
	until := now.Add(knownFor)
	for _, chain := range found {
		for _, c := range chain {
			if c.NotAfter.Before(until) {
				until = c.NotAfter
			}
		}
	}
	return found, until, err
}

// rule says whether a verified client may pass.
type rule func(leaf *x509.Certificate, all chains) bool

// check is a filter that asks for a certificate and applies a rule to it.
type check struct {
	filter.RequestOnly
	verifier *verifier
	authn    bool // verify with -mtls-authn-ca in any case
	rule     rule
	wrong    rejection
}

func (f *check) Request(c *filter.Context) {
	s := c.Request.TLS
	if s == nil {
		refuse(c, message.ReasonUnauthorized, missingTLS)
		return
	}
	all, err := f.verifier.verified(c.Context(), s, f.authn)
	switch {
	case errors.Is(err, memo.ErrBusy):
		refuse(c, message.ReasonAuthUnavailable, wrongAuth)
	case err != nil:
		refuse(c, message.ReasonForbidden, wrongAuth)
	case !f.rule(s.PeerCertificates[0], all):
		refuse(c, message.ReasonForbidden, f.wrong)
	default:
		filter.SetState(c, "auth-user", s.PeerCertificates[0].Subject.CommonName)
	}
}

func refuse(c *filter.Context, why message.Reason, r rejection) {
	filter.SetState(c, "auth-user", "")
	filter.SetState(c, "auth-reject-reason", string(r))
	resp := c.Refuse(why)
	if why == message.ReasonUnauthorized {
		// RFC 9110 11.6.1 asks for a challenge; no scheme is registered for
		// certificates.
		resp.Header.Add("WWW-Authenticate", "Certificate")
	}
}

// define declares a filter that asks something of the certificate.
func define(name, doc, example string, param arg.Param, wrong rejection, newRule func(arg.Values) (rule, error)) *filter.Def {
	param.Many = true
	return filter.Define(filter.Def{
		Name: name, Doc: doc, Differs: differs, Shareable: true,
		Params:  []arg.Param{param},
		Example: `* -> ` + name + `(` + example + `) -> "http://127.0.0.1:8080"`,
		New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
			for i, text := range v.Texts(0) {
				if text == "" {
					return nil, v.Wrong(i, "found nothing, which no certificate has")
				}
			}
			r, err := newRule(v)
			if err != nil {
				return nil, err
			}
			return &check{verifier: verifierIn(env), rule: r, wrong: wrong}, nil
		},
	})
}
