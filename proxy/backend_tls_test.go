package proxy_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
)

// startSecure runs an https backend that answers with its name and that of the
// client's certificate.
func startSecure(t *testing.T, name string, cfg *tls.Config) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := "nobody"
		if len(r.TLS.PeerCertificates) > 0 {
			who = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		_, _ = w.Write([]byte(name + " " + r.TLS.ServerName + " " + who))
	}))
	srv.TLS = cfg
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().(*net.TCPAddr).String()
}

// secureBackend runs such a backend that asks for client certificates. files
// puts the paths of real files into routes.
func secureBackend(t *testing.T) (addr string, files *strings.Replacer) {
	ca, other, dir := certtest.New(t, "ca"), certtest.New(t, "other"), t.TempDir()
	path := func(name string, data []byte) string {
		certtest.WriteFile(t, filepath.Join(dir, name), data)
		return filepath.Join(dir, name)
	}
	crt, key := ca.Client(t, "client").Write(t, dir, "client")
	files = strings.NewReplacer(
		`"CA"`, `"`+path("ca.pem", ca.CertPEM)+`"`, `"OTHER"`, `"`+path("other.pem", other.CertPEM)+`"`,
		`"GARBAGE"`, `"`+path("garbage.pem", []byte("-----BEGIN CERTIFICATE-----\nAAAA"))+`"`,
		`"CRT"`, `"`+crt+`"`, `"KEY"`, `"`+key+`"`)
	pair := ca.Server(t, "api.test")
	return startSecure(t, "b", &tls.Config{
		Certificates: []tls.Certificate{pair.TLS}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12,
	}), files
}

// TestRouteSecuresBackend checks what routes may ask of the connection to their backend,
// and that nothing is ever taken on trust because a file is missing.
func TestRouteSecuresBackend(t *testing.T) {
	addr, files := secureBackend(t)
	for _, tt := range []struct {
		name, filters string
		status        int
		body          string
	}{
		{"system trust", "", 502, ""},
		{"own authority", `backendTLSCA("CA") -> `, 502, ""}, // not valid for 127.0.0.1
		{"own authority and name", `backendTLSCA("CA") -> backendTLSServerName("api.test") -> `, 200, "b api.test nobody"},
		{"another authority", `backendTLSCA("OTHER") -> backendTLSServerName("api.test") -> `, 502, ""},
		{"wrong name", `backendTLSCA("CA") -> backendTLSServerName("other.test") -> `, 502, ""},
		{"no file", `backendTLSCA("/nonexistent/ca.pem") -> backendTLSServerName("api.test") -> `, 502, ""},
		{"no authority in the file", `backendTLSCA("GARBAGE") -> backendTLSServerName("api.test") -> `, 502, ""},
		{"client certificate", `backendTLSCA("CA") -> backendTLSServerName("api.test") -> backendTLSClientCert("CRT", "KEY") -> `, 200, "b api.test client"},
		{"no client certificate file", `backendTLSCA("CA") -> backendTLSServerName("api.test") -> backendTLSClientCert("CRT", "/nonexistent") -> `, 502, ""},
		{"any certificate", `backendTLSInsecure() -> `, 200, "b  nobody"},
		{"verification asked for last", `backendTLSInsecure() -> backendTLSCA("OTHER") -> `, 502, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			routes := "r: * -> " + files.Replace(tt.filters) + `"https://` + addr + `"`
			p := start(t, routes)
			for range 2 { // over a new connection, then over a kept one
				if a := p.get(getH); a.StatusCode != tt.status || a.StatusCode == 200 && a.body != tt.body {
					t.Errorf("got %s %q, want %d %q; log %s", a.Status, a.body, tt.status, tt.body, p.log)
				}
			}
		})
	}
}

// TestSecuredConnectionsKeptApart checks that a route never gets a connection that was
// verified in another way.
func TestSecuredConnectionsKeptApart(t *testing.T) {
	addr, files := secureBackend(t)
	backend := `"https://` + addr + `"`
	p := start(t, files.Replace(`
		any: Path("/any") -> backendTLSInsecure() -> `+backend+`;
		mtls: Path("/mtls") -> backendTLSInsecure() -> backendTLSClientCert("CRT", "KEY") -> `+backend+`;
		strict: * -> `+backend+`;`))
	for _, tt := range []struct {
		path   string
		status int
		who    string
	}{{"any", 200, "nobody"}, {"strict", 502, ""}, {"mtls", 200, "client"}, {"any", 200, "nobody"}, {"strict", 502, ""}} {
		a := p.get("GET /" + tt.path + " HTTP/1.1\r\nHost: h\r\n\r\n")
		if a.StatusCode != tt.status || !strings.HasSuffix(a.body, tt.who) && tt.status == 200 {
			t.Errorf("%s: got %s %q", tt.path, a.Status, a.body)
		}
	}
}
