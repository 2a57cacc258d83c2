package http3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// open opens a stream and sends raw.
func open(t *testing.T, q *quic.Conn, raw []byte) *quic.Stream {
	t.Helper()
	s, err := q.OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(raw); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHostileRapidReset has a client open streams and give them up at once. It is
// disconnected, and never are there more handlers than streams allowed
// (CVE-2023-44487).
func TestHostileRapidReset(t *testing.T) {
	var now, most atomic.Int32
	b := serve(t, func(d exchange.Downstream) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		gone := make(chan struct{})
		d.OnGone(func() { close(gone) })
		<-gone
	}, func(cfg *ServerConfig) { cfg.MaxStreams = 20 })
	q := b.dial()
	opened := 0
	for {
		s, err := q.OpenStreamSync(t.Context())
		if err != nil {
			break
		}
		if opened++; opened > 20000 {
			t.Fatal("nobody stops it")
		}
		_, _ = s.Write(headers(get1))
		s.CancelWrite(CodeRequestCancelled.stream())
		s.CancelRead(CodeRequestCancelled.stream())
	}
	ends(t, q, CodeExcessiveLoad)
	if n := most.Load(); n > 20 {
		t.Errorf("%d handlers at a time", n)
	}
	eventually(t, "handlers end", func() bool { return now.Load() == 0 })
}

// TestHostileMalformedFlood has a client send nothing but malformed requests.
func TestHostileMalformedFlood(t *testing.T) {
	b := serve(t, echo, nil)
	q := b.dial()
	bad := headers(with(kv{"connection", "close"}))
	for n := 0; ; n++ {
		s, err := q.OpenStreamSync(t.Context())
		if err != nil {
			break
		}
		if n > 20000 {
			t.Fatal("nobody stops it")
		}
		_, _ = s.Write(bad)
		_ = s.Close()
		_, _ = io.Copy(io.Discard, s)
	}
	ends(t, q, CodeExcessiveLoad)
	if n, _ := b.h.calls(); n > 0 {
		t.Errorf("%d handled", n)
	}
}

// TestHostileEmptyFrames has a body of frames that carry nothing.
func TestHostileEmptyFrames(t *testing.T) {
	b := serve(t, echo, nil)
	q := b.dial()
	_, _ = open(t, q, headers(with(kv{":method", "POST"}))).Write(bytes.Repeat([]byte{0, 0}, 20000))
	ends(t, q, CodeExcessiveLoad)
}

// TestLogIsBounded has many connections end for a fault: the log has few lines.
func TestLogIsBounded(t *testing.T) {
	l := &logs{}
	a := attackLog{log: newLog(l), now: func() int64 { return 5e9 }}
	for range 1000 {
		a.refused("attack", errBusy)
	}
	a.now = func() int64 { return 6e9 }
	a.ended("attack", &ConnError{})
	if n := strings.Count(l.String(), "attack"); n != linesPerSecond+1 || !strings.Contains(l.String(), "not_logged_before=995") {
		t.Errorf("%d lines: %s", n, l)
	}
}

// TestMaxStreams has a client open as many streams as it may and give them up:
// each counts until its handler is done.
func TestMaxStreams(t *testing.T) {
	release := make(chan struct{})
	b := serve(t, func(d exchange.Downstream) { <-release; _ = d.Reply(text(200, "")) }, func(cfg *ServerConfig) { cfg.MaxStreams = 3 })
	q := b.dial()
	for range 3 {
		s := open(t, q, headers(get1))
		_ = s.Close()
		eventually(t, "handled", func() bool { n, _ := b.h.calls(); return n > 0 })
		s.CancelRead(CodeRequestCancelled.stream())
	}
	eventually(t, "handled", func() bool { n, _ := b.h.calls(); return n == 3 })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := q.OpenStreamSync(ctx); err == nil {
		t.Error("a stream too many")
	}
	close(release)
	_ = open(t, q, headers(get1)).Close()
}

func TestMaxConnections(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(cfg *ServerConfig)
	}{
		{"in all", func(cfg *ServerConfig) { cfg.MaxConns = 2 }},
		{"of a client", func(cfg *ServerConfig) { cfg.MaxPerClient = 2 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := serve(t, echo, tt.change)
			first := b.dial()
			b.dial()
			eventually(t, "two connections", func() bool { return b.srv.Conns() == 2 })
			q, err := quic.DialAddr(t.Context(), b.addr, b.tls(), nil)
			if err == nil {
				<-q.Context().Done()
			}
			_ = first.CloseWithError(0, "")
			eventually(t, "one connection", func() bool { return b.srv.Conns() == 1 })
			eventually(t, "room", func() bool { b.srv.gate.mu.Lock(); defer b.srv.gate.mu.Unlock(); return b.srv.gate.conns == 1 })
			if status, _, _ := once(t, b, headers(get1)); status != "200" {
				t.Errorf("status %q", status)
			}
		})
	}
}

// TestHostileHandshakes leaves handshakes half done: further clients have to
// prove their address, honest ones still get through, and there is an end.
func TestHostileHandshakes(t *testing.T) {
	b := serve(t, echo, func(cfg *ServerConfig) { cfg.RetryFrom = 2 })
	g := &b.srv.gate
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	info := &quic.ClientInfo{}
	for range 2 {
		if _, err := g.admit(ctx, info); err != nil {
			t.Fatal(err)
		}
	}
	if !g.suspicious(nil) {
		t.Error("nobody has to prove an address")
	}
	if status, _, _ := once(t, b, headers(get1)); status != "200" {
		t.Errorf("an honest client: status %q", status)
	}
	for range 2*mostHandshakes - 2 {
		if _, err := g.admit(ctx, info); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.admit(ctx, info); err == nil {
		t.Error("handshakes without end")
	}
	cancel()
	eventually(t, "they are gone", func() bool { return !g.suspicious(nil) })
}

func TestTimeouts(t *testing.T) {
	const short = 50 * time.Millisecond
	t.Run("head", func(t *testing.T) {
		b := serve(t, echo, func(cfg *ServerConfig) { cfg.HeadTimeout = short })
		raw := headers(get1)
		s := open(t, b.dial(), raw[:len(raw)-1])
		var se *quic.StreamError
		if _, _, err := answer(t, s); !errors.As(err, &se) || Code(se.ErrorCode) != CodeRequestIncomplete {
			t.Errorf("the stream ended with %v", err)
		}
	})
	t.Run("body", func(t *testing.T) {
		b := serve(t, func(d exchange.Downstream) {
			_, err := io.ReadAll(d.Record().Request.Body)
			if !errors.Is(err, sock.ErrTimeout) || !errors.Is(d.BodyError(), sock.ErrTimeout) {
				t.Errorf("body: %v, %v", err, d.BodyError())
			}
			_ = d.Reply(text(408, ""))
		}, func(cfg *ServerConfig) { cfg.ReadTimeout = short })
		s := open(t, b.dial(), join(headers(with(kv{":method", "POST"}, kv{"content-length", "2"})), frame(frameData, []byte("a"))))
		if status, _, _ := answer(t, s); status != "408" {
			t.Errorf("status %q", status)
		}
	})
	t.Run("response", func(t *testing.T) {
		done := make(chan error, 1)
		b := serve(t, func(d exchange.Downstream) {
			resp := &message.Response{Status: 200}
			resp.SetBody(&pattern{n: 1 << 30}, message.Unknown)
			done <- d.Reply(resp)
		}, func(cfg *ServerConfig) { cfg.WriteTimeout = short })
		_ = open(t, b.dial(), headers(get1)).Close() // and nobody reads
		var re *exchange.ReplyError
		if err := <-done; !errors.As(err, &re) || re.Backend || !errors.Is(err, sock.ErrTimeout) {
			t.Errorf("reply: %v", err)
		}
	})
	t.Run("idle", func(t *testing.T) {
		b := serve(t, echo, func(cfg *ServerConfig) { cfg.IdleTimeout = short })
		ends(t, b.dial(), CodeNoError)
	})
	t.Run("age", func(t *testing.T) {
		b := serve(t, echo, func(cfg *ServerConfig) { cfg.MaxAge = short })
		ends(t, b.dial(), CodeNoError)
	})
	t.Run("requests", func(t *testing.T) {
		b := serve(t, echo, func(cfg *ServerConfig) { cfg.MaxRequests = 1 })
		q := b.dial()
		s := open(t, q, headers(get1))
		_ = s.Close()
		if status, _, _ := answer(t, s); status != "200" {
			t.Errorf("status %q", status)
		}
		ends(t, q, CodeNoError)
	})
}

// TestDrainUnderLoad ends the server while clients ask: whatever was asked is
// answered. Clients of the same address go on with another server.
func TestDrainUnderLoad(t *testing.T) {
	first, second := serve(t, echo, nil), serve(t, echo, nil)
	var to atomic.Pointer[bench]
	to.Store(first)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var asked atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			clients := map[*bench]*http.Client{first: first.client(), second: second.client()}
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				b := to.Load()
				body := fmt.Sprint(i, n, strings.Repeat("x", 20000))
				resp, err := clients[b].Post(b.url("/"), "a/b", strings.NewReader(body))
				if err != nil && to.Load() != b {
					continue // the connection that the client has is closing: a new one is refused
				}
				if err != nil {
					t.Errorf("request %d: %v", n, err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || string(got) != body {
					t.Errorf("request %d: %d bytes, %v", n, len(got), err)
					return
				}
				asked.Add(1)
			}
		})
	}
	eventually(t, "load", func() bool { return asked.Load() > 100 })
	to.Store(second)
	first.stop()
	n := asked.Load()
	eventually(t, "load on the other server", func() bool { return asked.Load() > n+100 })
	close(stop)
	wg.Wait()
	handled, _ := first.h.calls()
	other, _ := second.h.calls()
	if int64(handled+other) != asked.Load() {
		t.Errorf("%d handled, %d answered", handled+other, asked.Load())
	}
}

// TestDrainWaits has a request under way while the server ends: it is answered,
// and one that is sent before the client knows is, too.
func TestDrainWaits(t *testing.T) {
	release := make(chan struct{})
	b := serve(t, func(d exchange.Downstream) {
		if d.Record().Request.Path == "/slow" {
			<-release
		}
		_ = d.Reply(text(200, strings.Repeat("x", 1<<20)))
	}, nil)
	q := b.dial()
	slow := open(t, q, headers(with(kv{":path", "/slow"})))
	_ = slow.Close()
	eventually(t, "handled", func() bool { n, _ := b.h.calls(); return n == 1 })
	ended := make(chan struct{})
	go func() { b.stop(); close(ended) }()
	eventually(t, "draining", func() bool { b.srv.mu.Lock(); defer b.srv.mu.Unlock(); return b.srv.gone })
	s := open(t, q, headers(get1))
	_ = s.Close()
	for _, s := range []*quic.Stream{s, slow} {
		if s == slow {
			close(release)
		}
		if status, body, err := answer(t, s); status != "200" || len(body) != 1<<20 || !errors.Is(err, io.EOF) {
			t.Errorf("%s, %d bytes, %v", status, len(body), err)
		}
	}
	<-ended
}

// TestDrainCuts has a request that never ends: the server ends in time.
func TestDrainCuts(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		gone := make(chan struct{})
		d.OnGone(func() { close(gone) })
		<-gone
	}, nil)
	_ = open(t, b.dial(), headers(get1)).Close()
	eventually(t, "handled", func() bool { n, _ := b.h.calls(); return n == 1 })
	b.within, b.drained = 10*time.Millisecond, context.DeadlineExceeded
	b.stop()
}

// TestPanic has a handler panic: only its stream is lost.
func TestPanic(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		if d.Record().Request.Path == "/panic" {
			panic("no")
		}
		echo(d)
	}, nil)
	q := b.dial()
	s := open(t, q, headers(with(kv{":path", "/panic"})))
	_ = s.Close()
	var se *quic.StreamError
	if _, _, err := answer(t, s); !errors.As(err, &se) || Code(se.ErrorCode) != CodeInternal {
		t.Errorf("the stream ended with %v", err)
	}
	s = open(t, q, headers(get1))
	_ = s.Close()
	if status, _, _ := answer(t, s); status != "200" {
		t.Errorf("status %q", status)
	}
}

// TestContinue asks for a body that the client holds back.
func TestContinue(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		body, err := io.ReadAll(d.Record().Request.Body)
		if err != nil {
			t.Error(err)
		}
		_ = d.Reply(text(200, string(body)))
	}, nil)
	s := open(t, b.dial(), headers(with(kv{":method", "POST"}, kv{"expect", "100-continue"}, kv{"content-length", "2"})))
	in := &input{s: s}
	kind, n, err := in.frame(true)
	if err != nil || kind != frameHeaders {
		t.Fatalf("frame %d, %v", kind, err)
	}
	if err := in.need(int(n), true); err != nil {
		t.Fatal(err)
	}
	if block := in.unread()[:n]; !bytes.Equal(block, section([]kv{{":status", "100"}})) {
		t.Fatalf("% x is not 100", block)
	}
	in.r += int(n)
	_, _ = s.Write(frame(frameData, []byte("ab")))
	_ = s.Close()
	rest := io.MultiReader(bytes.NewReader(bytes.Clone(in.unread())), s)
	if status, body, _ := answer(t, rest); status != "200" || string(body) != "ab" {
		t.Errorf("%s %q", status, body)
	}
	in.release()
}

// TestTunnel passes bytes both ways after an extended CONNECT (RFC 9220).
func TestTunnel(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		r := &d.Record().Request
		if d.Upgrade() != "websocket" || r.Method != "GET" || r.Body != nil || r.Header.Get("Sec-Websocket-Version") != "13" {
			t.Errorf("upgrade to %q, %s %v", d.Upgrade(), r.Method, r.Header)
		}
		resp := &message.Response{Status: 101}
		resp.Header.Add("Upgrade", "websocket")
		resp.Header.Add("Sec-WebSocket-Accept", "x")
		resp.Header.Add("Sec-WebSocket-Protocol", "chat")
		p, err := d.Accept(resp)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := io.Copy(p, p); err != nil {
			t.Error(err)
		}
		_ = p.CloseWrite()
		_ = p.Close()
	}, nil)
	s := open(t, b.dial(), headers(with(kv{":method", "CONNECT"}, kv{":protocol", "websocket"}, kv{"sec-websocket-version", "13"})))
	want := make([]byte, 100_000)
	_, _ = io.ReadFull(&pattern{n: 1 << 20}, want)
	go func() {
		_, _ = s.Write(frame(frameData, []byte("hi")))
		_, _ = s.Write(frame(frameData, want))
		_ = s.Close()
	}()
	status, body, err := answer(t, s)
	if status != "200" || !bytes.Equal(body, append([]byte("hi"), want...)) || !errors.Is(err, io.EOF) {
		t.Errorf("%s, %d bytes, %v", status, len(body), err)
	}
}

// TestTunnelInterrupted ends a tunnel from our side: the client sees a reset.
func TestTunnelInterrupted(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		p, err := d.Accept(&message.Response{Status: 101})
		if err != nil {
			t.Error(err)
			return
		}
		p.Interrupt()
		if _, err := p.Read(make([]byte, 1)); err == nil {
			t.Error("read after Interrupt")
		}
		if _, err := p.Write(make([]byte, 1)); err == nil {
			t.Error("write after Interrupt")
		}
		_ = p.CloseWrite()
		_ = p.Close()
	}, nil)
	s := open(t, b.dial(), headers(with(kv{":method", "CONNECT"}, kv{":protocol", "websocket"})))
	var se *quic.StreamError
	if _, _, err := answer(t, s); !errors.As(err, &se) {
		t.Errorf("the stream ended with %v", err)
	}
}

// TestHold stops who reads a body, and lets it go on.
func TestHold(t *testing.T) {
	b := serve(t, func(d exchange.Downstream) {
		var o exchange.SendOptions
		d.SendOptions(&o)
		body := d.Record().Request.Body.(exchange.Body)
		stopped := make(chan error, 1)
		go func() { _, err := body.Next(1); stopped <- err }()
		o.From.HoldRead(true)
		if err := <-stopped; !errors.Is(err, sock.ErrTimeout) {
			t.Errorf("held: %v", err)
		}
		o.From.HoldRead(false)
		_ = d.Reply(text(200, ""))
	}, nil)
	s := open(t, b.dial(), headers(with(kv{":method", "POST"})))
	if status, _, _ := answer(t, s); status != "200" {
		t.Errorf("status %q", status)
	}
	_ = s.Close()
}
