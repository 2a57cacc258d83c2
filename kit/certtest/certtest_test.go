package certtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

// TestPairs checks that what is issued is what it says, by the judge that counts.
func TestPairs(t *testing.T) {
	ca := certtest.New(t, "root")
	below := ca.Intermediate(t, "below")
	other := certtest.New(t, "other")
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	cases := []struct {
		name  string
		pair  certtest.Pair
		host  string
		usage x509.ExtKeyUsage
		good  bool
	}{
		{"server", ca.Server(t, "a.test", "127.0.0.1"), "a.test", server, true},
		{"address", ca.Server(t, "a.test", "127.0.0.1"), "127.0.0.1", server, true},
		{"wildcard", ca.Server(t, "*.a.test"), "x.a.test", server, true},
		{"rsa", ca.RSA(t, "a.test"), "a.test", server, true},
		{"below", below.Server(t, "a.test"), "a.test", server, true},
		{"client", ca.Client(t, "someone"), "", client, true},
		{"client as server", ca.Client(t, "someone"), "", server, false},
		{"expired", ca.Expired(t, "a.test"), "a.test", server, false},
		{"other name", ca.Server(t, "a.test"), "b.test", server, false},
		{"other authority", other.Server(t, "a.test"), "a.test", server, false},
		{"not yet", ca.Issue(t, certtest.Leaf{Names: []string{"a.test"}, NotBefore: time.Now().Add(time.Hour)}), "a.test", server, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			chain := x509.NewCertPool()
			for _, der := range c.pair.TLS.Certificate[1:] {
				cert, err := x509.ParseCertificate(der)
				if err != nil {
					t.Fatal(err)
				}
				chain.AddCert(cert)
			}
			_, err := c.pair.TLS.Leaf.Verify(x509.VerifyOptions{
				DNSName: c.host, Roots: ca.Pool(), Intermediates: chain, KeyUsages: []x509.ExtKeyUsage{c.usage},
			})
			if (err == nil) != c.good {
				t.Errorf("good=%v, verify says %v", c.good, err)
			}
			certFile, keyFile := c.pair.Write(t, t.TempDir(), "x")
			if _, err := tls.LoadX509KeyPair(certFile, keyFile); err != nil {
				t.Errorf("the files: %v", err)
			}
		})
	}
}
