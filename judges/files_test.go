package judges

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

// tlsFiles are what Fairlead is given: a certificate, its key, and the authority
// of its clients.
type tlsFiles struct{ cert, key, ca []byte }

// broken are files that are of no use.
type broken struct {
	name  string
	spoil func(t *testing.T, ca *certtest.CA, f *tlsFiles)
	file  string // which the error names
	says  string // how it goes on: what was found, what to do
	// starts: it is no error to begin with, only in place of something better.
	starts bool
}

var brokenFiles = []broken{
	{name: "half a certificate", file: "cert.pem", says: "without END.*write the whole",
		spoil: func(_ *testing.T, _ *certtest.CA, f *tlsFiles) { f.cert = f.cert[:len(f.cert)/2] }},
	{name: "half a key", file: "key.pem", says: "without END.*write the whole",
		spoil: func(_ *testing.T, _ *certtest.CA, f *tlsFiles) { f.key = f.key[:len(f.key)/2] }},
	{name: "the key of another certificate", file: "key.pem", says: "give the key that the certificate was made for",
		spoil: func(t *testing.T, ca *certtest.CA, f *tlsFiles) { f.key = ca.Server(t, "one.example").KeyPEM }},
	{name: "a key instead of a certificate", file: "cert.pem", says: "expected a CERTIFICATE",
		spoil: func(_ *testing.T, _ *certtest.CA, f *tlsFiles) { f.cert = f.key }},
	{name: "an empty certificate", file: "cert.pem", says: "empty.*expected PEM",
		spoil: func(_ *testing.T, _ *certtest.CA, f *tlsFiles) { f.cert = []byte{} }},
	{name: "no key", file: "key.pem", says: "no such file.*restore it",
		spoil: func(_ *testing.T, _ *certtest.CA, f *tlsFiles) { f.key = nil }},
	{name: "an expired certificate", file: "cert.pem", says: "valid from.*give one that is valid now", starts: true,
		spoil: func(t *testing.T, ca *certtest.CA, f *tlsFiles) {
			p := ca.Expired(t, "one.example")
			f.cert, f.key = p.CertPEM, p.KeyPEM
		}},
	{name: "an authority that is no PEM", file: "ca.pem", says: "no PEM block.*convert DER",
		spoil: func(_ *testing.T, ca *certtest.CA, f *tlsFiles) { f.ca = ca.TLS.Certificate[0] }},
	{name: "no authority", file: "ca.pem", says: "no such file.*restore it",
		spoil: func(_ *testing.T, _ *certtest.CA, f *tlsFiles) { f.ca = nil }},
	{name: "half an authority", file: "ca.pem", says: "without END.*write the whole",
		spoil: func(_ *testing.T, _ *certtest.CA, f *tlsFiles) { f.ca = f.ca[:len(f.ca)/2] }},
}

// keeper is a folder with the files.
type keeper struct {
	t      *testing.T
	dir    string
	ca     *certtest.CA
	client tls.Certificate
}

func newKeeper(t *testing.T) *keeper {
	// Lists of files have commas in them, names of tests, too.
	dir, err := os.MkdirTemp("", "files-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	k := &keeper{t: t, dir: dir, ca: certtest.New(t, "clients and servers")}
	k.client = k.ca.Client(t, "an honest client").TLS
	k.clock()
	return k
}

func (k *keeper) path(name string) string { return filepath.Join(k.dir, name) }

// good returns files that are, with a new certificate.
func (k *keeper) good() *tlsFiles {
	p := k.ca.Server(k.t, "one.example")
	return &tlsFiles{cert: p.CertPEM, key: p.KeyPEM, ca: k.ca.CertPEM}
}

// write puts the files in place, each in one step; nil: there is none.
func (k *keeper) write(f *tlsFiles) {
	k.t.Helper()
	for name, text := range map[string][]byte{"cert.pem": f.cert, "key.pem": f.key, "ca.pem": f.ca} {
		if text == nil {
			_ = os.Remove(k.path(name))
			continue
		}
		if old, err := os.ReadFile(k.path(name)); err == nil && bytes.Equal(old, text) {
			continue
		}
		certtest.WriteFile(k.t, k.path(name)+".new", text)
		if err := os.Rename(k.path(name)+".new", k.path(name)); err != nil {
			k.t.Fatal(err)
		}
	}
}

// command is Fairlead with the files.
func (k *keeper) command(ctx context.Context, file, address, support string) *exec.Cmd {
	return exec.CommandContext(ctx, file, "proxy", "-address", address, "-support-listener", support,
		"-inline-routes", `* -> inlineContent("hello") -> <shunt>`, "-wait-for-healthcheck-interval", "0",
		"-tls-cert", k.path("cert.pem")+","+k.path("clock.pem"), "-tls-key", k.path("key.pem")+","+k.path("clock.pem"), "-tls-poll-interval", "50ms",
		"-tls-client-auth", "RequireAndVerifyClientCert", "-tls-client-ca", k.path("ca.pem"))
}

// TestFilesAtStart: with broken files Fairlead does not start, and says which
// file it is, what it found and what to do, once and without the key.
func TestFilesAtStart(t *testing.T) {
	file := buildFairlead(t)
	for _, b := range brokenFiles {
		if b.starts {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			k := newKeeper(t)
			f := k.good()
			secret := bytes.Split(f.key, []byte("\n"))[1]
			b.spoil(t, k.ca, f)
			k.write(f)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := k.command(ctx, file, freeAddress(t), freeAddress(t)).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() <= 0 {
				t.Fatalf("ended with %v, expected a refusal:\n%s", err, out)
			}
			if !regexp.MustCompile(regexp.QuoteMeta(k.path(b.file)) + `.*` + b.says).Match(out) {
				t.Errorf("found nothing like %q with %q:\n%s", b.says, b.file, out)
			}
			if n := bytes.Count(out, []byte("\n")); n > 3 {
				t.Errorf("%d lines about one file:\n%s", n, out)
			}
			if bytes.Contains(out, secret) {
				t.Errorf("the key is in the log:\n%s", out)
			}
		})
	}
}

// TestFilesAtReload breaks the files of a running Fairlead, one way after the
// other: the last good ones serve on, for clients that were always let in and
// for nobody else, the log says so once, and what is good again is taken.
func TestFilesAtReload(t *testing.T) {
	k := newKeeper(t)
	last := k.good()
	k.write(last)
	address, support, log := freeAddress(t), freeAddress(t), &output{}
	cmd := k.command(context.Background(), buildFairlead(t), address, support)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("fairlead ended with %v", err)
		}
		if t.Failed() {
			t.Logf("fairlead says:\n%s", log.end())
		}
	})
	eventually(t, "the first certificate is served", func() bool { return k.serves(address, last) == nil })
	for _, b := range brokenFiles {
		t.Run(b.name, func(t *testing.T) {
			k.t = t
			before := len(log.String())
			bad := *last
			b.spoil(t, k.ca, &bad)
			k.write(&bad)
			re := regexp.MustCompile(`level=ERROR msg="TLS files are broken, the last good ones stay in force".*` + regexp.QuoteMeta(b.file) + `.*` + b.says)
			told := func() int { return len(re.FindAllString(log.String()[before:], -1)) }
			eventually(t, "the log says that the files are broken", func() bool { return told() > 0 })
			if err := k.serves(address, last); err != nil {
				t.Errorf("the last good files do not serve on: %v", err)
			}
			if k.asks(address, nil) == nil {
				t.Error("a client without a certificate is let in")
			}
			k.rounds(address)
			if told() != 1 {
				t.Errorf("the log says %d times what is broken, expected once", told())
			}
			last = k.good()
			k.write(last)
			eventually(t, "the new certificate is served", func() bool { return k.serves(address, last) == nil })
		})
	}
}

// rounds lets Fairlead look at its files a few times: a second certificate
// changes, and so does what is served. What is broken keeps no other from that.
func (k *keeper) rounds(address string) {
	k.t.Helper()
	for range 4 {
		clock := k.clock()
		eventually(k.t, "another certificate is taken", func() bool { return k.presents(address, "clock.example", clock) == nil })
	}
}

// clock writes another certificate, with its key in the same file, and returns it.
func (k *keeper) clock() []byte {
	k.t.Helper()
	p := k.ca.Server(k.t, "clock.example")
	certtest.WriteFile(k.t, k.path("clock.pem.new"), append(bytes.Clone(p.CertPEM), p.KeyPEM...))
	if err := os.Rename(k.path("clock.pem.new"), k.path("clock.pem")); err != nil {
		k.t.Fatal(err)
	}
	return p.CertPEM
}

// serves reports whether the certificate of f is served.
func (k *keeper) serves(address string, f *tlsFiles) error {
	return k.presents(address, "one.example", f.cert)
}

func (k *keeper) presents(address, name string, certPEM []byte) error {
	want, _ := pem.Decode(certPEM)
	return k.asks(address, func(tc *tls.Config) {
		tc.ServerName = name
		tc.Certificates = []tls.Certificate{k.client}
		tc.VerifyConnection = func(state tls.ConnectionState) error {
			if !bytes.Equal(state.PeerCertificates[0].Raw, want.Bytes) {
				return fmt.Errorf("another certificate is served, number %v", state.PeerCertificates[0].SerialNumber)
			}
			return nil
		}
	})
}

// asks makes a connection and a request.
func (k *keeper) asks(address string, change func(*tls.Config)) error {
	config := &tls.Config{RootCAs: k.ca.Pool(), ServerName: "one.example"}
	if change != nil {
		change(config)
	}
	nc, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address, config)
	if err != nil {
		return err
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: one.example\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
