package app

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/kit/http3test"
)

// clientOf returns a client that speaks one version of HTTP with an instance,
// whatever the host of the URL.
func clientOf(t *testing.T, i *instance, version int, config *tls.Config) *http.Client {
	t.Helper()
	if version == 3 {
		tr := http3test.NewTransport(config)
		t.Cleanup(func() { _ = tr.Close() })
		return &http.Client{Transport: tr}
	}
	// A copy: the transport adds h2 to what is offered.
	tr := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: version == 2, Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP1(version == 1)
	tr.Protocols.SetHTTP2(version == 2)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// url returns where an instance serves a version.
func (i *instance) url(version int, path string) string {
	if version == 3 {
		return "https://" + i.packets + path
	}
	return strings.Replace(i.proxy, "http:", "https:", 1) + path
}

// ask sends a GET and returns the version and status of the answer, and the body.
func ask(c *http.Client, url string) (string, *http.Response, error) {
	resp, err := c.Get(url)
	if err != nil {
		return "", nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return fmt.Sprint(resp.ProtoMajor, " ", resp.StatusCode, " ", string(body)), resp, err
}

// TestHTTP3 serves the same routes in all versions, and tells of HTTP/3 where it
// can be believed.
func TestHTTP3(t *testing.T) {
	ca, dir := certtest.New(t, "ca"), t.TempDir()
	cert, key := ca.Server(t, "a.test", "127.0.0.1").Write(t, dir, "a")
	i := run(t, "-inline-routes=r: Path(\"/a\") -> inlineContent(`hi`) -> <shunt>", "-tls-cert="+cert, "-tls-key="+key,
		"-insecure-address=127.0.0.1:0", "-http3-address=127.0.0.1:0", "-http3-advertise-port=443", "-wait-first-route-load")
	config := &tls.Config{RootCAs: ca.Pool(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	for version, told := range map[int]string{1: `h3=":443"; ma=86400`, 2: `h3=":443"; ma=86400`, 3: ""} {
		c := clientOf(t, i, version, config)
		for path, want := range map[string]string{"/a": "200 hi", "/b": "404 Not Found\n"} {
			got, resp, err := ask(c, i.url(version, path))
			if err != nil || got != fmt.Sprint(version, " ", want) {
				t.Errorf("HTTP/%d %s: %q %v, expected %q", version, path, got, err, want)
				continue
			}
			if alt := resp.Header.Get("Alt-Svc"); alt != told {
				t.Errorf("HTTP/%d: Alt-Svc %q, expected %q", version, alt, told)
			}
		}
	}
	_, resp, err := ask(http.DefaultClient, "http://"+i.insecure+"/a")
	if err != nil || resp.Header.Get("Alt-Svc") != "" {
		t.Errorf("without TLS: %v, %v", resp, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestHostileClientCertificates asks every version for the same: HTTP/3 must not
// be the door at the back (CVE-2026-53622).
func TestHostileClientCertificates(t *testing.T) {
	ca, other, dir := certtest.New(t, "ca"), certtest.New(t, "other"), t.TempDir()
	cert, key := ca.Server(t, "a.test", "127.0.0.1").Write(t, dir, "a")
	authority := filepath.Join(dir, "ca.pem")
	certtest.WriteFile(t, authority, ca.CertPEM)
	shown := map[string][]tls.Certificate{
		"nothing": nil, "good": {ca.Client(t, "good").TLS}, "other authority": {other.Client(t, "other").TLS},
		"expired": {ca.Expired(t, "expired").TLS}, "of a server": {ca.Server(t, "server").TLS},
	}
	for _, tt := range []struct {
		auth    string
		allowed []string
	}{
		{"NoClientCert", []string{"nothing", "good", "other authority", "expired", "of a server"}},
		{"RequestClientCert", []string{"nothing", "good", "other authority", "expired", "of a server"}},
		{"RequireAnyClientCert", []string{"good", "other authority", "expired", "of a server"}},
		{"VerifyClientCertIfGiven", []string{"nothing", "good"}},
		{"RequireAndVerifyClientCert", []string{"good"}},
	} {
		t.Run(tt.auth, func(t *testing.T) {
			flags := []string{"-inline-routes=r: * -> inlineContent(`in`) -> <shunt>", "-tls-cert=" + cert, "-tls-key=" + key,
				"-http3-address=127.0.0.1:0", "-tls-client-auth=" + tt.auth}
			if strings.Contains(tt.auth, "Verify") {
				flags = append(flags, "-tls-client-ca="+authority)
			}
			i := run(t, flags...)
			for name, pair := range shown {
				want := strings.Contains(strings.Join(tt.allowed, ","), name)
				for version := 1; version <= 3; version++ {
					config := &tls.Config{RootCAs: ca.Pool(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
					if pair != nil { // even if the server asks for another authority
						config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair[0], nil }
					}
					got, _, err := ask(clientOf(t, i, version, config), i.url(version, "/"))
					if (err == nil) != want || want && got != fmt.Sprint(version, " 200 in") {
						t.Errorf("HTTP/%d with %s: %q, %v; allowed: %t", version, name, got, err, want)
					}
				}
			}
		})
	}
}

// TestHTTP3Streams sends bodies and trailers through the proxy, both ways.
func TestHTTP3Streams(t *testing.T) {
	backend := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		body, err := io.ReadAll(r.Body)
		_, _ = w.Write(body)
		w.Header().Set("X-Sum", fmt.Sprint(len(body), " ", err, " ", r.Trailer.Get("X-Mine"), " ", r.ProtoMajor))
	})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = backend.Serve(ln) }()
	defer func() { _ = backend.Close() }()
	ca, dir := certtest.New(t, "ca"), t.TempDir()
	cert, key := ca.Server(t, "127.0.0.1").Write(t, dir, "a")
	i := run(t, "-inline-routes=r: * -> \"http://"+ln.Addr().String()+"\"", "-tls-cert="+cert, "-tls-key="+key, "-http3-address=127.0.0.1:0")
	c := clientOf(t, i, 3, &tls.Config{RootCAs: ca.Pool(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS13})
	for _, size := range []int{0, 1, 100, 70_000, 5_000_000} {
		body := strings.Repeat("x", size)
		req, _ := http.NewRequest(http.MethodPost, i.url(3, "/"), io.NopCloser(strings.NewReader(body)))
		req.Trailer, req.ContentLength = http.Header{"X-Mine": {"mine"}}, -1
		resp, err := c.Do(req)
		if err != nil {
			t.Fatalf("%d bytes: %v\n%s", size, err, i.log)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if want := fmt.Sprint(size, " <nil> mine 1"); err != nil || string(got) != body || resp.Trailer.Get("X-Sum") != want {
			t.Errorf("%d bytes: %s, %d came back, %v, trailer %q, expected %q\n%s", size, resp.Status, len(got), err, resp.Trailer.Get("X-Sum"), want, i.log)
		}
	}
}
