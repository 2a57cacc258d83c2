package app

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/option"
)

// TestTLS checks termination, the plain listener beside it and the way from
// there to TLS.
func TestTLS(t *testing.T) {
	ca, dir := certtest.New(t, "ca"), t.TempDir()
	cert, key := ca.Server(t, "a.test").Write(t, dir, "a")
	i := run(t, "-inline-routes=r: * -> inlineContent(`hi`) -> <shunt>", "-tls-cert="+cert, "-tls-key="+key,
		"-insecure-address=127.0.0.1:0", "-https-redirect", "-https-redirect-port=8443")
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), ServerName: "a.test", MinVersion: tls.VersionTLS13}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	resp, err := client.Get(strings.Replace(i.proxy, "http:", "https:", 1))
	if err != nil {
		t.Fatalf("%v\n%s", err, i.log)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if string(body) != "hi" {
		t.Errorf("got %s %q", resp.Status, body)
	}
	resp, err = client.Get("http://" + i.insecure + "/a%20b?c=d")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := resp.Header.Get("Location"); resp.StatusCode != 308 || got != "https://127.0.0.1:8443/a%20b?c=d" {
		t.Errorf("got %s to %q", resp.Status, got)
	}
}

// TestTLSAskedForInVain checks that nothing is served without the protection
// that was asked for.
func TestTLSAskedForInVain(t *testing.T) {
	ca, dir := certtest.New(t, "ca"), t.TempDir()
	cert, key := ca.Server(t, "a.test").Write(t, dir, "a")
	_, other := ca.Server(t, "b.test").Write(t, dir, "b")
	for _, tt := range []struct{ flags, want string }{
		{"-tls-cert=" + cert, "tls-key"},
		{"-tls-cert=" + cert + " -tls-key=" + other, "match"},
		{"-tls-client-auth=RequireAndVerifyClientCert", "tls-client-auth"},
		{"-tls-client-auth=RequireAndVerifyClientCert -tls-client-ca=/nonexistent -tls-cert=" + cert + " -tls-key=" + key, "/nonexistent"},
		{"-insecure-address=:0", "insecure-address"},
		{"-acme-hosts=a.test", "acme-agree-terms"},
	} {
		set := option.NewSet()
		if _, _, err := set.ApplyFlags(strings.Fields(tt.flags + " -address=127.0.0.1:0 -support-listener=127.0.0.1:0")); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		err := Run(t.Context(), Config{Options: set, Log: slog.New(slog.NewTextHandler(&log, nil)), Ready: func(Listening) error {
			return errors.New("serves")
		}})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.flags, err, tt.want)
		}
	}
}
