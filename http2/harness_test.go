package http2

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// handler answers with fn and remembers what was refused.
type handler struct {
	fn func(d exchange.Downstream)

	mu      sync.Mutex
	refused []message.Reason
	seen    []string
}

func (h *handler) Handle(d exchange.Downstream) {
	r := &d.Record().Request
	h.mu.Lock()
	h.seen = append(h.seen, strings.Clone(r.Method+" "+r.Scheme+" "+r.Host+" "+r.RawPath+"?"+r.Query))
	h.mu.Unlock()
	if h.fn != nil {
		h.fn(d)
		return
	}
	_ = d.Reply(&message.Response{Status: 200})
}

func (h *handler) Refuse(d exchange.Downstream, err *exchange.ProtocolError) {
	h.mu.Lock()
	h.refused = append(h.refused, err.Reason)
	h.mu.Unlock()
	_ = d.Reply(&message.Response{Status: err.Reason.Status()})
}

func (h *handler) reasons() []message.Reason {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]message.Reason(nil), h.refused...)
}

func (h *handler) requests() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.seen...)
}

// clock returns a sweeper that runs until the test ends.
func clock(t testing.TB) *sock.Sweeper {
	t.Helper()
	sw := sock.NewSweeper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = sw.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return sw
}

// started is a server that listens on loopback.
type started struct {
	*Server
	address string
}

// listen serves h on loopback until the test ends, over TLS if conf is set.
func listen(t testing.TB, h exchange.Handler, cfg ServerConfig, conf *tls.Config) *started {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sw := clock(t)
	s := NewServer(h, cfg, sw)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serveOne(s, sw, nc, conf) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		wg.Wait()
	})
	return &started{Server: s, address: ln.Addr().String()}
}

func serveOne(s *Server, sw *sock.Sweeper, nc net.Conn, conf *tls.Config) {
	if conf == nil {
		s.ServeConn(sock.Wrap(nc, sw), ConnOptions{})
		return
	}
	tc := tls.Server(nc, conf)
	if err := tc.Handshake(); err != nil {
		_ = nc.Close()
		return
	}
	state := tc.ConnectionState()
	s.ServeConn(sock.Wrap(tc, sw), ConnOptions{TLS: &state})
}

// eventually waits until fn is true.
func eventually(t testing.TB, what string, fn func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !fn() {
		select {
		case <-deadline.C:
			t.Fatalf("did not happen: %s", what)
		case <-tick.C:
		}
	}
}

// reader is a body that only Read gives.
type reader struct{ io.Reader }

// text is a response with a body.
func text(status int, body string) *message.Response {
	r := &message.Response{Status: status, ContentLength: int64(len(body))}
	r.Body = reader{strings.NewReader(body)}
	r.Header.Add("Content-Type", "text/plain")
	return r
}

// echo replies with the request's body.
func echo(d exchange.Downstream) {
	r := &d.Record().Request
	resp := &message.Response{Status: 200, ContentLength: r.ContentLength, Body: r.Body}
	resp.Header.Add("X-Path", r.RawPath)
	if err := d.Reply(resp); err != nil && !d.Gone() {
		panic(fmt.Sprintf("echo: %v", err))
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

var errTest = errors.New("test")
