package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
)

// trickle writes the first bytes in two pieces.
type trickle struct {
	net.Conn
	cut  int // of the first write; after it all goes as it is
	done bool
}

func (c *trickle) Write(p []byte) (int, error) {
	first := !c.done
	c.done = true
	if !first || c.cut >= len(p) {
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:c.cut])
	if err != nil {
		return n, err
	}
	m, err := c.Conn.Write(p[c.cut:])
	return n + m, err
}

// rerecord sends the first TLS record as two, cut inside of the ClientHello.
type rerecord struct {
	net.Conn
	cut  int
	done bool
}

func (c *rerecord) Write(p []byte) (int, error) {
	const head = 5
	first := !c.done
	c.done = true
	if !first || head+c.cut >= len(p) {
		return c.Conn.Write(p)
	}
	body := p[head:]
	var out []byte
	for _, part := range [][]byte{body[:c.cut], body[c.cut:]} {
		out = append(out, p[0], p[1], p[2], byte(len(part)>>8), byte(len(part)))
		out = append(out, part...)
	}
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// TestSplitClientHello checks that a ClientHello that comes in two segments, or
// in two records, gets the same certificate and the same rules for client
// certificates, wherever it is cut (Traefik CVE-2026-32305).
func TestSplitClientHello(t *testing.T) {
	m := newMutual(t, strictest)
	m.Store().Set("more", []*Certificate{certificate(t, m.server.Issue(t, certtest.Leaf{CommonName: "special", Names: []string{"special.test"}}), "x")})
	server := m.Listener(Listen{ALPN: []string{"h2", "http/1.1"}})
	ways := map[string]func(net.Conn, int) net.Conn{
		"segments": func(c net.Conn, k int) net.Conn { return &trickle{Conn: c, cut: k} },
		"records":  func(c net.Conn, k int) net.Conn { return &rerecord{Conn: c, cut: k} },
	}
	pair := m.ca.Client(t, "x")
	size := helloSize(t, m.client("special.test", pair))
	for what, wrap := range ways {
		step := 1
		if testing.Short() {
			step = 17
		}
		for cut := 1; cut < size; cut += step {
			a, b := connect(t)
			client := m.client("special.test", pair)
			client.CurvePreferences = []tls.CurveID{tls.X25519} // smaller and quicker
			if o := greetOver(t, a, wrap(b, cut), server, client); o.failed() || o.name() != "special" || o.client.NegotiatedProtocol != "h2" {
				t.Fatalf("%s, cut at %d: %q, %v, %v", what, cut, o.name(), o.clientErr, o.serverErr)
			}
			if cut%8 != 1 {
				continue
			}
			a, b = connect(t)
			client.Certificates = nil
			if o := greetOver(t, a, wrap(b, cut), server, client); !o.failed() {
				t.Fatalf("%s, cut at %d: a client without a certificate came in", what, cut)
			}
		}
	}
}

// helloSize returns how long the ClientHello of a client is.
func helloSize(t *testing.T, client *tls.Config) int {
	t.Helper()
	client.CurvePreferences = []tls.CurveID{tls.X25519}
	a, b := connect(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tls.Client(b, client).Handshake()
	}()
	buf := make([]byte, 16<<10)
	n, err := a.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	<-done
	b.Close()
	return n
}

// TestResumption checks that sessions are resumed, and where they never are: at
// another listener, for another name, after a change of the authorities
// (CVE-2025-23419).
func TestResumption(t *testing.T) {
	for _, v := range versions {
		m := newMutual(t, strictest)
		open, _ := keep(t, files(t, m.server.Server(t, "a.test"), t.TempDir(), "a"))
		one, two, lax := m.Listener(Listen{}), m.Listener(Listen{}), open.Listener(Listen{})
		pair := m.ca.Client(t, "x")
		cache := &oneSession{}
		client := func(name string) *tls.Config {
			c := m.client(name, pair)
			c.MaxVersion, c.ClientSessionCache = v, cache
			return c
		}
		resumed := func(what string, server *tls.Config, name string, want bool) {
			t.Helper()
			o := greet(t, server, client(name))
			if o.failed() {
				t.Fatalf("%s, %s: %v %v", what, tls.VersionName(v), o.clientErr, o.serverErr)
			}
			if o.server.DidResume != want {
				t.Errorf("%s, %s: resumed %v, expected %v", what, tls.VersionName(v), o.server.DidResume, want)
			}
		}
		resumed("first", one, "a.test", false)
		resumed("again", one, "a.test", true)
		resumed("another listener", two, "a.test", false)
		resumed("back", one, "a.test", false)
		resumed("another name", one, "b.test", false)
		resumed("the other name again", one, "B.TEST", true)
		resumed("a listener without client certificates", lax, "a.test", false)
		resumed("from there", one, "a.test", false)
		resumed("and again", one, "a.test", true)

		// Nothing changes, so nothing is forgotten.
		certtest.WriteFile(t, join(m.dir, "ca.crt"), m.ca.CertPEM)
		m.look(true)
		resumed("the authorities were written again", one, "a.test", true)

		// Another authority beside the old one: a new session, still welcome.
		other := certtest.New(t, "other")
		certtest.WriteFile(t, join(m.dir, "ca.crt"), append(append([]byte{}, m.ca.CertPEM...), other.CertPEM...))
		m.look(false)
		resumed("an authority more", one, "a.test", false)

		// The old authority is gone: so is who came with it.
		certtest.WriteFile(t, join(m.dir, "ca.crt"), other.CertPEM)
		m.look(false)
		if o := greet(t, one, client("a.test")); !o.failed() {
			t.Errorf("%s: a client of an authority that is gone comes in (resumed %v)", tls.VersionName(v), o.server.DidResume)
		}
	}
}

// oneSession keeps the last session, whatever it was for: a hostile client.
type oneSession struct{ state *tls.ClientSessionState }

func (c *oneSession) Get(string) (*tls.ClientSessionState, bool) { return c.state, c.state != nil }

func (c *oneSession) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		c.state = s
	}
}

// TestVerifyAgain checks the second line: a session that was resumed in spite
// of all, or verified while the authorities changed, counts by the authorities
// of now.
func TestVerifyAgain(t *testing.T) {
	m := newMutual(t, strictest)
	s := &listener{keeper: m.Keeper}
	began := m.policy.Load()
	good := tls.ConnectionState{DidResume: true, PeerCertificates: []*x509.Certificate{m.ca.Client(t, "x").TLS.Leaf}}
	if err := s.verify(began, good); err != nil {
		t.Error(err)
	}
	if err := s.verify(began, tls.ConnectionState{DidResume: true}); err == nil {
		t.Error("a session without a certificate is resumed")
	}
	stale := tls.ConnectionState{DidResume: true, PeerCertificates: []*x509.Certificate{m.ca.Expired(t, "x").TLS.Leaf}}
	if err := s.verify(began, stale); err == nil {
		t.Error("a session with an expired certificate is resumed")
	}
	certtest.WriteFile(t, join(m.dir, "ca.crt"), certtest.New(t, "other").CertPEM)
	m.look(false)
	good.DidResume = false
	if err := s.verify(began, good); err == nil {
		t.Error("a certificate of an authority that went away during the handshake counts")
	}
}

// TestStrictNameOfResumedSession checks that a ticket is no way around
// -tls-strict-sni: TLS 1.3 asks for no certificate then.
func TestStrictNameOfResumedSession(t *testing.T) {
	ca := certtest.New(t, "ca")
	option := files(t, ca.Server(t, "a.test"), t.TempDir(), "a")
	k, _ := keep(t, func(v *Values) { option(v); v.StrictSNI = true })
	cache := &oneSession{}
	server := k.Listener(Listen{})
	for name, want := range map[string]bool{"a.test": true, "other.test": false, "": false} {
		if want {
			for range 2 {
				if o := greet(t, server, &tls.Config{ServerName: name, RootCAs: ca.Pool(), ClientSessionCache: cache}); o.failed() {
					t.Fatal(o.clientErr, o.serverErr)
				}
			}
			continue
		}
		o := greet(t, server, &tls.Config{ServerName: name, InsecureSkipVerify: true, ClientSessionCache: cache})
		if o.clientErr == nil || o.clientErr.Error() != "remote error: tls: unrecognized name" {
			t.Errorf("name %q: %v, expected the alert unrecognized name", name, o.clientErr)
		}
	}
}

// rawName is a ClientHello with a server name that no client library sends.
func rawName(name []byte, proto string) []byte {
	u16 := func(p []byte) []byte { return append([]byte{byte(len(p) >> 8), byte(len(p))}, p...) }
	ext := func(id byte, p []byte) []byte { return append([]byte{0, id}, u16(p)...) }
	var exts []byte
	exts = append(exts, ext(0, u16(append([]byte{0}, u16(name)...)))...)
	exts = append(exts, ext(10, u16([]byte{0, 29}))...)                              // x25519
	exts = append(exts, ext(11, []byte{1, 0})...)                                    // uncompressed
	exts = append(exts, ext(13, u16([]byte{4, 3, 8, 4}))...)                         // ECDSA, PSS
	exts = append(exts, ext(16, u16(append([]byte{byte(len(proto))}, proto...)))...) // ALPN
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0)
	body = append(body, u16([]byte{0xc0, 0x2b, 0xc0, 0x2f})...)
	body = append(body, 1, 0)
	body = append(body, u16(exts)...)
	msg := append([]byte{1, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
	var out []byte
	for len(msg) > 0 {
		n := min(len(msg), 16<<10)
		out = append(out, 22, 3, 1, byte(n>>8), byte(n))
		out, msg = append(out, msg[:n]...), msg[n:]
	}
	return out
}

// TestHostileServerNames sends names that are none over the wire: the handshake
// fails or the default serves, and nothing panics.
func TestHostileServerNames(t *testing.T) {
	m := newMutual(t, strictest)
	for _, name := range []string{
		"a.test\x00.evil", "A.TEST", "a.test.", "127.0.0.1", "::1", "*.a.test", ".", "..", "", "\xff\xfe",
		"a..test", strings.Repeat("a", 60<<10), strings.Repeat("a.", 30<<10) + "test", strings.Repeat("\x00", 1000),
	} {
		a, b := connect(t)
		done := make(chan error, 1)
		go func() {
			defer a.Close()
			done <- tls.Server(a, m.Listener(Listen{ALPN: []string{"h2"}})).Handshake()
		}()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = b.Write(rawName([]byte(name), "h2"))
		}()
		head := make([]byte, 5)
		n, _ := b.Read(head)
		b.Close()
		<-sent
		if err := <-done; err == nil {
			t.Errorf("name %.20q: the handshake ended well without a client certificate", name)
		}
		if n == 0 {
			t.Errorf("name %.20q: no answer, not even an alert", name)
		}
	}
	if n := len(m.log.String()); n > 2000 {
		t.Errorf("%d bytes of log", n)
	}
}

// TestChallenge checks that acme-tls/1 goes to the challenge, and only there.
func TestChallenge(t *testing.T) {
	m := newMutual(t, strictest)
	proof := m.server.Issue(t, certtest.Leaf{CommonName: "proof", Names: []string{"a.test"}})
	challenge := func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if h.ServerName != "a.test" {
			return nil, fmt.Errorf("no challenge for %q", h.ServerName)
		}
		return &proof.TLS, nil
	}
	with := m.Listener(Listen{ALPN: []string{"h2", "http/1.1"}, Challenge: challenge})
	without := m.Listener(Listen{ALPN: []string{"h2", "http/1.1"}})
	for _, v := range versions {
		try := func(server *tls.Config, name string, protos ...string) outcome {
			return greet(t, server, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: protos, MaxVersion: v})
		}
		if o := try(with, "a.test", "acme-tls/1"); o.failed() || o.name() != "proof" || !IsChallenge(o.server) {
			t.Errorf("%s: %q, %v, %v", tls.VersionName(v), o.name(), o.clientErr, o.serverErr)
		}
		for what, o := range map[string]outcome{
			"another name":                try(with, "b.test", "acme-tls/1"),
			"no challenge":                try(without, "a.test", "acme-tls/1"),
			"beside http":                 try(with, "a.test", "acme-tls/1", "h2"),
			"http, no client certificate": try(with, "a.test", "h2"),
		} {
			if !o.failed() || IsChallenge(o.server) {
				t.Errorf("%s, %s: came in", what, tls.VersionName(v))
			}
		}
	}
}

// TestReloadUnderHandshakes changes everything while clients come: none is
// refused who should come in, none comes in who should not.
func TestReloadUnderHandshakes(t *testing.T) {
	m := newMutual(t, strictest)
	server := m.Listener(Listen{ALPN: []string{"h2"}})
	pair, foreign := m.ca.Client(t, "x"), certtest.New(t, "clients").Client(t, "x")
	second := certtest.New(t, "second")
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			cache := tls.NewLRUClientSessionCache(1)
			for range 30 {
				good, bad := m.client("a.test", pair), m.client("a.test")
				good.ClientSessionCache = cache
				if o := greet(t, server, good); o.failed() || o.name() != "a.test" {
					t.Errorf("a good client was refused: %v %v", o.clientErr, o.serverErr)
				}
				if i == 0 {
					p := foreign.TLS
					bad.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &p, nil }
				}
				if o := greet(t, server, bad); !o.failed() {
					t.Error("a bad client came in")
				}
			}
		})
	}
	for i := range 60 {
		switch i % 4 {
		case 0:
			m.server.Server(t, "a.test", "b.test").Write(t, m.dir, "a")
		case 1:
			certtest.WriteFile(t, join(m.dir, "ca.crt"), append(append([]byte{}, m.ca.CertPEM...), second.CertPEM...))
		case 2:
			certtest.WriteFile(t, join(m.dir, "ca.crt"), m.ca.CertPEM)
		case 3:
			certtest.WriteFile(t, join(m.dir, "a.crt"), []byte("-----BEGIN CERT"))
		}
		m.look(i%2 == 0)
		m.Store().Set("other", nil)
	}
	wg.Wait()
}
