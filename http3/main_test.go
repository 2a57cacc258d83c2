package http3

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	quichttp "github.com/quic-go/quic-go/http3"
	"go.uber.org/goleak"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handler makes a Handler of functions.
type handler struct {
	handle func(d exchange.Downstream)

	mu      sync.Mutex
	handled int
	refused []message.Reason
}

func (h *handler) Handle(d exchange.Downstream) {
	h.mu.Lock()
	h.handled++
	h.mu.Unlock()
	h.handle(d)
}

func (h *handler) Refuse(d exchange.Downstream, pe *exchange.ProtocolError) {
	h.mu.Lock()
	h.refused = append(h.refused, pe.Reason)
	h.mu.Unlock()
	_ = d.Reply(text(pe.Reason.Status(), pe.Detail))
}

// calls returns how many requests came to Handle, and why others did not.
func (h *handler) calls() (int, []message.Reason) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.handled, h.refused
}

// text returns a response with a body.
func text(status int, s string) *message.Response {
	r := &message.Response{Status: status}
	r.Header.Add("Content-Type", "text/plain")
	r.SetBody(strings.NewReader(s), int64(len(s)))
	return r
}

// logs is a log that tests read.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newCA(t *testing.T) *certtest.CA { return certtest.New(t, "test") }

func clock() *sock.Sweeper { return sock.NewSweeper() }

func newLog(l *logs) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// bench is a server under test and what its clients need.
type bench struct {
	t      *testing.T
	srv    *Server
	socket *Socket
	h      *handler
	addr   string
	ca     *certtest.CA
	logs   *logs
	stop   func() // what the end of the process does

	within  time.Duration // what stop gives requests
	drained error         // what draining has to return
}

// serve starts a server; the test ends it if it does not do that itself.
func serve(t *testing.T, handle func(d exchange.Downstream), change func(cfg *ServerConfig)) *bench {
	t.Helper()
	b := &bench{t: t, h: &handler{handle: handle}, ca: newCA(t), logs: &logs{}, within: 10 * time.Second}
	cfg := ServerConfig{ServerConfig: exchange.ServerConfig{Log: newLog(b.logs), HeadTimeout: time.Minute}}
	if change != nil {
		change(&cfg)
	}
	pc, err := Open(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.on(pc, cfg)
	return b
}

// on serves on a socket.
func (b *bench) on(pc *Socket, cfg ServerConfig) {
	t := b.t
	t.Helper()
	b.socket, b.addr = pc, pc.LocalAddr().String()
	b.srv = NewServer(b.h, cfg, sock.NewSweeper())
	config := &tls.Config{Certificates: []tls.Certificate{b.ca.Server(t, "test.example", "127.0.0.1").TLS}}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- b.srv.Serve(ctx, pc, config) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		drain, cancel := context.WithTimeout(context.Background(), b.within)
		defer cancel()
		if err := b.srv.Drain(drain); !errors.Is(err, b.drained) {
			t.Errorf("drain: %v, expected %v", err, b.drained)
		}
	})
	t.Cleanup(b.stop)
}

func (b *bench) tls() *tls.Config {
	return &tls.Config{RootCAs: b.ca.Pool(), ServerName: "test.example", NextProtos: []string{ALPN}}
}

// client returns a client that the end of the test closes.
func (b *bench) client() *http.Client {
	tr := &quichttp.Transport{TLSClientConfig: b.tls(), DisableCompression: true}
	b.t.Cleanup(func() { _ = tr.Close() })
	return &http.Client{Transport: tr, Timeout: time.Minute}
}

func (b *bench) url(path string) string { return "https://" + b.addr + path }

// dial returns a bare QUIC connection.
func (b *bench) dial() *quic.Conn {
	b.t.Helper()
	q, err := quic.DialAddr(b.t.Context(), b.addr, b.tls(), &quic.Config{MaxIdleTimeout: 20 * time.Second})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = q.CloseWithError(0, "") })
	return q
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within 10 s: %s", what)
		case <-tick.C:
		}
	}
}
