package judges

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
)

// front is a Fairlead that runs as a program, with HTTP/2 on a TLS and on a plain
// listener.
type front struct {
	t             *testing.T
	secure, plain string
	ca            *certtest.CA
	log           *output
	cmd           *exec.Cmd
}

// frontName is what the certificates of front and of backends are for.
const frontName = "one.example"

// startFront starts Fairlead with the routes of an eskip document and waits until
// it serves. It must end well when the test does.
func startFront(t *testing.T, ca *certtest.CA, routes string, flags ...string) *front {
	t.Helper()
	return startFrontAt(t, ca, freeAddress(t), routes, flags...)
}

// startFrontAt is startFront with the address of the TLS listener.
func startFrontAt(t *testing.T, ca *certtest.CA, secure, routes string, flags ...string) *front {
	t.Helper()
	f := &front{t: t, secure: secure, plain: freeAddress(t), ca: ca, log: &output{}}
	support := freeAddress(t)
	cert, key := ca.Server(t, frontName).Write(t, t.TempDir(), "front")
	args := append([]string{
		"proxy", "-address", f.secure, "-insecure-address", f.plain, "-support-listener", support, "-enable-h2c-server",
		"-tls-cert", cert, "-tls-key", key, "-inline-routes", routes, "-wait-for-healthcheck-interval", "0",
		"-shutdown-timeout", "5s", "-access-log-disabled",
	}, flags...)
	f.cmd = exec.Command(buildFairlead(t), args...)
	f.cmd.Stdout, f.cmd.Stderr = f.log, f.log
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- f.cmd.Wait() }()
	t.Cleanup(func() {
		_ = f.cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("fairlead ended with %v", err)
		}
		if t.Failed() || strings.Contains(f.log.String(), "panic") {
			t.Errorf("fairlead says:\n%s", f.log.end())
		}
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	eventually(t, "fairlead is ready", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("fairlead ended with %v", err)
		default:
		}
		resp, err := client.Get("http://" + support + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return f
}

// address returns where clients go.
func (f *front) address(secure bool) string {
	if secure {
		return f.secure
	}
	return f.plain
}

// back returns the end of a route to a backend that speaks HTTP/2, verified by ca
// if it does TLS.
func back(t *testing.T, ca *certtest.CA, address string, secure bool) string {
	t.Helper()
	if !secure {
		return `"h2c://` + address + `"`
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	certtest.WriteFile(t, file, ca.CertPEM)
	return `backendTLSCA("` + file + `") -> backendTLSServerName("` + frontName + `") -> "https://` + address + `"`
}

// names of the ways that connections are made.
func way(client, backend bool) string {
	name := map[bool]string{true: "TLS", false: "h2c"}
	return name[client] + " to " + name[backend]
}
