package judges

import (
	"crypto/tls"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// buildFairlead builds the program that users run, once.
func buildFairlead(t *testing.T) string {
	t.Helper()
	programs.Lock()
	defer programs.Unlock()
	file := filepath.Join(programs.dir, "fairlead")
	if programs.built["fairlead"] == file {
		return file
	}
	if out, err := exec.Command("go", "build", "-C", "..", "-o", file, "./cmd/fairlead").CombinedOutput(); err != nil {
		t.Fatalf("build fairlead: %v\n%s", err, out)
	}
	programs.built["fairlead"] = file
	return file
}

// TestFairleadACME starts Fairlead with -acme-hosts and an empty storage, gets
// an answer through TLS with a certificate of Pebble's, and starts it again
// while Pebble is down.
func TestFairleadACME(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Fairlead; make judges runs it")
	}
	file := buildFairlead(t)
	if out, err := exec.Command(file, "options").CombinedOutput(); err != nil || !strings.Contains(string(out), "acme-hosts") {
		t.Skipf("fairlead has no option acme-hosts yet: package acme is not wired into app (%v)", err)
	}
	for _, kind := range []string{"http-01", "tls-alpn-01"} {
		t.Run(kind, func(t *testing.T) {
			secure, plain := freeAddress(t), freeAddress(t)
			p := newPebble(t, pebbleConfig{httpPort: portOf(t, plain), tlsPort: portOf(t, secure)})
			p.start()
			roots := p.root()
			log := &output{}
			args := []string{
				"proxy", "-address", secure, "-insecure-address", plain, "-support-listener", freeAddress(t),
				"-inline-routes", `* -> inlineContent("hello") -> <shunt>`, "-wait-for-healthcheck-interval", "0",
				"-acme-hosts", "one.example", "-acme-agree-terms", "-acme-directory", p.directory(), "-acme-ca-file", p.caFile,
				"-acme-storage", t.TempDir(), "-acme-challenges", kind,
			}
			get := func() string {
				client := &http.Client{Transport: &http.Transport{
					TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: "one.example"},
					DisableKeepAlives: true,
				}}
				resp, err := client.Get("https://" + secure + "/")
				if err != nil {
					return err.Error()
				}
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				return string(body)
			}
			for _, what := range []string{"the CA is up", "the CA is down, the certificate in storage"} {
				cmd := exec.Command(file, args...)
				cmd.Stdout, cmd.Stderr = log, log
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					_ = cmd.Process.Signal(syscall.SIGKILL)
					_ = cmd.Wait()
					if t.Failed() {
						t.Logf("fairlead says:\n%s", log.end())
					}
				})
				eventually(t, what, func() bool { return get() == "hello" })
				_ = cmd.Process.Signal(syscall.SIGTERM)
				if err := cmd.Wait(); err != nil {
					t.Errorf("%s: ended with %v", what, err)
				}
				p.stop()
			}
		})
	}
}
