package certs

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Certificate is a certificate with its key, ready to serve. It never changes.
type Certificate struct {
	tls tls.Certificate // Leaf is set
	// from says where it comes from: a file, or what its origin calls it.
	from string
	// exact and wild are the names it serves: whole, and without their "*.".
	exact, wild []string
	rank        int
}

// NewCertificate makes a Certificate of pair. from says where it comes from, to
// people. The error says that the pair is none.
func NewCertificate(pair tls.Certificate, from string) (*Certificate, error) {
	if len(pair.Certificate) == 0 {
		return nil, fmt.Errorf("certificate of %s: found no certificate in the pair, expected one", from)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", from, err)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("certificate of %s: its key is a %T, expected one that signs", from, pair.PrivateKey)
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(leaf.PublicKey) {
		return nil, fmt.Errorf("certificate of %s: %w", from, errOtherKey)
	}
	return newCertificate(pair, leaf, from), nil
}

var errOtherKey = errors.New("the key belongs to another certificate")

func newCertificate(pair tls.Certificate, leaf *x509.Certificate, from string) *Certificate {
	pair.Leaf = leaf
	c := &Certificate{tls: pair, from: from, rank: rank(leaf.PublicKey)}
	// The common name does not count (RFC 9525 2.3), and a name that is no host
	// name can never be asked for: an embedded NUL ends here.
	for _, n := range leaf.DNSNames {
		n = strings.TrimSuffix(lower(n), ".")
		if base, ok := strings.CutPrefix(n, "*."); ok && isHostname(base) {
			c.wild = append(c.wild, base)
		} else if isHostname(n) {
			c.exact = append(c.exact, n)
		}
	}
	return c
}

// rank orders kinds of keys: what is cheaper to sign with comes first.
func rank(key crypto.PublicKey) int {
	switch key.(type) {
	case *ecdsa.PublicKey:
		return 0
	case ed25519.PublicKey:
		return 1
	}
	return 2
}

// better orders certificates for one name: ECDSA before RSA, then the newest.
func better(a, b *Certificate) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), b.tls.Leaf.NotBefore.Compare(a.tls.Leaf.NotBefore), cmp.Compare(a.from, b.from))
}

// validAt reports whether now lies between the two dates of c.
func (c *Certificate) validAt(now time.Time) bool {
	return !now.Before(c.tls.Leaf.NotBefore) && !now.After(c.tls.Leaf.NotAfter)
}

// Status is what can be told about a certificate that serves.
type Status struct {
	// Origin is the name given to Store.Set.
	Origin string
	// From is the file, or what the origin calls it.
	From string
	// Names are the DNS names that it serves, wildcards with "*.".
	Names []string
	// NotBefore and NotAfter bound its validity.
	NotBefore, NotAfter time.Time
}

func (c *Certificate) status(origin string) Status {
	s := Status{Origin: origin, From: c.from, NotBefore: c.tls.Leaf.NotBefore, NotAfter: c.tls.Leaf.NotAfter}
	s.Names = append(s.Names, c.exact...)
	for _, w := range c.wild {
		s.Names = append(s.Names, "*."+w)
	}
	return s
}

// lower returns s with ASCII letters in lower case; it takes no memory if they
// are already.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' || s[i] >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}

// isHostname reports whether s, in lower case, is a host name as it may stand in
// a certificate and in a ClientHello (RFC 1123 2.1, with the underscore that
// people use). Addresses are none.
func isHostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	last := s
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
		last = label
	}
	return strings.Trim(last, "0123456789") != ""
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
