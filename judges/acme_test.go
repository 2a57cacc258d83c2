package judges

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev/fairlead/acme"
)

// edge is a plain and a TLS listener that do for one or more managers what
// Fairlead's listeners do.
type edge struct {
	http, tls net.Listener
	managers  atomic.Pointer[[]*acme.Manager]
	certs     atomic.Pointer[[]*tls.Certificate]
	plainOff  atomic.Bool // http-01 finds nothing
}

func newEdge(t *testing.T) *edge {
	t.Helper()
	e := &edge{}
	var err error
	if e.http, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if e.tls, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetConfigForClient: e.choose}); err != nil {
		t.Fatal(err)
	}
	plain := &http.Server{Handler: http.HandlerFunc(e.answer)}
	var done sync.WaitGroup
	done.Go(func() { _ = plain.Serve(e.http) })
	done.Go(func() {
		for {
			conn, err := e.tls.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				_ = conn.(*tls.Conn).Handshake()
				conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		plain.Close()
		e.tls.Close()
		done.Wait()
	})
	return e
}

func (e *edge) all() []*acme.Manager {
	if p := e.managers.Load(); p != nil {
		return *p
	}
	return nil
}

func (e *edge) answer(w http.ResponseWriter, r *http.Request) {
	for _, m := range e.all() {
		if body, ok := m.HTTP01(r.Host, r.URL.Path); ok && !e.plainOff.Load() {
			_, _ = w.Write([]byte(body))
			return
		}
	}
	http.NotFound(w, r)
}

func (e *edge) choose(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if slices.Equal(hello.SupportedProtos, []string{"acme-tls/1"}) {
		err := fmt.Errorf("no manager")
		for _, m := range e.all() {
			var cert *tls.Certificate
			if cert, err = m.TLSALPN(hello); err == nil {
				return &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{"acme-tls/1"}}, nil
			}
		}
		return nil, err
	}
	if certs := e.certs.Load(); certs != nil {
		for _, c := range *certs {
			if c.Leaf.VerifyHostname(hello.ServerName) == nil {
				return &tls.Config{Certificates: []tls.Certificate{*c}}, nil
			}
		}
	}
	return nil, fmt.Errorf("no certificate for %q", hello.ServerName)
}

// served returns the certificate that a client gets for a host, verified.
func (e *edge) served(host string, roots *x509.CertPool) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", e.tls.Addr().String(), &tls.Config{ServerName: host, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func port(ln net.Listener) int { return ln.Addr().(*net.TCPAddr).Port }

// trial is one manager that runs at an edge with a CA.
type trial struct {
	*acme.Manager
	log *output
	end func()
}

// options are those of a manager that uses p.
func options(p *pebble, dir string, hosts ...string) acme.Values {
	return acme.Values{
		Hosts: hosts, AgreeTerms: true, Email: "admin@example.org", Directory: p.directory(), CAFile: p.caFile,
		Storage: dir, KeyType: "ecdsa", Challenges: []string{"http-01", "tls-alpn-01"},
	}
}

// run starts a manager, as a process would.
func run(t *testing.T, e *edge, v acme.Values) *trial {
	t.Helper()
	log := &output{}
	m, err := acme.New(v, acme.Config{
		Log:      slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnChange: func(certs []*tls.Certificate) { e.certs.Store(&certs) },
		Retry:    func(int, bool) time.Duration { return 200 * time.Millisecond },
	})
	if err != nil {
		t.Fatal(err)
	}
	managers := append(slices.Clone(e.all()), m)
	e.managers.Store(&managers)
	if err := m.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	r := &trial{Manager: m, log: log}
	r.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() {
		r.end()
		if t.Failed() {
			t.Logf("log:\n%s", log.end())
		}
		noSecrets(t, v, log.String())
	})
	return r
}

// noSecrets checks that a log shows no key.
func noSecrets(t *testing.T, v acme.Values, log string) {
	t.Helper()
	if strings.Contains(log, "PRIVATE KEY") || v.EABHMAC != "" && strings.Contains(log, v.EABHMAC) {
		t.Errorf("the log shows a secret:\n%s", log)
	}
}

// obtained waits until the manager has n certificates of its first host.
func (r *trial) obtained(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d certificates obtained", n), func() bool { return r.Status()[0].Obtained >= n })
}

// TestACMEChallenges gets a certificate by each challenge, from a CA that
// refuses every fifth nonce.
func TestACMEChallenges(t *testing.T) {
	for _, kind := range []string{"http-01", "tls-alpn-01"} {
		for _, key := range []string{"ecdsa", "rsa"} {
			t.Run(kind+"/"+key, func(t *testing.T) {
				e := newEdge(t)
				p := newPebble(t, pebbleConfig{httpPort: port(e.http), tlsPort: port(e.tls), env: []string{"PEBBLE_WFE_NONCEREJECT=20"}})
				p.start()
				v := options(p, t.TempDir(), "One.Example.", "two.example")
				v.Challenges, v.KeyType = []string{kind}, key
				r := run(t, e, v)
				for i, host := range []string{"one.example", "two.example"} {
					eventually(t, host+" has a certificate", func() bool { return r.Status()[i].Obtained == 1 })
					cert, err := e.served(host, p.root())
					if err != nil {
						t.Fatal(err)
					}
					_, isRSA := cert.PublicKey.(*rsa.PublicKey)
					_, isECDSA := cert.PublicKey.(*ecdsa.PublicKey)
					if isRSA != (key == "rsa") || isECDSA != (key == "ecdsa") {
						t.Errorf("%s has a %T", host, cert.PublicKey)
					}
					if !strings.Contains(r.log.String(), `from="ca, `+kind) {
						t.Errorf("the log does not say %s", kind)
					}
				}
				if body, ok := r.HTTP01("one.example", "/.well-known/acme-challenge/x"); ok {
					t.Errorf("answers %q when no challenge is in progress", body)
				}
			})
		}
	}
}

// TestACMEFallback gets a certificate by the second challenge in the first try,
// because the first finds nothing.
func TestACMEFallback(t *testing.T) {
	e := newEdge(t)
	e.plainOff.Store(true)
	p := newPebble(t, pebbleConfig{httpPort: port(e.http), tlsPort: port(e.tls)})
	p.start()
	r := run(t, e, options(p, t.TempDir(), "one.example"))
	r.obtained(t, 1)
	if log := r.log.String(); strings.Contains(log, "not obtained") || !strings.Contains(log, "tls-alpn-01") {
		t.Errorf("expected tls-alpn-01 in the first try")
	}
}

// TestACMEBroken checks that hosts that cannot have a certificate hold up no
// other, and that the log says what to do.
func TestACMEBroken(t *testing.T) {
	e := newEdge(t)
	p := newPebble(t, pebbleConfig{httpPort: port(e.http), tlsPort: port(e.tls)})
	p.start()
	r := run(t, e, options(p, t.TempDir(), "blocked.example", "one.example"))
	eventually(t, "one.example has a certificate, blocked.example failures", func() bool {
		s := r.Status()
		return s[1].Obtained == 1 && s[0].Failures >= 2
	})
	for _, want := range []string{"take the host out of acme-hosts", "rejectedIdentifier", "host=blocked.example", p.directory()} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
}

// TestACMEAccountBinding registers with an external account binding.
func TestACMEAccountBinding(t *testing.T) {
	const mac = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	e := newEdge(t)
	p := newPebble(t, pebbleConfig{httpPort: port(e.http), tlsPort: port(e.tls), eabKeys: map[string]string{"kid-1": mac}})
	p.start()
	without := run(t, e, options(p, t.TempDir(), "one.example"))
	eventually(t, "the CA refuses", func() bool { return without.Status()[0].Failures > 0 })
	without.end()
	if !strings.Contains(without.log.String(), "acme-eab-key-id") {
		t.Error("the log does not say what to do")
	}
	v := options(p, t.TempDir(), "one.example")
	v.EABKeyID, v.EABHMAC = "kid-1", mac
	run(t, e, v).obtained(t, 1)
}

// TestACMERenewal renews certificates that live 30 seconds, while clients shake
// hands without end. It then takes the CA away, which comes back without memory.
func TestACMERenewal(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute; make judges runs it")
	}
	e := newEdge(t)
	p := newPebble(t, pebbleConfig{httpPort: port(e.http), tlsPort: port(e.tls), seconds: 30})
	p.start()
	r := run(t, e, options(p, t.TempDir(), "one.example"))
	r.obtained(t, 1)
	first, err := e.served("one.example", p.root())
	if err != nil {
		t.Fatal(err)
	}
	roots := p.root()
	handshakes := 0
	eventually(t, "a second certificate", func() bool {
		if _, err := e.served("one.example", roots); err != nil {
			t.Errorf("handshake %d: %v", handshakes, err)
			return true
		}
		handshakes++
		return r.Status()[0].Obtained > 1
	})
	second, err := e.served("one.example", roots)
	if err != nil || second.SerialNumber.Cmp(first.SerialNumber) == 0 || !time.Now().Before(first.NotAfter) {
		t.Fatalf("after %d handshakes: %v, renewed at %v, the first ends %v", handshakes, err, time.Now(), first.NotAfter)
	}

	p.stop()
	eventually(t, "a failure", func() bool { return r.Status()[0].Failures > 0 })
	if cert, err := e.served("one.example", roots); err != nil || cert.SerialNumber.Cmp(second.SerialNumber) != 0 {
		t.Errorf("the last certificate does not serve while the CA is away: %v", err)
	}
	n := r.Status()[0].Obtained
	p.start()
	r.obtained(t, n+1)
	if _, err := e.served("one.example", p.root()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(r.log.String(), "does not know our account") {
		t.Error("the CA came back without memory, expected a new account")
	}
}

// TestACMERestart starts with a certificate in storage while the CA is down,
// then with a CA that wants it renewed, then with a file that is broken.
func TestACMERestart(t *testing.T) {
	e, dir := newEdge(t), t.TempDir()
	p := newPebble(t, pebbleConfig{httpPort: port(e.http), tlsPort: port(e.tls)})
	first := run(t, e, options(p, dir, "one.example"))
	eventually(t, "a failure: the CA is down", func() bool { return first.Status()[0].Failures > 0 })
	p.start()
	first.obtained(t, 1)
	roots := p.root()
	was, err := e.served("one.example", roots)
	if err != nil {
		t.Fatal(err)
	}
	first.end()

	p.suggest(was, `{"suggestedWindow":{"start":"2020-01-01T00:00:00Z","end":"2020-01-02T00:00:00Z"}}`)
	e.certs.Store(nil)
	second := run(t, e, options(p, dir, "one.example"))
	if cert, err := e.served("one.example", roots); err != nil || cert == nil {
		t.Errorf("right after the start: %v", err)
	}
	second.obtained(t, 1)
	if now, err := e.served("one.example", roots); err != nil || now.SerialNumber.Cmp(was.SerialNumber) == 0 {
		t.Errorf("the CA wanted a renewal: %v", err)
	}
	second.end()

	p.stop()
	e.certs.Store(nil)
	third := run(t, e, options(p, dir, "one.example"))
	if _, err := e.served("one.example", roots); err != nil {
		t.Errorf("the CA is down, the certificate in storage: %v", err)
	}
	third.end()
	if s := third.Status()[0]; s.Obtained != 0 || s.NotAfter.IsZero() {
		t.Errorf("status %+v", s)
	}

	files, err := filepath.Glob(filepath.Join(dir, "*", "certificates", "one.example.pem"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q: %v", files, err)
	}
	if err := os.Truncate(files[0], 300); err != nil {
		t.Fatal(err)
	}
	p.start()
	e.certs.Store(nil)
	fourth := run(t, e, options(p, dir, "one.example"))
	fourth.obtained(t, 1)
	if _, err := os.Stat(files[0] + ".bad"); err != nil {
		t.Errorf("the broken file is not kept: %v", err)
	}
}

// TestACMEShared runs two managers with one storage: one orders, the other takes
// what is stored.
func TestACMEShared(t *testing.T) {
	e, dir := newEdge(t), t.TempDir()
	p := newPebble(t, pebbleConfig{httpPort: port(e.http), tlsPort: port(e.tls)})
	p.start()
	a, b := run(t, e, options(p, dir, "one.example")), run(t, e, options(p, dir, "one.example"))
	eventually(t, "both have a certificate", func() bool {
		return !a.Status()[0].NotAfter.IsZero() && !b.Status()[0].NotAfter.IsZero()
	})
	if n := a.Status()[0].Obtained + b.Status()[0].Obtained; n != 1 {
		t.Errorf("%d certificates obtained, expected one for both", n)
	}
}
