package app

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/kit/http3test"
	"fairlead.dev/fairlead/kit/websocket"
)

// secureInstance runs an instance that speaks HTTP/3 and sends all requests to
// backend.
func secureInstance(t *testing.T, backend http.HandlerFunc, flags ...string) (*instance, *tls.Config) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: backend}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	ca, dir := certtest.New(t, "ca"), t.TempDir()
	cert, key := ca.Server(t, "127.0.0.1").Write(t, dir, "a")
	i := run(t, append([]string{"-inline-routes=r: * -> \"http://" + ln.Addr().String() + "\"", "-tls-cert=" + cert, "-tls-key=" + key,
		"-http3-address=127.0.0.1:0"}, flags...)...)
	return i, &tls.Config{RootCAs: ca.Pool(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS13}
}

// TestHostileHTTP3Length promises a body and ends the stream, over HTTP/3 to an
// HTTP/1 backend: that must not see anything (CVE-2026-33555, CVE-2026-48743).
func TestHostileHTTP3Length(t *testing.T) {
	var asked atomic.Int32
	i, config := secureInstance(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(w, r.Body)
	})
	head := func(more ...string) []byte {
		return http3test.Headers(append([]string{":method", "POST", ":scheme", "https", ":authority", i.packets, ":path", "/"}, more...)...)
	}
	for _, tt := range []struct {
		name   string
		raw    []byte
		status string
		asked  int32
	}{
		{"nothing", head("content-length", "10"), "400", 0},
		{"empty DATA", append(head("content-length", "10"), http3test.Data("")...), "400", 0},
		{"too much", append(head("content-length", "1"), http3test.Data("ab")...), "400", 0},
		{"transfer-encoding", append(head("transfer-encoding", "chunked"), http3test.Data("0\r\n\r\nGET / HTTP/1.1\r\n\r\n")...), "400", 0},
		{"right", append(head("content-length", "2"), http3test.Data("ab")...), "200", 1},
	} {
		asked.Store(0)
		status, _, err := http3test.Send(t.Context(), i.packets, config, tt.raw)
		if err != nil || status != tt.status || asked.Load() != tt.asked {
			t.Errorf("%s: status %q, %v, the backend saw %d requests; expected %s and %d", tt.name, status, err, asked.Load(), tt.status, tt.asked)
		}
	}
}

// TestHTTP3WebSocket opens a WebSocket over HTTP/3 (RFC 9220) to a backend of
// HTTP/1, which insists on its key.
func TestHTTP3WebSocket(t *testing.T) {
	i, config := secureInstance(t, func(w http.ResponseWriter, r *http.Request) {
		key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key"))
		if err != nil || len(key) != 16 || r.Method != http.MethodGet || r.Header.Get("Upgrade") != "websocket" {
			http.Error(w, "no", http.StatusTeapot)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			websocket.Accept(r.Header.Get("Sec-Websocket-Key")))
		_, _ = io.Copy(c, rw)
	}, "-experimental-upgrade")
	raw := append(http3test.Headers(":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", i.packets, ":path", "/ws",
		"sec-websocket-version", "13"), http3test.Data("\x82\x02hi")...)
	status, body, err := http3test.Send(t.Context(), i.packets, config, raw)
	if err != nil || status != "200" || body != "\x82\x02hi" {
		t.Errorf("status %q, %q, %v\n%s", status, body, err, i.log)
	}
}
