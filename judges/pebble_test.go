package judges

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
)

// pebble is the test CA of Let's Encrypt as a program, which can be stopped and
// started again at the same addresses. It forgets everything then.
type pebble struct {
	t       *testing.T
	file    string // the program
	config  string
	dns     string
	web     *certtest.CA // issues the certificate of its HTTPS
	caFile  string
	address string
	manage  string
	env     []string
	cmd     *exec.Cmd
	out     *output
}

// pebbleConfig is what tests change of its configuration.
type pebbleConfig struct {
	httpPort, tlsPort int
	seconds           int // the life of certificates; 0: 90 days
	eabKeys           map[string]string
	env               []string
}

func newPebble(t *testing.T, c pebbleConfig) *pebble {
	t.Helper()
	p := &pebble{
		t: t, file: build(t, "github.com/letsencrypt/pebble/v2", "github.com/letsencrypt/pebble/v2/cmd/pebble"),
		dns: startDNS(t), web: certtest.New(t, "web of the CA"),
		address: freeAddress(t), manage: freeAddress(t), out: &output{},
		env: append(os.Environ(), append([]string{"PEBBLE_VA_NOSLEEP=1"}, c.env...)...),
	}
	dir := t.TempDir()
	cert, key := p.web.Server(t, "127.0.0.1", "localhost").Write(t, dir, "web")
	p.caFile = filepath.Join(dir, "ca.pem")
	certtest.WriteFile(t, p.caFile, p.web.CertPEM)
	if c.seconds == 0 {
		c.seconds = 90 * 24 * 3600
	}
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": p.address, "managementListenAddress": p.manage,
		"certificate": cert, "privateKey": key,
		"httpPort": c.httpPort, "tlsPort": c.tlsPort,
		"externalAccountBindingRequired": len(c.eabKeys) > 0,
		"externalAccountMACKeys":         c.eabKeys,
		"domainBlocklist":                []string{"blocked.example"},
		"retryAfter":                     map[string]int{"authz": 1, "order": 1},
		"keyAlgorithm":                   "ecdsa",
		"profiles":                       map[string]any{"default": map[string]any{"description": "x", "validityPeriod": c.seconds}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	p.config = filepath.Join(dir, "pebble.json")
	certtest.WriteFile(t, p.config, text)
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("pebble says:\n%s", p.out.end())
		}
	})
	return p
}

func (p *pebble) directory() string { return "https://" + p.address + "/dir" }

// start starts it and waits until it answers.
func (p *pebble) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.file, "-config", p.config, "-dnsserver", p.dns, "-strict")
	p.cmd.Env = p.env
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, "pebble listens", func() bool {
		for _, address := range []string{p.address, p.manage} {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return false
			}
			conn.Close()
		}
		return true
	})
}

// stop ends it, if it runs.
func (p *pebble) stop() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// client speaks HTTPS with it.
func (p *pebble) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: p.web.Pool()},
		DisableKeepAlives: true,
	}}
}

// root returns what its certificates are verified with.
func (p *pebble) root() *x509.CertPool {
	p.t.Helper()
	resp, err := p.client().Get("https://" + p.manage + "/roots/0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		p.t.Fatalf("root of pebble: %v: %s", err, text)
	}
	return pool
}

// suggest makes it say when a certificate is to be renewed (RFC 9773).
func (p *pebble) suggest(cert *x509.Certificate, window string) {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})),
		"ariResponse": window,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := p.client().Post("https://"+p.manage+"/set-renewal-info/", "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		p.t.Fatalf("set-renewal-info: %s: %s", resp.Status, text)
	}
}

// freeAddress returns an address of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// output keeps what a program, or a log, writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) end() string {
	text := o.String()
	return fmt.Sprintf("(%d bytes) %s", len(text), text[max(0, len(text)-4000):])
}

// portOf returns the port of an address.
func portOf(t *testing.T, address string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}
