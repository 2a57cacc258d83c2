package certs

import (
	"crypto/tls"
	"encoding/pem"
	"os"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
)

// mutual is a Keeper that demands client certificates of ca.
type mutual struct {
	*Keeper
	log    *logs
	dir    string
	ca     *certtest.CA // of clients
	server *certtest.CA
}

const strictest = "RequireAndVerifyClientCert"

func newMutual(t *testing.T, auth string) *mutual {
	t.Helper()
	m := &mutual{dir: t.TempDir(), ca: certtest.New(t, "clients"), server: certtest.New(t, "servers")}
	certtest.WriteFile(t, join(m.dir, "ca.crt"), m.ca.CertPEM)
	option := files(t, m.server.Server(t, "a.test", "b.test"), m.dir, "a")
	m.Keeper, m.log = keep(t, func(v *Values) {
		option(v)
		v.ClientAuth, v.ClientCA = auth, []string{join(m.dir, "ca.crt")}
	})
	return m
}

// client is the configuration of a client with these certificates.
func (m *mutual) client(name string, pairs ...certtest.Pair) *tls.Config {
	c := &tls.Config{RootCAs: m.server.Pool(), ServerName: name, NextProtos: []string{"h2", "http/1.1"}}
	for _, p := range pairs {
		c.Certificates = append(c.Certificates, p.TLS)
	}
	return c
}

var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// TestClientAuth checks each mode with each kind of client, with both versions.
func TestClientAuth(t *testing.T) {
	cases := []struct {
		mode                       string
		none, good, foreign, stale bool
	}{
		{"RequestClientCert", true, true, true, true},
		{"RequireAnyClientCert", false, true, true, true},
		{"VerifyClientCertIfGiven", true, true, false, false},
		{strictest, false, true, false, false},
	}
	for _, c := range cases {
		m := newMutualMode(t, c.mode)
		stale := m.ca.Expired(t, "x")
		for what, try := range map[string]struct {
			pairs []certtest.Pair
			want  bool
		}{
			"none":         {nil, c.none},
			"good":         {[]certtest.Pair{m.ca.Client(t, "x")}, c.good},
			"intermediate": {[]certtest.Pair{m.ca.Intermediate(t, "i").Client(t, "x")}, c.good},
			"nameless":     {[]certtest.Pair{m.ca.Issue(t, certtest.Leaf{})}, c.good},
			"foreign":      {[]certtest.Pair{certtest.New(t, "clients").Client(t, "x")}, c.foreign},
			"for servers":  {[]certtest.Pair{m.ca.Server(t, "x")}, c.foreign},
			"stale":        {[]certtest.Pair{stale}, c.stale},
		} {
			for _, v := range versions {
				cfg := m.client("a.test")
				cfg.MaxVersion = v
				if len(try.pairs) > 0 { // whatever the server hints at
					p := try.pairs[0].TLS
					cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &p, nil }
				}
				if o := greet(t, m.Listener(Listen{}), cfg); o.failed() == try.want {
					t.Errorf("%s, %s, %s: good %v, expected %v (%v, %v)", c.mode, what, tls.VersionName(v), !o.failed(), try.want, o.clientErr, o.serverErr)
				}
			}
		}
	}
}

// newMutualMode gives authorities in the way that the mode allows.
func newMutualMode(t *testing.T, mode string) *mutual {
	t.Helper()
	if a, err := clientAuth(mode); err == nil && a >= tls.VerifyClientCertIfGiven {
		return newMutual(t, mode)
	}
	m := &mutual{dir: t.TempDir(), ca: certtest.New(t, "clients"), server: certtest.New(t, "servers")}
	option := files(t, m.server.Server(t, "a.test"), m.dir, "a")
	m.Keeper, m.log = keep(t, func(v *Values) { option(v); v.ClientAuth = mode })
	return m
}

// TestClientAuthorityRefuses checks that an authority that is no good refuses to
// start, and later changes nothing (Caddy CVE-2026-27586, Traefik
// CVE-2025-66491).
func TestClientAuthorityRefuses(t *testing.T) {
	garbage := map[string][]byte{
		"missing":               nil,
		"empty":                 {},
		"garbage":               []byte("hello"),
		"half":                  certtest.New(t, "x").CertPEM[:150],
		"a key":                 certtest.New(t, "x").KeyPEM,
		"no certificate inside": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}),
	}
	for what, text := range garbage {
		for _, flag := range []string{"tls-client-ca", "mtls-authn-ca"} {
			m := newMutual(t, strictest)
			path := join(m.dir, "ca.crt")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if text != nil {
				certtest.WriteFile(t, path, text)
			}
			_, err := New(Config{Options: set(func(v *Values) {
				v.Cert, v.Key, v.ClientAuth = []string{join(m.dir, "a.crt")}, []string{join(m.dir, "a.key")}, strictest
				if v.ClientCA = []string{path}; flag == "mtls-authn-ca" {
					v.ClientCA, v.AuthnCA = nil, []string{path}
				}
			})})
			if err == nil {
				t.Errorf("%s in -%s: it started", what, flag)
				continue
			}
			wants(t, what, err.Error(), "ca.crt")

			cfg := m.Listener(Listen{})
			for range 3 {
				m.look(false)
			}
			if o := greet(t, cfg, m.client("a.test")); !o.failed() {
				t.Errorf("%s: a client without a certificate comes in", what)
			}
			if o := greet(t, cfg, m.client("a.test", m.ca.Client(t, "x"))); o.failed() {
				t.Errorf("%s: the last good authority does not count: %v %v", what, o.clientErr, o.serverErr)
			}
			wants(t, what, m.log.String(), "ERROR", "ca.crt", "last good")
		}
	}
	if os.Geteuid() != 0 { // root reads everything
		m := newMutual(t, strictest)
		if err := os.Chmod(join(m.dir, "ca.crt"), 0); err != nil {
			t.Fatal(err)
		}
		m.look(false)
		m.look(false)
		wants(t, "unreadable", m.log.String(), "ERROR", "ca.crt", "make it readable")
	}
}
