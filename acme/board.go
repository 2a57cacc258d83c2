package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// alpnProtocol is what the CA alone offers when it checks tls-alpn-01 (RFC 8737
// section 6.2).
const alpnProtocol = "acme-tls/1"

// challengePath is where the CA looks for an answer to http-01 (RFC 8555
// section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// maxToken is the longest token that we accept; CAs use 43 bytes.
const maxToken = 128

// board holds the answers to open challenges, one for each host at most.
type board struct {
	mu   sync.RWMutex
	open map[string]answer
}

// answer is what proves a host: a text at a path, or a certificate.
type answer struct {
	token, text string
	cert        *tls.Certificate
}

// post puts up an answer until remove is called.
func (b *board) post(host string, a answer) (remove func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = map[string]answer{}
	}
	b.open[host] = a
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.open, host)
	}
}

func (b *board) get(host string) (answer, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	a, ok := b.open[host]
	return a, ok
}

// http01 returns the answer at a path.
func (b *board) http01(host, path string) (string, bool) {
	token, ok := strings.CutPrefix(path, challengePath)
	if !ok || token == "" {
		return "", false
	}
	a, ok := b.get(hostOnly(host))
	if !ok || a.token != token {
		return "", false
	}
	return a.text, true
}

// tlsALPN returns the certificate that answers a CA's handshake.
func (b *board) tlsALPN(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != alpnProtocol {
		return nil, fmt.Errorf("found the protocols %.200q, expected only %q", hello.SupportedProtos, alpnProtocol)
	}
	if a, ok := b.get(canonicalHost(hello.ServerName)); ok && a.cert != nil {
		return a.cert, nil
	}
	return nil, fmt.Errorf("found a %s handshake for %.300q, which has no challenge in progress", alpnProtocol, hello.ServerName)
}

// newAnswer makes the answer to a challenge. The text is made here and not taken
// from the CA: a key authorization of somebody else's choice would put their
// text on our host.
func newAnswer(kind, host, token, thumbprint string) (answer, error) {
	if err := checkToken(token); err != nil {
		return answer{}, err
	}
	text := token + "." + thumbprint
	if kind == http01 {
		return answer{token: token, text: text}, nil
	}
	cert, err := challengeCert(host, text)
	if err != nil {
		return answer{}, fmt.Errorf("make the certificate for %s: %w", tlsALPN01, err)
	}
	return answer{cert: cert}, nil
}

// checkToken refuses what is not base64url (RFC 8555 section 8.3).
func checkToken(token string) error {
	if token == "" || len(token) > maxToken {
		return fmt.Errorf("challenge token of %d bytes from the CA, expected 1 to %d", len(token), maxToken)
	}
	for i := range len(token) {
		switch c := token[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return errors.New("challenge token from the CA is not base64url")
		}
	}
	return nil
}

// challengeCert makes the certificate with the acmeIdentifier extension (RFC
// 8737 section 3).
func challengeCert(host, text string) (*tls.Certificate, error) {
	sum := sha256.Sum256([]byte(text))
	value, err := asn1.Marshal(sum[:])
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "ACME challenge"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(time.Hour),
		DNSNames:     []string{host},
		ExtraExtensions: []pkix.Extension{{
			Id:       asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31},
			Critical: true,
			Value:    value,
		}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
