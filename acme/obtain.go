package acme

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	ca "github.com/mholt/acmez/v3/acme"
)

const (
	// tryTime is how long one try may take, whatever the CA says.
	tryTime = 5 * time.Minute
	// pollTime is the time between two looks whether the CA is ready, unless it
	// says another.
	pollTime = 500 * time.Millisecond
)

// order is what one try to obtain a certificate knows.
type order struct {
	m       *Manager
	host    string
	replace *x509.Certificate // nil: the first
	guard   *guard
	client  *ca.Client
	account ca.Account
	kind    string // of the challenge
}

func (m *Manager) newOrder(host string, replace *tls.Certificate) *order {
	g := &guard{next: m.transport}
	o := &order{m: m, host: host, guard: g, client: &ca.Client{
		Directory:    m.values.Directory,
		HTTPClient:   &http.Client{Transport: g},
		UserAgent:    m.userAgent,
		PollInterval: pollTime,
		PollTimeout:  tryTime / 2,
	}}
	if replace != nil {
		o.replace = replace.Leaf
	}
	return o
}

// obtain gets a certificate from the CA: with the challenges in this order, each
// of which takes an order of its own, because a failed challenge fails the order
// (RFC 8555 section 7.1.6).
func (o *order) obtain(ctx context.Context, kinds []string) (*tls.Certificate, []byte, error) {
	var err error
	if o.account, err = o.m.account(ctx, o.client, ""); err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, kind := range kinds {
		o.kind = kind
		cert, text, err := o.try(ctx)
		if err == nil {
			return cert, text, nil
		}
		errs = append(errs, err)
		if !errors.As(err, new(notProven)) {
			break
		}
	}
	return nil, nil, errors.Join(errs...)
}

// notProven says that the CA did not find our answer to a challenge, or did not
// offer the challenge: another one may work.
type notProven struct {
	kind string
	err  error
}

func (e notProven) Error() string { return e.kind + ": " + e.err.Error() }
func (e notProven) Unwrap() error { return e.err }

func (o *order) try(ctx context.Context) (*tls.Certificate, []byte, error) {
	placed, err := o.place(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("place an order: %w", err)
	}
	if len(placed.Authorizations) != 1 {
		return nil, nil, fmt.Errorf("order %s: found %d authorizations, expected one for one host", placed.Location, len(placed.Authorizations))
	}
	if err := o.prove(ctx, placed.Authorizations[0]); err != nil {
		return nil, nil, err
	}
	key, err := newKey(o.m.values.KeyType)
	if err != nil {
		return nil, nil, err
	}
	chain, err := o.finish(ctx, placed, key)
	if err != nil {
		return nil, nil, err
	}
	return accept(o.host, key, chain)
}

// place asks for a certificate (RFC 8555 section 7.4), once more with a new
// account where the CA does not know ours, or without saying which certificate
// it replaces where it wants that (RFC 9773 section 5).
func (o *order) place(ctx context.Context) (ca.Order, error) {
	want := ca.Order{
		Profile:     o.m.values.Profile,
		Identifiers: []ca.Identifier{{Type: "dns", Value: o.host}},
	}
	if dir, err := o.client.GetDirectory(ctx); err != nil {
		return want, err
	} else if o.replace != nil && dir.RenewalInfo != "" {
		if id, err := ca.ARIUniqueIdentifier(o.replace); err == nil {
			want.Replaces = id
		}
	}
	got, err := o.client.NewOrder(ctx, o.account, want)
	if isProblem(err, ca.ProblemTypeAccountDoesNotExist, ca.ProblemTypeUnauthorized) {
		if o.account, err = o.m.account(ctx, o.client, o.account.Location); err != nil {
			return got, err
		}
		got, err = o.client.NewOrder(ctx, o.account, want)
	}
	if err != nil && want.Replaces != "" && isProblem(err, ca.ProblemTypeAlreadyReplaced,
		ca.ProblemTypeMalformed, ca.ProblemTypeUnauthorized, ca.ProblemTypeServerInternal) {
		want.Replaces = ""
		got, err = o.client.NewOrder(ctx, o.account, want)
	}
	return got, err
}

// prove answers one challenge of an authorization (RFC 8555 section 7.5.1).
func (o *order) prove(ctx context.Context, location string) error {
	authz, err := o.client.GetAuthorization(ctx, o.account, location)
	if err != nil {
		return fmt.Errorf("read the authorization: %w", err)
	}
	if authz.Status == ca.StatusValid {
		return nil
	}
	if authz.Identifier.Value != o.host || authz.Wildcard {
		return fmt.Errorf("authorization %s: found the host %.300q, expected %q", location, authz.IdentifierValue(), o.host)
	}
	i := slices.IndexFunc(authz.Challenges, func(c ca.Challenge) bool { return c.Type == o.kind })
	if i < 0 {
		return notProven{o.kind, errors.New("the CA does not offer this challenge")}
	}
	thumbprint, err := o.account.Thumbprint()
	if err != nil {
		return err
	}
	a, err := newAnswer(o.kind, o.host, authz.Challenges[i].Token, thumbprint)
	if err != nil {
		return err
	}
	defer o.m.board.post(o.host, a)()
	if _, err := o.client.InitiateChallenge(ctx, o.account, authz.Challenges[i]); err != nil {
		return fmt.Errorf("%s: ask the CA to check: %w", o.kind, err)
	}
	if _, err := o.client.PollAuthorization(ctx, o.account, authz); err != nil {
		if errors.As(err, new(ca.Problem)) {
			return notProven{o.kind, err}
		}
		return fmt.Errorf("%s: wait for the CA: %w", o.kind, err)
	}
	return nil
}

// finish sends the request for the certificate and fetches it (RFC 8555 section
// 7.4 and 7.4.2).
func (o *order) finish(ctx context.Context, placed ca.Order, key crypto.Signer) ([]byte, error) {
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{o.host}}, key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate request: %w", err)
	}
	done, err := o.client.FinalizeOrder(ctx, o.account, placed, csr)
	if err != nil {
		return nil, fmt.Errorf("finalize the order: %w", err)
	}
	chains, err := o.client.GetCertificateChain(ctx, o.account, done.Certificate)
	if err != nil {
		return nil, fmt.Errorf("fetch the certificate: %w", err)
	}
	if len(chains) == 0 {
		return nil, errors.New("fetch the certificate: the CA sent none")
	}
	return chains[0].ChainPEM, nil
}

// isProblem reports whether the CA refused with one of these types (RFC 8555
// section 6.7).
func isProblem(err error, types ...string) bool {
	var p ca.Problem
	return errors.As(err, &p) && slices.Contains(types, p.Type)
}
