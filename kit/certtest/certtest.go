package certtest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// CA is an authority that issues certificates.
type CA struct {
	// Pair is the authority's own certificate and key.
	Pair
	// chain is what issued certificates carry with them: the intermediates.
	chain [][]byte
	// root is what is trusted.
	root *x509.Certificate
}

// Pair is a certificate with its key. TLS.Leaf is the parsed certificate.
type Pair struct {
	// CertPEM holds the certificate and after it the intermediates.
	CertPEM []byte
	// KeyPEM holds the key in PKCS #8.
	KeyPEM []byte
	// TLS is the same for crypto/tls.
	TLS tls.Certificate
}

// Leaf says what a certificate shall be. The zero value is an ECDSA certificate
// without names that is valid from an hour ago for a day, for servers and
// clients.
type Leaf struct {
	// CommonName is the subject; the first of Names if empty.
	CommonName string
	// Names are the subject alternative names: those that parse as addresses
	// become IP SANs, the others DNS SANs as they are, even if they are absurd.
	Names []string
	// URIs are URI SANs.
	URIs []string
	// NotBefore and NotAfter bound the validity.
	NotBefore, NotAfter time.Time
	// Usage bounds what it may be used for; both sides of TLS if empty.
	Usage []x509.ExtKeyUsage
	// RSA asks for the RSA key with 2048 bits, else each certificate has its own
	// ECDSA P-256 key.
	RSA bool
	// Key is used instead of a new one.
	Key crypto.Signer
	// Extra are extensions as they shall stand in the certificate.
	Extra []pkix.Extension
}

// New returns a new authority called name.
func New(t testing.TB, name string) *CA {
	t.Helper()
	template := authority(name)
	key := newKey(t)
	pair := sign(t, template, template, key, key, nil)
	return &CA{Pair: pair, root: pair.TLS.Leaf}
}

// Intermediate returns an authority that ca vouches for: what it issues carries
// its certificate, and Pool still trusts the root alone.
func (ca *CA) Intermediate(t testing.TB, name string) *CA {
	t.Helper()
	pair := sign(t, authority(name), ca.TLS.Leaf, newKey(t), ca.signer(t), ca.chain)
	return &CA{Pair: pair, chain: pair.TLS.Certificate, root: ca.root}
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// Pool returns what a peer that trusts ca has as roots.
func (ca *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(ca.root)
	return p
}

// Server issues a certificate for a server with these names and addresses.
func (ca *CA) Server(t testing.TB, names ...string) Pair {
	t.Helper()
	return ca.Issue(t, Leaf{Names: names, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
}

// Client issues a certificate for a client called name.
func (ca *CA) Client(t testing.TB, name string) Pair {
	t.Helper()
	return ca.Issue(t, Leaf{CommonName: name, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

// Expired issues a certificate for a server that expired a minute ago.
func (ca *CA) Expired(t testing.TB, names ...string) Pair {
	t.Helper()
	return ca.Issue(t, Leaf{Names: names, NotAfter: time.Now().Add(-time.Minute)})
}

// RSA issues a certificate for a server with an RSA key.
func (ca *CA) RSA(t testing.TB, names ...string) Pair {
	t.Helper()
	return ca.Issue(t, Leaf{Names: names, RSA: true})
}

// Issue issues a certificate as leaf says.
func (ca *CA) Issue(t testing.TB, leaf Leaf) Pair {
	t.Helper()
	template := leaf.template()
	key := leaf.Key
	switch {
	case key != nil:
	case leaf.RSA:
		k, err := rsaKey()
		if err != nil {
			t.Fatal(err)
		}
		key = k
	default:
		key = newKey(t)
	}
	return sign(t, template, ca.TLS.Leaf, key, ca.signer(t), ca.chain)
}

func (l Leaf) template() *x509.Certificate {
	template := &x509.Certificate{
		Subject:         pkix.Name{CommonName: l.CommonName},
		NotBefore:       l.NotBefore,
		NotAfter:        l.NotAfter,
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtKeyUsage:     l.Usage,
		ExtraExtensions: l.Extra,
	}
	if l.CommonName == "" && len(l.Names) > 0 {
		template.Subject.CommonName = l.Names[0]
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(24 * time.Hour)
	}
	if len(template.ExtKeyUsage) == 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	for _, n := range l.Names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	for _, text := range l.URIs {
		if u, err := url.Parse(text); err == nil {
			template.URIs = append(template.URIs, u)
		}
	}
	return template
}

func (ca *CA) signer(t testing.TB) crypto.Signer {
	t.Helper()
	s, ok := ca.TLS.PrivateKey.(crypto.Signer)
	if !ok {
		t.Fatalf("the key of the authority is a %T, which cannot sign", ca.TLS.PrivateKey)
	}
	return s
}

// rsaKey makes the one RSA key of the process: each takes a tenth of a second.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, 2048)
})

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes the pair of template and key, signed by parent's key.
func sign(t testing.TB, template, parent *x509.Certificate, key, by crypto.Signer, chain [][]byte) Pair {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("the certificate that was asked for cannot be parsed: %v", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	all := append([][]byte{der}, chain...)
	var text bytes.Buffer
	for _, d := range all {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d}))
	}
	return Pair{
		CertPEM: text.Bytes(),
		KeyPEM:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
		TLS:     tls.Certificate{Certificate: all, PrivateKey: key, Leaf: leaf},
	}
}

// Write writes the pair to dir as name.crt and name.key and returns the two
// paths.
func (p Pair) Write(t testing.TB, dir, name string) (certFile, keyFile string) {
	t.Helper()
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	WriteFile(t, certFile, p.CertPEM)
	WriteFile(t, keyFile, p.KeyPEM)
	return certFile, keyFile
}

// WriteFile writes a file, readable by its owner alone, in one step: who reads
// the path at any moment sees the old content or the new one.
func WriteFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
