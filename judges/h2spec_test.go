package judges

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/http2"
	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// hello reads requests to their end and greets.
type hello struct{}

func (hello) Handle(d exchange.Downstream) {
	if b := d.Record().Request.Body; b != nil {
		_, _ = io.Copy(io.Discard, b)
	}
	_ = d.Reply(&message.Response{Status: 200, ContentLength: 5, Body: strings.NewReader("hello")})
}

func (hello) Refuse(d exchange.Downstream, err *exchange.ProtocolError) {
	_ = d.Reply(&message.Response{Status: err.Reason.Status()})
}

// serveHTTP2 serves hello on loopback, over TLS if conf is set.
func serveHTTP2(t *testing.T, conf *tls.Config) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sweeper := sock.NewSweeper()
	ctx, cancel := context.WithCancel(context.Background())
	s := http2.NewServer(hello{}, http2.ServerConfig{ServerConfig: exchange.ServerConfig{HeadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}}, sweeper)
	var wg sync.WaitGroup
	wg.Go(func() { _ = sweeper.Run(ctx) })
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				var o http2.ConnOptions
				if conf != nil {
					tc := tls.Server(nc, conf)
					if tc.Handshake() != nil {
						_ = nc.Close()
						return
					}
					state := tc.ConnectionState()
					nc, o.TLS = tc, &state
				}
				s.ServeConn(sock.Wrap(nc, sweeper), o)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		drain, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := s.Drain(drain); err != nil {
			t.Errorf("drain: %v", err)
		}
		cancel()
		wg.Wait()
	})
	return ln.Addr().String()
}

// h2specs is how many cases h2spec has with -S.
const h2specs = 146

var h2specResult = regexp.MustCompile(`(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed`)

// runH2spec has all cases of h2spec, the strict ones too, tried at address.
func runH2spec(t *testing.T, address string, args ...string) {
	t.Helper()
	file := build(t, "github.com/summerwind/h2spec", "github.com/summerwind/h2spec/cmd/h2spec")
	host, port, _ := net.SplitHostPort(address)
	args = append([]string{"-S", "-h", host, "-p", port, "-o", "5"}, args...)
	out, err := exec.Command(file, args...).CombinedOutput()
	m := h2specResult.FindStringSubmatch(string(out))
	if err != nil || m == nil {
		t.Fatalf("h2spec %v: %v\n%s", args, err, out)
	}
	t.Log(m[0])
	n, _ := strconv.Atoi(m[1])
	if n < h2specs || m[1] != m[2] {
		t.Errorf("%s; want %d and all of them\n%s", m[0], h2specs, out)
	}
}

// TestH2spec asks h2spec about HTTP/2 without and with TLS.
func TestH2spec(t *testing.T) {
	t.Run("plain", func(t *testing.T) { runH2spec(t, serveHTTP2(t, nil)) })
	t.Run("TLS", func(t *testing.T) {
		conf := &tls.Config{
			Certificates: []tls.Certificate{certtest.New(t, "test").Server(t, "localhost").TLS},
			NextProtos:   []string{"h2"},
		}
		runH2spec(t, serveHTTP2(t, conf), "-t", "-k")
	})
}
