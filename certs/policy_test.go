package certs

import (
	"crypto/tls"
	"os"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
)

// TestOptionsRefuse checks that what asks for protection and cannot have it
// does not start.
func TestOptionsRefuse(t *testing.T) {
	ca := certtest.New(t, "ca")
	dir := t.TempDir()
	cert, key := ca.Server(t, "a.test").Write(t, dir, "a")
	served := func(v *Values) { v.Cert, v.Key = []string{cert}, []string{key} }
	cases := []struct {
		name   string
		change func(v *Values)
		says   string
	}{
		{"verify without authority", func(v *Values) { served(v); v.ClientAuth = strictest }, "-tls-client-ca"},
		{"verify if given without authority", func(v *Values) { served(v); v.ClientAuth = "VerifyClientCertIfGiven" }, "-tls-client-ca"},
		{"authority that nobody asks", func(v *Values) { served(v); v.ClientCA = []string{cert} }, "verifies nothing"},
		{"client certificates without TLS", func(v *Values) { v.ClientAuth, v.AuthnCA = strictest, []string{cert} }, "no TLS listener"},
		{"unknown mode", func(v *Values) { served(v); v.ClientAuth = "Verify" }, "RequireAndVerifyClientCert"},
		{"append to nothing", func(v *Values) { v.AuthnAppendCA = true }, "-mtls-authn-ca"},
		{"a key too few", func(v *Values) { v.Cert = []string{cert} }, "-tls-key names 0"},
		{"a certificate too few", func(v *Values) { v.Key = []string{key} }, "-tls-cert names 0"},
		{"a client key too few", func(v *Values) { v.BackendCert = []string{cert} }, "-client-tls-key names 0"},
		{"mTLS without certificate", func(v *Values) { v.EnableMTLS = true }, "-client-tls-cert"},
		{"unknown version", func(v *Values) { v.MinVersion = "1.4" }, "-tls-min-version"},
		{"unknown suite", func(v *Values) { v.CipherSuites = []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA25"} }, "did you mean"},
		{"only insecure suites", func(v *Values) {
			v.CipherSuites, v.ExcludeInsecure = []string{"TLS_RSA_WITH_RC4_128_SHA"}, true
		}, "leaves no cipher suite"},
		{"no polling", func(v *Values) { v.Poll = 0 }, "-tls-poll-interval"},
		{"key log in no folder", func(v *Values) { v.KeyLogFile = join(dir, "no", "x") }, "-tls-key-log-file"},
		{"client certificate is no file", func(v *Values) { v.BackendCert, v.BackendKey = []string{dir}, []string{key} }, "no regular file"},
	}
	for _, c := range cases {
		if _, err := New(Config{Options: set(c.change)}); err == nil {
			t.Errorf("%s: it started", c.name)
		} else {
			wants(t, c.name, err.Error(), c.says)
		}
	}
}

// TestVersionsAndSuites checks what is negotiated.
func TestVersionsAndSuites(t *testing.T) {
	ca := certtest.New(t, "ca")
	option := files(t, ca.Server(t, "a.test"), t.TempDir(), "a")
	gcm, chacha := tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
	cases := []struct {
		name     string
		change   func(v *Values)
		min, max uint16 // of the client
		suite    uint16 // the client's only one; 0: any
		good     bool
		warns    string
	}{
		{"1.3", func(*Values) {}, 0, tls.VersionTLS13, 0, true, ""},
		{"1.2", func(*Values) {}, 0, tls.VersionTLS12, 0, true, ""},
		{"1.1", func(*Values) {}, tls.VersionTLS10, tls.VersionTLS11, 0, false, ""},
		{"1.1 allowed", func(v *Values) { v.MinVersion = "11" }, tls.VersionTLS10, tls.VersionTLS11, 0, true, "deprecated"},
		{"1.0 allowed", func(v *Values) { v.MinVersion = "1.0" }, tls.VersionTLS10, tls.VersionTLS10, 0, true, "deprecated"},
		{"1.2 refused", func(v *Values) { v.MinVersion = "1.3" }, 0, tls.VersionTLS12, 0, false, ""},
		{"suite that is not in the list", func(v *Values) { v.CipherSuites = []string{tls.CipherSuiteName(chacha)} }, 0, tls.VersionTLS12, gcm, false, "HTTP/2"},
		{"suite of the list", func(v *Values) { v.CipherSuites = []string{tls.CipherSuiteName(gcm)} }, 0, tls.VersionTLS12, gcm, true, ""},
		{"suite of 1.3", func(v *Values) { v.CipherSuites = []string{tls.CipherSuiteName(gcm), "TLS_AES_128_GCM_SHA256"} }, 0, tls.VersionTLS13, 0, true, "cannot be chosen"},
		{"weak suite", func(v *Values) {
			v.CipherSuites = []string{"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"}
		}, 0, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, true, "known weaknesses"},
		{"weak suite by default", func(*Values) {}, 0, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, false, ""},
		{"weak suite left out", func(v *Values) {
			v.CipherSuites, v.ExcludeInsecure = []string{tls.CipherSuiteName(gcm), "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"}, true
		}, 0, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, false, "left out"},
	}
	for _, c := range cases {
		k, l := keep(t, func(v *Values) { option(v); c.change(v) })
		client := &tls.Config{ServerName: "a.test", RootCAs: ca.Pool(), MinVersion: c.min, MaxVersion: c.max}
		if c.suite != 0 {
			client.CipherSuites = []uint16{c.suite}
		}
		o := greet(t, k.Listener(Listen{}), client)
		if o.failed() == c.good {
			t.Errorf("%s: good %v, expected %v (%v)", c.name, !o.failed(), c.good, o.clientErr)
		}
		if c.warns == "" && strings.Contains(l.String(), "WARN") {
			t.Errorf("%s: warned %s", c.name, l)
		}
		wants(t, c.name, l.String(), c.warns)
	}
	ids, _, err := cipherSuites(nil, true)
	if err != nil || len(ids) == 0 || slices.ContainsFunc(tls.InsecureCipherSuites(), func(s *tls.CipherSuite) bool { return slices.Contains(ids, s.ID) }) {
		t.Errorf("without the insecure ones: %v, %v", ids, err)
	}
}

// TestCurves checks the key exchanges, the one against quantum computers first.
func TestCurves(t *testing.T) {
	ca := certtest.New(t, "ca")
	k, _ := keep(t, files(t, ca.Server(t, "a.test"), t.TempDir(), "a"))
	for _, offer := range [][]tls.CurveID{nil, {tls.X25519MLKEM768}, {tls.X25519}, {tls.CurveP256}} {
		want := tls.X25519MLKEM768
		if offer != nil {
			want = offer[0]
		}
		o := greet(t, k.Listener(Listen{}), &tls.Config{ServerName: "a.test", RootCAs: ca.Pool(), CurvePreferences: offer})
		if o.failed() || o.server.CurveID != want {
			t.Errorf("%v: got %v, expected %v (%v)", offer, o.server.CurveID, want, o.clientErr)
		}
	}
}

// TestKeyLog checks that the key log is written when asked for, for its owner
// alone, even if the file was there before.
func TestKeyLog(t *testing.T) {
	ca := certtest.New(t, "ca")
	dir := t.TempDir()
	option := files(t, ca.Server(t, "a.test"), dir, "a")
	path := join(dir, "keys")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	k, l := keep(t, func(v *Values) { option(v); v.KeyLogFile = path })
	if o := greet(t, k.Listener(Listen{}), &tls.Config{ServerName: "a.test", RootCAs: ca.Pool()}); o.failed() {
		t.Fatal(o.clientErr)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "the key log", string(text), "SERVER_TRAFFIC_SECRET_0")
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	wants(t, "the log", l.String(), "WARN", "can read their traffic")
	quiet, _ := keep(t, option)
	if quiet.Listener(Listen{}).KeyLogWriter != nil {
		t.Error("secrets are written though nobody asked")
	}
}

// TestSamePolicy checks that all names share one policy today.
func TestSamePolicy(t *testing.T) {
	m := newMutual(t, strictest)
	if !m.SamePolicy("a.test", "b.test") || !m.SamePolicy("", "other") {
		t.Error("names differ")
	}
}

// TestElsewhere checks a listener whose certificates come from elsewhere.
func TestElsewhere(t *testing.T) {
	ca := certtest.New(t, "ca")
	l := &logs{}
	k, err := New(Config{Options: set(func(*Values) {}), Log: l.log(), Elsewhere: true})
	if err != nil || !k.Served() {
		t.Fatal(k.Served(), err)
	}
	wants(t, "the log", l.String(), "no certificate yet")
	server := k.Listener(Listen{ALPN: []string{"http/1.1"}})
	client := &tls.Config{ServerName: "a.test", RootCAs: ca.Pool()}
	if o := greet(t, server, client); !o.failed() {
		t.Error("a handshake without certificate")
	}
	k.Store().Set("acme", []*Certificate{certificate(t, ca.Server(t, "a.test"), "acme")})
	if o := greet(t, server, client); o.failed() {
		t.Error(o.clientErr, o.serverErr)
	}
	plain, _ := keep(t, func(*Values) {})
	if plain.Served() {
		t.Error("TLS without a certificate")
	}
}

// TestDualDefault checks the default of two kinds for one name.
func TestDualDefault(t *testing.T) {
	ca := certtest.New(t, "ca")
	dir := t.TempDir()
	rsa, ecdsa, other := files(t, ca.RSA(t, "a.test"), dir, "r"), files(t, ca.Server(t, "a.test"), dir, "e"), files(t, ca.Server(t, "b.test"), dir, "o")
	k, _ := keep(t, func(v *Values) { rsa(v); ecdsa(v); other(v) })
	server := k.Listener(Listen{})
	for name, suite := range map[string]uint16{"rsa": tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ecdsa": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256} {
		for _, sni := range []string{"a.test", "unknown.test"} {
			o := greet(t, server, &tls.Config{ServerName: sni, InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
			if o.failed() || o.name() != "a.test" {
				t.Errorf("%s, %s: %q, %v", name, sni, o.name(), o.clientErr)
			}
		}
	}
}
