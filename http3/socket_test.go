package http3

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"fairlead.dev/fairlead/exchange"
)

// successor starts a server on the socket that b has, as another process would:
// with a descriptor of its own.
func successor(t *testing.T, b *bench) *bench {
	t.Helper()
	f, err := b.socket.File()
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.FilePacketConn(f)
	_ = f.Close()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Take(pc.(*net.UDPConn))
	if err != nil {
		t.Fatal(err)
	}
	next := &bench{t: t, h: &handler{handle: b.h.handle}, ca: b.ca, logs: &logs{}, within: b.within}
	next.on(s, ServerConfig{ServerConfig: exchange.ServerConfig{Log: newLog(next.logs)}})
	return next
}

// TestHandOver gives the socket to another server under load: requests of the
// connections that there are do not fail, new connections come to the other one.
func TestHandOver(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0"} {
		t.Run(addr, func(t *testing.T) { handOver(t, addr) })
	}
}

func handOver(t *testing.T, addr string) {
	b := &bench{t: t, h: &handler{handle: echo}, logs: &logs{}, within: 10 * time.Second}
	pc, err := Open(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	b.ca = newCA(t)
	b.on(pc, ServerConfig{ServerConfig: exchange.ServerConfig{Log: newLog(b.logs)}})
	if strings.HasPrefix(addr, ":") {
		b.addr = strings.Replace(b.addr, "[::]", "127.0.0.1", 1)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var asked atomic.Int64
	ask := func(q *quic.Conn) bool {
		s, err := q.OpenStreamSync(t.Context())
		if err != nil {
			t.Errorf("open: %v", err)
			return false
		}
		_, _ = s.Write(join(headers(with(kv{":method", "POST"})), frame(frameData, make([]byte, 5000))))
		_ = s.Close()
		status, body, err := answer(t, s)
		if status != "200" || len(body) != 5000 || !errors.Is(err, io.EOF) {
			t.Errorf("%q, %d bytes, %v", status, len(body), err)
			return false
		}
		asked.Add(1)
		return true
	}
	for range 8 {
		q := b.dial()
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if !ask(q) {
						return
					}
				}
			}
		})
	}
	eventually(t, "load", func() bool { return asked.Load() > 100 })
	next := successor(t, b)
	next.addr = b.addr
	b.srv.HandOver(t.Context())
	n := asked.Load()
	eventually(t, "load after the change", func() bool { return asked.Load() > n+200 || t.Failed() })
	before, _ := next.h.calls()
	if before != 0 {
		t.Errorf("%d requests of old connections came to the new server", before)
	}
	for range 5 {
		ask(next.dial())
	}
	if n, _ := next.h.calls(); n != 5 {
		t.Errorf("%d of 5 requests of new connections came to the new server", n)
	}
	close(stop)
	wg.Wait()
	b.stop()
	ask(next.dial())
	if n, _ := next.h.calls(); n != 6 {
		t.Errorf("%d of 6 requests after the end of the old server", n)
	}
}

// TestHandOverAgain takes leave twice, of a client twice, and of a closed socket.
func TestHandOverAgain(t *testing.T) {
	b := serve(t, echo, nil)
	c := b.client()
	resp, err := c.Get(b.url("/"))
	get(t, resp, err)
	b.srv.HandOver(t.Context())
	b.srv.HandOver(t.Context())
	resp, err = c.Get(b.url("/"))
	get(t, resp, err)
	b.stop()
	if err := b.socket.KeepClient(addrPort(b.socket.LocalAddr()), addrPort(b.socket.LocalAddr())); !errors.Is(err, net.ErrClosed) {
		t.Errorf("keep: %v", err)
	}
	if err := b.socket.Close(); err != nil {
		t.Error(err)
	}
}

// TestHandOverWaits has a handshake in flight: it is waited for, not for ever.
func TestHandOverWaits(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) { _ = d.Reply(text(http.StatusOK, "")) }, nil)
	life, end := context.WithCancel(t.Context())
	defer end()
	if _, err := b.srv.gate.admit(life, &quic.ClientInfo{RemoteAddr: b.socket.LocalAddr()}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { b.srv.HandOver(ctx); close(done) }()
	select {
	case <-done:
		t.Fatal("not waited for")
	default:
	}
	cancel()
	<-done
	end()
	b.srv.HandOver(t.Context())
}

// TestOpen says why a socket cannot be had.
func TestOpen(t *testing.T) {
	if _, err := Open(t.Context(), "192.0.2.1:1"); err == nil || !strings.Contains(err.Error(), "-http3-address") {
		t.Errorf("error %v", err)
	}
}
