// Package cert makes the certificates that the proxies of a benchmark show:
// self-signed, for 127.0.0.1, valid for a day, with a key of a given sort.
//
// It promises that nothing of it outlives the folder it was given. The load
// generator does not verify the chain, only the signature of the handshake.
//
// Start reading at Write.
package cert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Sort is a sort of key.
type Sort string

// The sorts there are.
const (
	ECDSA Sort = "ecdsa" // P-256
	RSA   Sort = "rsa"   // 2048 bits
)

// Files are where a certificate and its key lie, in PEM.
type Files struct {
	Cert, Key string
	Both      string // both in one file, as HAProxy wants them
}

// Write makes a key and its certificate in a folder.
func Write(dir string, sort Sort) (Files, error) {
	certificate, key, err := newPair(sort)
	if err != nil {
		return Files{}, fmt.Errorf("make certificate: %w", err)
	}
	f := Files{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), Both: filepath.Join(dir, "both.pem")}
	err = errors.Join(
		os.WriteFile(f.Cert, certificate, 0o600),
		os.WriteFile(f.Key, key, 0o600),
		os.WriteFile(f.Both, append(certificate, key...), 0o600))
	if err != nil {
		return Files{}, fmt.Errorf("write certificate: %w", err)
	}
	return f, nil
}

func newPair(sort Sort) (certificate, key []byte, err error) {
	signer, err := newKey(sort)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "bench.example"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		DNSNames: []string{"bench.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil
}

func newKey(sort Sort) (crypto.Signer, error) {
	switch sort {
	case ECDSA:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RSA:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, fmt.Errorf("unknown sort of key %q: known are %s and %s", sort, ECDSA, RSA)
}
