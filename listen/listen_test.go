package listen

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/kit/logtest"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/option"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		if err := helper(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// world is one listener that runs, and what it said.
type world struct {
	t        *testing.T
	addr     string
	gate     *Gate
	ca       *certtest.CA
	stop     func() // listening
	log      *logtest.Buffer
	refused  chan Refusal
	done     atomic.Int64 // handshakes
	served   chan *Conn
	listener *Listener
}

type setup struct {
	values Values
	gate   GateConfig
	tls    bool
	config func(*Config)
	ln     net.Listener
}

// begin runs a listener until the test ends. Connections come out of served;
// who takes one closes it.
func begin(t *testing.T, s setup) *world {
	t.Helper()
	set := option.NewSet()
	v := Options.From(set)
	if s.values.HandshakeTimeout == 0 {
		s.values.HandshakeTimeout = v.HandshakeTimeout
	}
	if s.values.ExpectedBytes == 0 {
		s.values.ExpectedBytes = v.ExpectedBytes
	}
	*v = s.values
	g, err := NewGate(set, s.gate)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, gate: g, log: new(logtest.Buffer), refused: make(chan Refusal, 10_000), served: make(chan *Conn, 1000)}
	ln := s.ln
	if ln == nil {
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	w.addr = ln.Addr().String()
	sweeper := sock.NewSweeper()
	cfg := Config{
		Name: "test", Gate: g, Sweeper: sweeper, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Refused:   func(r Refusal) { w.refused <- r },
		Handshake: func(time.Duration) { w.done.Add(1) },
	}
	if s.tls {
		w.ca = certtest.New(t, "test")
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{w.ca.Server(t, "example.org").TLS}, NextProtos: []string{"h2", "http/1.1"}}
	}
	if s.config != nil {
		s.config(&cfg)
	}
	w.listener = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	engine, stopEngine := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = sweeper.Run(engine) })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.listener.Run(ctx, ln, func(c *Conn) { w.served <- c })
	}()
	w.stop = func() { cancel(); <-ended }
	t.Cleanup(func() {
		w.stop()
		w.listener.Wait()
		close(w.served)
		for c := range w.served {
			_ = c.Close()
		}
		stopEngine()
		wg.Wait()
	})
	return w
}

// dial connects.
func (w *world) dial() net.Conn {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// dialReset connects and checks that the connection is reset, which may be so
// soon that connecting fails.
func (w *world) dialReset() {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if errors.Is(err, syscall.ECONNRESET) {
		return
	}
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	ended(w.t, c, true)
}

// dialTLS connects and does the handshake.
func (w *world) dialTLS() *tls.Conn {
	w.t.Helper()
	c := tls.Client(w.dial(), &tls.Config{RootCAs: w.ca.Pool(), ServerName: "example.org", NextProtos: []string{"http/1.1"}})
	if err := c.Handshake(); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// next returns the next connection that is served.
func (w *world) next() *Conn {
	w.t.Helper()
	select {
	case c := <-w.served:
		w.t.Cleanup(func() { _ = c.Close() })
		return c
	case <-time.After(20 * time.Second):
		w.t.Fatal("no connection is served; log: " + w.log.String())
	}
	return nil
}

// refusal returns the next refusal.
func (w *world) refusal() Refusal {
	w.t.Helper()
	select {
	case r := <-w.refused:
		return r
	case <-time.After(20 * time.Second):
		w.t.Fatal("nobody is refused; log: " + w.log.String())
	}
	return ""
}

// ended checks that the server ended c, with a reset if reset is set.
func ended(t *testing.T, c net.Conn, reset bool) {
	t.Helper()
	_, err := c.Read(make([]byte, 1))
	if is := errors.Is(err, syscall.ECONNRESET); err == nil || (reset && !is) {
		t.Errorf("got %v, want the end of the connection (reset: %v)", err, reset)
	}
}

func TestPlain(t *testing.T) {
	w := begin(t, setup{})
	client := w.dial()
	c := w.next()
	if c.TLS != nil || c.Protocol() != "" || c.Listener != "test" {
		t.Errorf("got %+v", c)
	}
	if c.Remote().String() != client.LocalAddr().String() {
		t.Errorf("remote %s, want %s", c.Remote(), client.LocalAddr())
	}
	if _, err := io.WriteString(client, "x"); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 10)); n != 1 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
}

func TestTLS(t *testing.T) {
	w := begin(t, setup{tls: true})
	client := w.dialTLS()
	c := w.next()
	if c.TLS == nil || c.Protocol() != "http/1.1" || c.TLS.ServerName != "example.org" {
		t.Fatalf("got %+v", c.TLS)
	}
	go func() { _, _ = io.WriteString(client, "hello") }()
	if n, err := io.ReadFull(reader{c}, make([]byte, 5)); n != 5 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	if w.done.Load() != 1 {
		t.Errorf("%d handshakes", w.done.Load())
	}
}

type reader struct{ c *Conn }

func (r reader) Read(p []byte) (int, error) {
	n, err := r.c.Read(p)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// TestHandshakeFailures checks the name, and the log, of each way to fail.
func TestHandshakeFailures(t *testing.T) {
	other := certtest.New(t, "other")
	for name, test := range map[string]struct {
		do     func(t *testing.T, w *world)
		config func(*tls.Config)
		want   Refusal
		logged bool
	}{
		"the client leaves before the first byte": {
			do:   func(_ *testing.T, w *world) { _ = w.dial().Close() },
			want: RefusedTLSLeft,
		},
		"the client does not know the authority": {
			do: func(_ *testing.T, w *world) {
				_ = tls.Client(w.dial(), &tls.Config{ServerName: "example.org", RootCAs: other.Pool()}).Handshake()
			},
			want: RefusedTLSByClient, logged: true,
		},
		"no version in common": {
			do: func(_ *testing.T, w *world) {
				_ = tls.Client(w.dial(), &tls.Config{ServerName: "example.org", MaxVersion: tls.VersionTLS12, RootCAs: w.ca.Pool()}).Handshake()
			},
			config: func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
			want:   RefusedTLSNoCommon, logged: true,
		},
		"no client certificate": {
			do: func(_ *testing.T, w *world) {
				c := tls.Client(w.dial(), &tls.Config{ServerName: "example.org", RootCAs: w.ca.Pool()})
				_ = c.Handshake()
				_, _ = c.Read(make([]byte, 1))
			},
			config: func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert },
			want:   RefusedTLSClient, logged: true,
		},
		"a client certificate of somebody else": {
			do: func(_ *testing.T, w *world) {
				c := tls.Client(w.dial(), &tls.Config{
					ServerName: "example.org", RootCAs: w.ca.Pool(), Certificates: []tls.Certificate{other.Client(t, "mallory").TLS},
				})
				_ = c.Handshake()
				_, _ = c.Read(make([]byte, 1))
			},
			config: func(c *tls.Config) {
				c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, certtest.New(t, "mine").Pool()
			},
			want: RefusedTLSClient, logged: true,
		},
		"something else": {
			do: func(t *testing.T, w *world) {
				c := w.dial()
				_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n")
				ended(t, c, false)
			},
			want: RefusedTLSNotTLS, logged: true,
		},
		"the certificate callback panics": {
			do: func(t *testing.T, w *world) {
				_ = tls.Client(w.dial(), &tls.Config{ServerName: "example.org", RootCAs: w.ca.Pool()}).Handshake()
				w.refused <- "panic"
			},
			config: func(c *tls.Config) {
				c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { panic("fault") }
			},
			want: "panic", logged: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, setup{tls: true, config: func(c *Config) {
				if test.config != nil {
					test.config(c.TLS)
				}
			}})
			test.do(t, w)
			if got := w.refusal(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			w.stop()
			if logged := w.log.String() != ""; logged != test.logged {
				t.Errorf("log: %s", w.log.String())
			}
			if n := w.gate.active; n != 0 {
				t.Errorf("%d connections are still counted", n)
			}
		})
	}
}

func TestHTTPToTLSPort(t *testing.T) {
	w := begin(t, setup{tls: true})
	c := w.dial()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 400 || err != nil || !bytes.Contains(body, []byte("https://")) {
		t.Errorf("got %d %q %v", resp.StatusCode, body, err)
	}
	_ = c.Close()
	if got := w.refusal(); got != RefusedTLSPlainHTTP {
		t.Errorf("got %q", got)
	}
}

// TestChallengeIsNotServed checks that a connection for the ACME challenge,
// which no policy looked at, ends with its handshake.
func TestChallengeIsNotServed(t *testing.T) {
	w := begin(t, setup{tls: true, config: func(c *Config) { c.TLS.NextProtos = []string{challengeProtocol} }})
	c := tls.Client(w.dial(), &tls.Config{RootCAs: w.ca.Pool(), ServerName: "example.org", NextProtos: []string{challengeProtocol}})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	ended(t, c, false)
	w.stop()
	if len(w.served) != 0 {
		t.Error("it is served")
	}
}

// failing is a listener whose first accepts fail.
type failing struct {
	net.Listener
	left atomic.Int64
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return f.Listener.Accept()
}

// TestAcceptEMFILE checks that running out of descriptors ends nothing.
func TestAcceptEMFILE(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &failing{Listener: ln}
	f.left.Store(3)
	w := begin(t, setup{ln: f})
	w.dial()
	w.next()
	if n := bytes.Count([]byte(w.log.String()), []byte("too many open files")); n != 3 {
		t.Errorf("logged %d times: %s", n, w.log.String())
	}
}
