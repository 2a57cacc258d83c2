package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
)

// to makes a handshake with a backend as a pool does.
func to(t *testing.T, b *BackendTLS, server *tls.Config, host string) outcome {
	t.Helper()
	cfg := b.Config().Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	return greet(t, server, cfg)
}

func backendOf(t *testing.T, k *Keeper, want Backend) *BackendTLS {
	t.Helper()
	b, err := k.Backend(want)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBackend checks what is verified of a backend.
func TestBackend(t *testing.T) {
	ca, other := certtest.New(t, "ca"), certtest.New(t, "ca")
	dir := t.TempDir()
	certtest.WriteFile(t, join(dir, "ca.crt"), ca.CertPEM)
	file := join(dir, "ca.crt")
	serve := func(p certtest.Pair) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{p.TLS}} }
	k, _ := keep(t, func(*Values) {})
	cases := []struct {
		name   string
		want   Backend
		server certtest.Pair
		host   string
		good   bool
	}{
		{"own authority", Backend{CAFile: file}, ca.Server(t, "b.test"), "b.test", true},
		{"own authority, address", Backend{CAFile: file}, ca.Server(t, "127.0.0.1"), "127.0.0.1", true},
		{"another name", Backend{CAFile: file}, ca.Server(t, "b.test"), "c.test", false},
		{"another address", Backend{CAFile: file}, ca.Server(t, "127.0.0.1"), "127.0.0.2", false},
		{"server name", Backend{CAFile: file, ServerName: "b.test"}, ca.Server(t, "b.test"), "127.0.0.1", true},
		{"server name instead of the host", Backend{CAFile: file, ServerName: "c.test"}, ca.Server(t, "b.test"), "b.test", false},
		{"another authority of that name", Backend{CAFile: file}, other.Server(t, "b.test"), "b.test", false},
		{"only the common name", Backend{CAFile: file}, ca.Issue(t, certtest.Leaf{CommonName: "b.test"}), "b.test", false},
		{"embedded NUL", Backend{CAFile: file}, ca.Issue(t, certtest.Leaf{Names: []string{"b.test\x00.evil.test"}}), "b.test", false},
		{"expired", Backend{CAFile: file}, ca.Expired(t, "b.test"), "b.test", false},
		{"for clients", Backend{CAFile: file}, ca.Client(t, "b.test"), "b.test", false},
		{"system", Backend{}, ca.Server(t, "b.test"), "b.test", false},
		{"unverified by order", Backend{InsecureSkipVerify: true}, other.Server(t, "x"), "b.test", true},
		{"missing authority", Backend{CAFile: join(dir, "gone")}, ca.Server(t, "b.test"), "b.test", false},
	}
	for _, c := range cases {
		b := backendOf(t, k, c.want)
		for range 2 { // the second handshake might resume the session
			if o := to(t, b, serve(c.server), c.host); o.failed() == c.good {
				t.Errorf("%s: good %v, expected %v (%v)", c.name, !o.failed(), c.good, o.clientErr)
			}
		}
	}
	for what, b := range map[string]Backend{
		"authority and no verification": {CAFile: file, InsecureSkipVerify: true},
		"certificate without key":       {CertFile: "x"},
		"key without certificate":       {KeyFile: "x"},
	} {
		if _, err := k.Backend(b); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// TestBackendAuthorityFailsClosed checks an authority that is no good at first,
// becomes good, changes, and breaks.
func TestBackendAuthorityFailsClosed(t *testing.T) {
	ca, next := certtest.New(t, "ca"), certtest.New(t, "next")
	for what, text := range map[string][]byte{"missing": nil, "empty": {}, "garbage": []byte("x"), "half": ca.CertPEM[:99]} {
		dir := t.TempDir()
		file := join(dir, "ca.crt")
		if text != nil {
			certtest.WriteFile(t, file, text)
		}
		k, l := keep(t, func(*Values) {})
		b := backendOf(t, k, Backend{CAFile: file})
		cfg := &tls.Config{Certificates: []tls.Certificate{ca.Server(t, "b.test").TLS}}
		later := &tls.Config{Certificates: []tls.Certificate{next.Server(t, "b.test").TLS}}
		for range 2 {
			o := to(t, b, cfg, "b.test")
			if o.clientErr == nil || b.Err() == nil {
				t.Fatalf("%s: a handshake without authority", what)
			}
			wants(t, what, o.clientErr.Error(), file)
		}
		wants(t, what, l.String(), "ERROR", "refused until", file)

		certtest.WriteFile(t, file, ca.CertPEM)
		k.look(false)
		if o := to(t, b, cfg, "b.test"); o.failed() || b.Err() != nil {
			t.Errorf("%s: it does not recover: %v", what, o.clientErr)
		}
		if o := to(t, b, later, "b.test"); !o.failed() {
			t.Errorf("%s: another authority counts", what)
		}
		certtest.WriteFile(t, file, next.CertPEM)
		k.look(false)
		if o := to(t, b, cfg, "b.test"); !o.failed() {
			t.Errorf("%s: the old authority still counts, resumed %v", what, o.client.DidResume)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		k.look(false)
		k.look(false)
		if o := to(t, b, later, "b.test"); o.failed() || b.Err() != nil || k.Failing() != 1 {
			t.Errorf("%s: the last good authority does not count: %v, %d fail", what, o.clientErr, k.Failing())
		}
	}
}

// shownTo makes a handshake with a backend that wants a certificate of ca and
// returns its serial number.
func shownTo(t *testing.T, b *BackendTLS, server certtest.Pair, ca *certtest.CA) string {
	t.Helper()
	o := to(t, b, &tls.Config{
		Certificates: []tls.Certificate{server.TLS}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
	}, "b.test")
	if o.failed() {
		return errors.Join(o.clientErr, o.serverErr).Error()
	}
	return o.server.PeerCertificates[0].SerialNumber.String()
}

// TestClientCertificateRotates checks -client-tls-cert and the certificate of a
// single backend: shown, rotated, and kept when the new one is broken.
func TestClientCertificateRotates(t *testing.T) {
	servers, clients := certtest.New(t, "servers"), certtest.New(t, "clients")
	server := servers.Server(t, "b.test")
	dir := t.TempDir()
	certtest.WriteFile(t, join(dir, "ca.crt"), servers.CertPEM)
	first, own := clients.Client(t, "all"), clients.Client(t, "own")
	cert, key := first.Write(t, dir, "all")
	own.Write(t, dir, "own")
	k, _ := keep(t, func(v *Values) {
		v.BackendCert, v.BackendKey, v.EnableMTLS = []string{cert}, []string{key}, true
	})
	all := backendOf(t, k, Backend{CAFile: join(dir, "ca.crt")})
	single := backendOf(t, k, Backend{CAFile: join(dir, "ca.crt"), CertFile: join(dir, "own.crt"), KeyFile: join(dir, "own.key")})
	check := func(step string, b *BackendTLS, want certtest.Pair) {
		t.Helper()
		for range 2 {
			if s := shownTo(t, b, server, clients); s != want.TLS.Leaf.SerialNumber.String() {
				t.Errorf("%s: %s was shown", step, s)
			}
		}
	}
	check("all", all, first)
	check("single", single, own)

	second, own2 := clients.Client(t, "all"), clients.Client(t, "own")
	second.Write(t, dir, "all")
	own2.Write(t, dir, "own")
	k.look(false)
	check("all, rotated", all, second)
	check("single, rotated", single, own2)

	for _, f := range []string{cert, join(dir, "own.key")} {
		certtest.WriteFile(t, f, first.CertPEM[:99])
	}
	k.look(false)
	k.look(false)
	check("all, broken", all, second)
	check("single, broken", single, own2)
	if k.Failing() != 2 {
		t.Errorf("%d fail, expected 2", k.Failing())
	}

	missing := backendOf(t, k, Backend{CAFile: join(dir, "ca.crt"), CertFile: join(dir, "no.crt"), KeyFile: join(dir, "no.key")})
	if s := shownTo(t, missing, server, clients); !strings.Contains(s, "no.crt") {
		t.Errorf("a backend whose certificate is missing: %s", s)
	}
}

// TestClientCertificateOfTwo checks that the backend's wish decides.
func TestClientCertificateOfTwo(t *testing.T) {
	servers, one, two := certtest.New(t, "servers"), certtest.New(t, "one"), certtest.New(t, "two")
	dir := t.TempDir()
	certtest.WriteFile(t, join(dir, "ca.crt"), servers.CertPEM)
	a, b := one.Client(t, "a"), two.Client(t, "b")
	aCert, aKey := a.Write(t, dir, "a")
	bCert, bKey := b.Write(t, dir, "b")
	k, _ := keep(t, func(v *Values) { v.BackendCert, v.BackendKey = []string{aCert, bCert}, []string{aKey, bKey} })
	back := backendOf(t, k, Backend{CAFile: join(dir, "ca.crt")})
	for ca, want := range map[*certtest.CA]certtest.Pair{one: a, two: b} {
		if s := shownTo(t, back, servers.Server(t, "b.test"), ca); s != want.TLS.Leaf.SerialNumber.String() {
			t.Errorf("%s was shown", s)
		}
	}
}

// TestBackendsAreShared checks that equal values are one, and that nobody keeps
// those that are not used any more.
func TestBackendsAreShared(t *testing.T) {
	k, _ := keep(t, func(*Values) {})
	a := backendOf(t, k, Backend{ServerName: "a"})
	if backendOf(t, k, Backend{ServerName: "a"}) != a {
		t.Error("equal values got two")
	}
	if backendOf(t, k, Backend{ServerName: "b"}) == a {
		t.Error("different values got one")
	}
	held := make([]*BackendTLS, 0, mostBackends)
	var err error
	for i := 0; err == nil && i <= mostBackends; i++ {
		var b *BackendTLS
		if b, err = k.Backend(Backend{ServerName: strings.Repeat("x", i%100) + string(rune(i))}); err == nil {
			held = append(held, b)
		}
	}
	if err == nil {
		t.Errorf("no bound after %d", len(held))
	}
	runtime.KeepAlive(held)
	clear(held)
	for range 3 { // the collector may be late by a round
		runtime.GC()
	}
	k.look(false)
	k.backends.mu.Lock()
	n := len(k.backends.all)
	k.backends.mu.Unlock()
	if n > 100 {
		t.Errorf("%d are kept that nobody uses", n)
	}
	runtime.KeepAlive(a)
}

// TestSystemRootsWithOwn checks -mtls-authn-append-ca.
func TestSystemRootsWithOwn(t *testing.T) {
	ca := certtest.New(t, "ca")
	dir := t.TempDir()
	certtest.WriteFile(t, join(dir, "ca.crt"), ca.CertPEM)
	for _, system := range []bool{false, true} {
		option := files(t, ca.Server(t, "a.test"), dir, "a")
		k, _ := keep(t, func(v *Values) {
			option(v)
			v.AuthnCA, v.AuthnAppendCA, v.ClientAuth = []string{join(dir, "ca.crt")}, system, strictest
		})
		want := x509.NewCertPool()
		if system {
			var err error
			if want, err = x509.SystemCertPool(); err != nil {
				t.Skipf("no authorities of the system: %v", err)
			}
		}
		want.AddCert(ca.TLS.Leaf)
		if !k.AuthnRoots().Equal(want) || !k.policy.Load().roots.Equal(want) {
			t.Errorf("system %v: other authorities", system)
		}
	}
}
