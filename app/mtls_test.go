package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

// TestMTLS asks clients for certificates and looks at them in all versions of HTTP:
// with real handshakes, resumed sessions, and an authority that is replaced.
func TestMTLS(t *testing.T) {
	servers, clients, others := certtest.New(t, "servers"), certtest.New(t, "clients"), certtest.New(t, "others")
	dir := t.TempDir()
	ca := filepath.Join(dir, "clients.crt")
	certtest.WriteFile(t, ca, clients.CertPEM)
	cert, key := servers.Server(t, "a.test", "127.0.0.1").Write(t, dir, "a")
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "backend ", strings.Join(r.Header.Values("X-Forwarded-Tls-Client-Cert"), "|"))
	}))
	t.Cleanup(backend.Close)
	const routes = `authn: Path("/authn") -> mtlsAuthn() -> "%[1]s";
cn: Path("/cn") -> mtlsCN("me") -> "%[1]s";
dn: Path("/dn") -> mtlsIssuerDN("%[2]s") -> "%[1]s";
dns: Path("/dns") -> mtlsSanDNS("*.example.org") -> "%[1]s";
ip: Path("/ip") -> mtlsSanIP("192.0.2.7") -> "%[1]s";
net: Path("/net") -> mtlsSanCIDR("192.0.2.0/24") -> "%[1]s";
uri: Path("/uri") -> mtlsSanURI("spiffe://example.org/*") -> "%[1]s";
pass: Path("/pass") -> tlsPassClientCertificates() -> "%[1]s"`
	i := run(t, "-inline-routes="+fmt.Sprintf(routes, backend.URL, "CN=clients"),
		"-tls-cert="+cert, "-tls-key="+key, "-insecure-address=127.0.0.1:0", "-http3-address=127.0.0.1:0",
		"-tls-client-auth=RequestClientCert", "-mtls-authn-ca="+ca, "-tls-poll-interval=50ms", "-wait-first-route-load")
	full := certtest.Leaf{CommonName: "me", Names: []string{"shop.example.org", "192.0.2.7"}, URIs: []string{"spiffe://example.org/shop"}}
	expired := full
	expired.NotBefore, expired.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
	serverOnly := full
	serverOnly.Usage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	good := clients.Issue(t, full)
	everywhere := []string{"/authn", "/cn", "/dn", "/dns", "/ip", "/net", "/uri"}
	for version := 1; version <= 3; version++ {
		for name, tt := range map[string]struct {
			shows *certtest.Pair
			want  int
		}{
			"good":              {&good, 200},
			"through another":   {ptr(clients.Intermediate(t, "between").Issue(t, full)), 200},
			"nothing":           {nil, 403},
			"expired":           {ptr(clients.Issue(t, expired)), 403},
			"another authority": {ptr(others.Issue(t, full)), 403},
			"for servers":       {ptr(clients.Issue(t, serverOnly)), 403},
		} {
			config := &tls.Config{RootCAs: servers.Pool(), ServerName: "a.test"}
			if tt.shows != nil {
				// Whatever the server would like to see.
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &tt.shows.TLS, nil }
			}
			c := clientOf(t, i, version, config)
			for _, path := range everywhere {
				if got, _, err := ask(c, i.url(version, path)); err != nil || !strings.HasPrefix(got, fmt.Sprint(version, " ", tt.want)) {
					t.Errorf("HTTP/%d, %s, %s: got %q, %v, want %d", version, name, path, got, err, tt.want)
				}
			}
			want := "backend "
			if tt.shows != nil {
				var all []string
				for _, der := range tt.shows.TLS.Certificate {
					all = append(all, base64.StdEncoding.EncodeToString(der))
				}
				want += strings.Join(all, ",")
			}
			req, err := http.NewRequest(http.MethodGet, i.url(version, "/pass"), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Forwarded-Tls-Client-Cert", "faked")
			if got := body(t, c, req); got != want {
				t.Errorf("HTTP/%d, %s: the backend got %.80q", version, name, got)
			}
		}
	}
	resp, err := http.Get("http://" + i.insecure + "/authn")
	if err != nil || resp.StatusCode != 401 {
		t.Errorf("without TLS: %v, %v", resp, err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()

	// Another authority counts on connections that are open already.
	c := clientOf(t, i, 1, &tls.Config{RootCAs: servers.Pool(), ServerName: "a.test", Certificates: []tls.Certificate{good.TLS}})
	certtest.WriteFile(t, ca, others.CertPEM)
	i.eventually("the old authority is not trusted", func() bool {
		got, _, err := ask(c, i.url(1, "/authn"))
		return err == nil && strings.HasPrefix(got, "1 403")
	})
}

func ptr(p certtest.Pair) *certtest.Pair { return &p }

// body sends req and returns the body of the answer.
func body(t *testing.T, c *http.Client, req *http.Request) string {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}
