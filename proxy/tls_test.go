package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestStaleTLSConnections checks that a request which may not be sent twice
// survives a backend that closes idle TLS connections, or speaks unasked on
// them.
func TestStaleTLSConnections(t *testing.T) {
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	defer cert.Close()
	for name, after := range map[string]func(*tls.Conn){
		"closes": func(c *tls.Conn) { c.Close() },
		"speaks": func(c *tls.Conn) {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
		},
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{}, 10)
			back := startRaw(t, func(_ int, nc net.Conn) {
				c := tls.Server(nc, cert.TLS)
				r := bufio.NewReader(c)
				if _, err := readHead(r); err != nil {
					return
				}
				if _, err := io.ReadFull(r, make([]byte, 4)); err != nil {
					return
				}
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				after(c)
				done <- struct{}{}
				_, _ = io.Copy(io.Discard, r)
			})
			p := start(t, `r: * -> "https://`+back.addr+`"`, "-insecure")
			for i := range 5 {
				if a := p.get("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"); a.StatusCode != 200 || strings.Contains(a.body, "poison") {
					t.Fatalf("request %d: %s %q", i, a.Status, a.body)
				}
				<-done
			}
		})
	}
}

// TestTLSConnectionsAreKept checks that a healthy one is used again.
func TestTLSConnectionsAreKept(t *testing.T) {
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	defer cert.Close()
	back := startRaw(t, func(n int, nc net.Conn) {
		c := tls.Server(nc, cert.TLS)
		r := bufio.NewReader(c)
		for {
			if _, err := readHead(r); err != nil {
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n)
		}
	})
	p := start(t, `r: * -> "https://`+back.addr+`"`, "-insecure")
	c := p.dial()
	for range 5 {
		c.send(getH)
		if a := c.read("GET"); a.body != "1" {
			t.Fatalf("got %s from connection %q, want the first", a.Status, a.body)
		}
	}
}
