package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"fairlead.dev/fairlead/kit/storage"
)

// maxChain is the most certificates that a chain may have.
const maxChain = 10

// newKey makes the key of a certificate.
func newKey(kind string) (crypto.Signer, error) {
	if kind == "rsa" {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// encodeKey writes a key as PEM (RFC 5958).
func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// decodeKey reads what encodeKey wrote.
func decodeKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("found no PEM block of type PRIVATE KEY")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("found a %T, expected a key that signs", key)
	}
	return signer, nil
}

// encodeBundle puts key and chain into one text, which so change together.
func encodeBundle(key crypto.Signer, chain []byte) ([]byte, error) {
	out, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	rest, n := chain, 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if n++; block.Type != "CERTIFICATE" || n > maxChain {
			return nil, fmt.Errorf("chain from the CA: PEM block %d is a %.40q, expected at most %d of CERTIFICATE", n, block.Type, maxChain)
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
	return out, nil
}

// decodeBundle reads key and chain and checks that they belong together and to
// the host. An expired certificate is no error.
func decodeBundle(host string, text []byte) (*tls.Certificate, error) {
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, err
		}
	}
	if err := cert.Leaf.VerifyHostname(host); err != nil {
		return nil, err
	}
	if !cert.Leaf.NotAfter.After(cert.Leaf.NotBefore) {
		return nil, fmt.Errorf("found a certificate that ends at %v, before it begins", cert.Leaf.NotAfter)
	}
	return &cert, nil
}

// folderOf names a CA in keys of the storage: readable, and different for each
// directory URL.
func folderOf(directory string) string {
	name := "ca"
	if u, err := url.Parse(directory); err == nil && u.Host != "" {
		name = strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '-' {
				return r
			}
			return '-'
		}, strings.ToLower(u.Host))
	}
	sum := sha256.Sum256([]byte(directory))
	return fmt.Sprintf("%s-%x", strings.TrimLeft(name, "."), sum[:4])
}

func (m *Manager) bundleKey(host string) string { return m.folder + "/certificates/" + host + ".pem" }

// loadBundle returns the stored certificate of a host: nil when there is none,
// or none that can be read, which is kept aside.
func (m *Manager) loadBundle(ctx context.Context, host string) (*tls.Certificate, error) {
	key := m.bundleKey(host)
	text, err := m.storage.Load(ctx, key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	cert, err := decodeBundle(host, text)
	if err == nil {
		return cert, nil
	}
	return nil, m.putAside(ctx, key, text, err)
}

// putAside moves a value that cannot be used out of the way, for somebody to
// look at. A value put aside before is overwritten.
func (m *Manager) putAside(ctx context.Context, key string, value []byte, why error) error {
	aside := key + ".bad"
	if err := m.storage.Store(ctx, aside, value); err != nil {
		return fmt.Errorf("put aside %q, which cannot be used (%w): %w", key, why, err)
	}
	m.log.Error("stored value cannot be used and is put aside; a new one is obtained",
		"key", key, "aside", aside, "error", why)
	return m.storage.Delete(ctx, key)
}

// isNewer reports whether a stored certificate lasts longer than ours.
func isNewer(stored, ours *tls.Certificate) bool {
	if stored == nil || ours == nil {
		return stored != nil
	}
	return stored.Leaf.NotAfter.After(ours.Leaf.NotAfter)
}

// accept checks a chain from the CA before anything uses it.
func accept(host string, key crypto.Signer, chain []byte) (*tls.Certificate, []byte, error) {
	text, err := encodeBundle(key, chain)
	if err != nil {
		return nil, nil, err
	}
	if len(text) > storage.MaxValue {
		return nil, nil, fmt.Errorf("chain from the CA: found %d bytes with the key, expected at most %d", len(text), storage.MaxValue)
	}
	cert, err := decodeBundle(host, text)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate from the CA: %w", err)
	}
	if end := cert.Leaf.NotAfter; !time.Now().Before(end) {
		return nil, nil, fmt.Errorf("certificate from the CA: it ended at %v; is the clock of this machine right?", end)
	}
	return cert, text, nil
}
