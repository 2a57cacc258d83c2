package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/exchange"
)

// TestBodyPatience checks the arithmetic of the lowest rate.
func TestBodyPatience(t *testing.T) {
	c := exchange.ServerConfig{MinBodyRate: 100}.OrDefault()
	for got, want := range map[int64]time.Duration{0: 10 * time.Second, 50: 10 * time.Second, 2000: 20 * time.Second} {
		if p := c.BodyPatience(got); p != want {
			t.Errorf("%d bytes: %s, want %s", got, p, want)
		}
	}
}

// TestMinBodyRate checks that the option does not touch bodies that come fast.
func TestMinBodyRate(t *testing.T) {
	addr := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if n != 300_000 {
			w.WriteHeader(500)
		}
	})
	p := start(t, `r: * -> "http://`+addr+`"`, "-min-body-rate=1000")
	c := p.dial()
	for range 2 {
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 100_000))
		c.send(strings.Repeat("x", 200_000))
		if a := c.read("POST"); a.StatusCode != 200 {
			t.Errorf("got %s", a.Status)
		}
	}
}
