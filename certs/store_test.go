package certs

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

func certificate(t *testing.T, p certtest.Pair, from string) *Certificate {
	t.Helper()
	c, err := NewCertificate(p.TLS, from)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hello is a ClientHello of a client of today.
func hello(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256},
	}
}

func got(t *testing.T, s *Store, h *tls.ClientHelloInfo) string {
	t.Helper()
	c, err := s.Get(h)
	if err != nil {
		t.Fatal(err)
	}
	if c == nil {
		return ""
	}
	return c.Leaf.Subject.CommonName
}

// TestNames checks which certificate serves which server name.
func TestNames(t *testing.T) {
	ca := certtest.New(t, "ca")
	for _, strict := range []bool{false, true} {
		s := NewStore(strict, nil)
		issue := func(cn string, names ...string) *Certificate {
			return certificate(t, ca.Issue(t, certtest.Leaf{CommonName: cn, Names: names}), cn)
		}
		fallback := issue("default", "default.test")
		s.Set("a", []*Certificate{issue("exact", "a.test", "Upper.Test"), issue("wild", "*.a.test"), fallback})
		s.Set("b", []*Certificate{
			issue("sub", "x.a.test"), issue("unnamed"), issue("address", "127.0.0.1"),
			issue("absurd", "*", "*.*.b.test", "f*.b.test", "good.test\x00.evil.test", "10.1.1.1.", "*.1.1.2"),
		})
		s.SetDefault([]*Certificate{fallback})
		cases := []struct{ name, want string }{
			{"a.test", "exact"},
			{"A.tEST", "exact"},
			{"a.test.", "exact"},
			{"upper.test", "exact"},
			{"UPPER.TEST", "exact"},
			{"y.a.test", "wild"},
			{"Y.A.Test", "wild"},
			{"x.a.test", "sub"},
			{"_acme.a.test", "wild"},
			{"y.x.a.test", ""}, // two labels
			{".a.test", ""},    // no label
			{"*.b.test", ""},   // a wildcard in the request
			{"foo.b.test", ""}, // half a label
			{"unnamed", ""},    // the common name does not count
			{"127.0.0.1", ""},  // an address is no server name
			{"10.1.1.1", ""},
			{"9.1.1.2", ""},
			{"good.test", ""}, // a certificate with an embedded NUL
			{"a.test\x00.evil", ""},
			{"x\x00.a.test", ""},
			{"y y.a.test", ""},
			{"ÿ.a.test", ""},
			{"b.test", ""},
			{"", ""},
			{".", ""},
			{strings.Repeat("a", 64) + ".a.test", ""},
			{strings.Repeat("junk.", 13<<10), ""},
			{strings.Repeat("\x00", 64<<10), ""},
		}
		for _, c := range cases {
			want := c.want
			if want == "" && !strict {
				want = "default"
			}
			if found := got(t, s, hello(c.name)); found != want {
				t.Errorf("strict %v: name %.40q gets %q, expected %q", strict, c.name, found, want)
			}
		}
	}
}

// TestSetReplaces checks that an origin replaces what is its own and no more.
func TestSetReplaces(t *testing.T) {
	ca := certtest.New(t, "ca")
	s := NewStore(false, nil)
	a, b := certificate(t, ca.Server(t, "a.test"), "a"), certificate(t, ca.Server(t, "b.test"), "b")
	s.Set("1", []*Certificate{a})
	s.Set("2", []*Certificate{b})
	s.Set("1", nil)
	if n := got(t, s, hello("a.test")); n != "" {
		t.Errorf("a certificate that is gone still serves: %q", n)
	}
	if n := got(t, s, hello("b.test")); n != "b.test" {
		t.Errorf("b.test gets %q", n)
	}
	all := s.Status()
	if len(all) != 1 || all[0].Origin != "2" || all[0].From != "b" || all[0].Names[0] != "b.test" || all[0].NotAfter.IsZero() {
		t.Errorf("status is %+v", all)
	}
}

// TestChoice checks which of several certificates for a name serves.
func TestChoice(t *testing.T) {
	ca := certtest.New(t, "ca")
	now := time.Now()
	issue := func(cn string, l certtest.Leaf) *Certificate {
		if l.CommonName = cn; l.Names == nil {
			l.Names = []string{"a.test"}
		}
		return certificate(t, ca.Issue(t, l), cn)
	}
	ecdsa := issue("ecdsa", certtest.Leaf{NotBefore: now.Add(-3 * time.Hour)})
	newer := issue("newer", certtest.Leaf{NotBefore: now.Add(-2 * time.Hour)})
	rsa := issue("rsa", certtest.Leaf{RSA: true})
	expired := issue("expired", certtest.Leaf{NotBefore: now.Add(-time.Hour), NotAfter: now.Add(-time.Minute)})
	expiredRSA := issue("expired rsa", certtest.Leaf{RSA: true, NotAfter: now.Add(-time.Minute)})
	early := issue("early", certtest.Leaf{NotBefore: now.Add(time.Hour)})
	wild := issue("wild", certtest.Leaf{Names: []string{"*.test"}})
	modern, old := hello("a.test"), hello("a.test")
	old.SignatureSchemes = []tls.SignatureScheme{tls.PSSWithSHA256}
	cases := []struct {
		what string
		have []*Certificate
		hi   *tls.ClientHelloInfo
		want string
	}{
		{"ECDSA first", []*Certificate{rsa, ecdsa}, modern, "ecdsa"},
		{"RSA for who has no ECDSA", []*Certificate{ecdsa, rsa}, old, "rsa"},
		{"the newest", []*Certificate{ecdsa, newer}, modern, "newer"},
		{"not the expired", []*Certificate{expired, ecdsa}, modern, "ecdsa"},
		{"not the early", []*Certificate{early, ecdsa}, modern, "ecdsa"},
		{"valid RSA before expired ECDSA", []*Certificate{expired, rsa}, modern, "rsa"},
		{"an expired one rather than none", []*Certificate{expired}, modern, "expired"},
		{"of expired ones the better", []*Certificate{expired, expiredRSA}, modern, "expired"},
		{"one that can be used, even expired", []*Certificate{expired, rsa}, old, "rsa"},
		{"a valid wildcard before an expired name", []*Certificate{expired, wild}, modern, "wild"},
		{"the name before the wildcard", []*Certificate{wild, ecdsa}, modern, "ecdsa"},
		{"nothing fits: the first", []*Certificate{ecdsa, newer}, old, "newer"},
	}
	for _, c := range cases {
		s := NewStore(false, nil)
		s.Set("x", c.have)
		if found := got(t, s, c.hi); found != c.want {
			t.Errorf("%s: got %q, expected %q", c.what, found, c.want)
		}
		// The same among defaults, whatever the client asks for.
		if len(c.have[0].wild)+len(c.have[len(c.have)-1].wild) > 0 {
			continue
		}
		d := NewStore(false, nil)
		d.SetDefault(c.have)
		other := *c.hi
		other.ServerName = "other.test"
		if found := got(t, d, &other); found != c.want {
			t.Errorf("%s, as default: got %q, expected %q", c.what, found, c.want)
		}
	}
}

// TestUnknownNamesAreCounted checks that clients cannot flood the log.
func TestUnknownNamesAreCounted(t *testing.T) {
	l := &logs{}
	s := NewStore(true, l.log())
	for range 1000 {
		got(t, s, hello(strings.Repeat("x", 60<<10)))
	}
	if s.Unknown() != 1000 {
		t.Errorf("counted %d, expected 1000", s.Unknown())
	}
	if n := strings.Count(l.String(), "\n"); n > 3 || len(l.String()) > 1500 {
		t.Errorf("%d lines with %d bytes in the log", n, len(l.String()))
	}
}

// TestLookupTakesNoMemory checks the usual lookups.
func TestLookupTakesNoMemory(t *testing.T) {
	ca := certtest.New(t, "ca")
	s := NewStore(false, nil)
	s.Set("x", []*Certificate{certificate(t, ca.Server(t, "a.test"), "1"), certificate(t, ca.Server(t, "*.a.test"), "2")})
	for _, name := range []string{"a.test", "b.a.test"} {
		h := hello(name)
		if n := testing.AllocsPerRun(100, func() {
			if c, err := s.Get(h); c == nil || err != nil {
				t.Fatal("no certificate")
			}
		}); n > 0 {
			t.Errorf("%s: a lookup takes memory %v times", name, n)
		}
	}
}

// TestNewCertificateRefuses checks pairs that are none.
func TestNewCertificateRefuses(t *testing.T) {
	ca := certtest.New(t, "ca")
	a, b := ca.Server(t, "a.test"), ca.Server(t, "b.test")
	mixed := tls.Certificate{Certificate: a.TLS.Certificate, PrivateKey: b.TLS.PrivateKey}
	if _, err := NewCertificate(mixed, "x"); !errors.Is(err, errOtherKey) {
		t.Errorf("another key: %v", err)
	}
	for what, p := range map[string]tls.Certificate{
		"nothing": {}, "garbage": {Certificate: [][]byte{{1, 2}}, PrivateKey: a.TLS.PrivateKey},
		"no key": {Certificate: a.TLS.Certificate},
	} {
		if _, err := NewCertificate(p, "x"); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
