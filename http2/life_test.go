package http2

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// bubble is a server and one connection in virtual time.
type bubble struct {
	*raw
	srv    *Server
	served chan struct{}
	states []exchange.ConnState
	mu     sync.Mutex
}

// inBubble runs fn with a connection to a server for h, in virtual time.
func inBubble(t *testing.T, h exchange.Handler, cfg ServerConfig, o ConnOptions, fn func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		sw := sock.NewSweeper()
		ctx, cancel := context.WithCancel(t.Context())
		swept := make(chan struct{})
		go func() { _ = sw.Run(ctx); close(swept) }()
		b := &bubble{raw: newRaw(t, ours), served: make(chan struct{})}
		b.patience = time.Hour
		cfg.ConnMoved = func(_, to exchange.ConnState) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.states = append(b.states, to)
		}
		b.srv = NewServer(h, cfg, sw)
		go func() {
			b.srv.ServeConn(sock.Wrap(theirs, sw), o)
			close(b.served)
		}()
		fn(b)
		_ = ours.Close()
		drain, stop := context.WithTimeout(t.Context(), time.Minute)
		if err := b.srv.Drain(drain); err != nil {
			t.Errorf("drain: %v", err)
		}
		stop()
		<-b.served
		cancel()
		<-swept
	})
}

// ends reads to the end of the connection and returns the code of the last
// GOAWAY, and how long that took.
func (b *bubble) ends() (Code, time.Duration) {
	b.t.Helper()
	begun := time.Now()
	code := Code(0xff)
	_ = b.nc.SetReadDeadline(time.Now().Add(time.Hour))
	for {
		f, err := b.fr.ReadFrame()
		if err != nil {
			return code, time.Since(begun)
		}
		if g, ok := f.(*xhttp2.GoAwayFrame); ok {
			code = Code(g.ErrCode)
		}
	}
}

// within reports whether a limit of want was kept, as late as the watch and
// lingering may be.
func within(got, want time.Duration) bool { return got >= want && got <= want+2*time.Second }

func TestTimeLimits(t *testing.T) {
	reply := &handler{}
	t.Run("no preface", func(t *testing.T) {
		inBubble(t, reply, ServerConfig{ServerConfig: exchange.ServerConfig{HeadTimeout: 5 * time.Second}}, ConnOptions{}, func(b *bubble) {
			if code, took := b.ends(); code != CodeNone || !within(took, 5*time.Second) {
				t.Errorf("ended with %v after %v", code, took)
			}
		})
	})
	t.Run("no SETTINGS", func(t *testing.T) {
		inBubble(t, reply, ServerConfig{ServerConfig: exchange.ServerConfig{HeadTimeout: 5 * time.Second}}, ConnOptions{}, func(b *bubble) {
			go b.write([]byte(Preface))
			if code, took := b.ends(); code != CodeNone || !within(took, 5*time.Second) {
				t.Errorf("ended with %v after %v", code, took)
			}
		})
	})
	t.Run("half a head", func(t *testing.T) {
		inBubble(t, reply, ServerConfig{ServerConfig: exchange.ServerConfig{HeadTimeout: 5 * time.Second}}, ConnOptions{}, func(b *bubble) {
			b.helloPiped()
			b.try(b.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}}))
			if code, took := b.ends(); code != CodeNone || !within(took, 5*time.Second) {
				t.Errorf("ended with %v after %v", code, took)
			}
		})
	})
	t.Run("half a frame", func(t *testing.T) {
		inBubble(t, reply, ServerConfig{ServerConfig: exchange.ServerConfig{HeadTimeout: 5 * time.Second}}, ConnOptions{}, func(b *bubble) {
			b.helloPiped()
			b.write([]byte{0, 0, 8})
			if code, took := b.ends(); code != CodeNone || !within(took, 5*time.Second) {
				t.Errorf("ended with %v after %v", code, took)
			}
		})
	})
	t.Run("idle", func(t *testing.T) {
		inBubble(t, reply, ServerConfig{ServerConfig: exchange.ServerConfig{HeadTimeout: 5 * time.Second, IdleTimeout: 20 * time.Second}}, ConnOptions{}, func(b *bubble) {
			b.helloPiped()
			if code, took := b.ends(); code != CodeNone || !within(took, 20*time.Second) {
				t.Errorf("ended with %v after %v", code, took)
			}
		})
	})
	t.Run("SETTINGS not acknowledged", func(t *testing.T) {
		inBubble(t, reply, ServerConfig{}, ConnOptions{}, func(b *bubble) {
			go func() {
				b.write([]byte(Preface))
				b.try(b.fr.WriteSettings())
			}()
			if code, took := b.ends(); code != CodeSettingsTimeout || !within(took, settingsTimeout) {
				t.Errorf("ended with %v after %v", code, took)
			}
		})
	})
	t.Run("age", func(t *testing.T) {
		inBubble(t, reply, ServerConfig{ServerConfig: exchange.ServerConfig{MaxAge: time.Minute}}, ConnOptions{}, func(b *bubble) {
			b.helloPiped()
			if code, took := b.ends(); code != CodeNone || !within(took, time.Minute+drainWait) {
				t.Errorf("ended with %v after %v", code, took)
			}
		})
	})
}

// helloPiped is hello where writes wait for the reader.
func (b *bubble) helloPiped() {
	b.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.write([]byte(Preface))
		b.try(b.fr.WriteSettings())
	}()
	b.until("SETTINGS", func(f xhttp2.Frame) bool { s, ok := f.(*xhttp2.SettingsFrame); return ok && !s.IsAck() })
	b.until("SETTINGS acknowledged", func(f xhttp2.Frame) bool { s, ok := f.(*xhttp2.SettingsFrame); return ok && s.IsAck() })
	<-done
	b.try(b.fr.WriteSettingsAck())
}

// A request's body has to be complete in time, and may not come too slowly.
func TestBodyTimeLimits(t *testing.T) {
	for name, cfg := range map[string]ServerConfig{
		"read timeout": {ServerConfig: exchange.ServerConfig{ReadTimeout: 30 * time.Second}},
		"lowest rate":  {ServerConfig: exchange.ServerConfig{MinBodyRate: 100, MinBodyGrace: 30 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			h := &handler{fn: func(d exchange.Downstream) {
				_, err = io.Copy(io.Discard, d.Record().Request.Body)
				_ = d.Reply(&message.Response{Status: 408})
			}}
			inBubble(t, h, cfg, ConnOptions{}, func(b *bubble) {
				b.helloPiped()
				id := b.open(false, plain("POST")...)
				begun := time.Now()
				stop := make(chan struct{})
				go func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(time.Second):
							_ = b.fr.WriteData(id, false, []byte("0123456789"))
						}
					}
				}()
				f, _ := b.response(id)
				if took := time.Since(begun); f[":status"] != "408" || !within(took, 30*time.Second) {
					t.Errorf("answered with %v after %v", f, took)
				}
				close(stop)
				synctest.Wait()
				if !errors.Is(err, sock.ErrTimeout) {
					t.Errorf("the body's error is %v", err)
				}
			})
		})
	}
}

// A graceful end: first a GOAWAY for what may come, then one with the last
// stream; what was begun is served.
func TestDrain(t *testing.T) {
	release := make(chan struct{})
	h := &handler{fn: func(d exchange.Downstream) {
		if d.Record().Request.Method == "GET" {
			<-release
		}
		_ = d.Reply(text(200, "served"))
	}}
	s := listen(t, h, ServerConfig{}, nil)
	r := dial(t, s)
	first := r.open(true, plain("GET")...)
	eventually(t, "the handler runs", func() bool { return len(h.requests()) == 1 })
	drained := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		drained <- s.Drain(ctx)
	}()
	isGoAway := func(f xhttp2.Frame) bool { _, ok := f.(*xhttp2.GoAwayFrame); return ok }
	if g := r.until("GOAWAY", isGoAway).(*xhttp2.GoAwayFrame); g.LastStreamID != maxID || g.ErrCode != 0 {
		t.Errorf("the first GOAWAY is %v", g)
	}
	second := r.open(true, plain("POST")...) // it had not read that yet
	ping := r.until("PING", func(f xhttp2.Frame) bool { _, ok := f.(*xhttp2.PingFrame); return ok }).(*xhttp2.PingFrame)
	r.try(r.fr.WritePing(true, ping.Data))
	got := map[uint32]string{}
	for len(got) < 1 {
		f := r.until("the response to the second request", func(f xhttp2.Frame) bool {
			_, data := f.(*xhttp2.DataFrame)
			return data || isGoAway(f)
		})
		if g, ok := f.(*xhttp2.GoAwayFrame); ok {
			if g.LastStreamID != second {
				t.Errorf("the second GOAWAY is %v", g)
			}
			continue
		}
		got[f.Header().StreamID] = string(f.(*xhttp2.DataFrame).Data())
	}
	late := r.open(true, plain("POST")...) // must not be served
	close(release)
	for {
		f, err := r.fr.ReadFrame()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("the connection ended with %v", err)
			}
			break
		}
		if d, ok := f.(*xhttp2.DataFrame); ok {
			got[d.StreamID] = string(d.Data())
		}
	}
	if got[first] != "served" || got[second] != "served" || got[late] != "" {
		t.Errorf("served %v", got)
	}
	_ = r.nc.Close()
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

// What does not end in time is cut off.
func TestDrainCut(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) {
		gone := make(chan struct{})
		d.OnGone(func() { close(gone) })
		<-gone
	}}
	inBubble(t, h, ServerConfig{}, ConnOptions{}, func(b *bubble) {
		b.helloPiped()
		b.open(true, plain("GET")...)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- b.srv.Drain(ctx) }()
		b.ends()
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain gave %v", err)
		}
	})
}

func TestMaxRequests(t *testing.T) {
	s := listen(t, &handler{}, ServerConfig{ServerConfig: exchange.ServerConfig{MaxRequests: 3}}, nil)
	r := dial(t, s)
	for range 3 {
		if f, _ := r.response(r.open(true, plain("GET")...)); f[":status"] != "200" {
			t.Errorf("answered with %v", f)
		}
	}
	if code := r.goAway(); code != CodeNone {
		t.Errorf("ended with %v", code)
	}
}

// The states of a connection are reported in order.
func TestConnMoved(t *testing.T) {
	inBubble(t, &handler{}, ServerConfig{}, ConnOptions{}, func(b *bubble) {
		b.helloPiped()
		b.response(b.open(true, plain("GET")...))
		synctest.Wait() // the handler has ended, too
		_ = b.nc.Close()
		<-b.served
		want := []exchange.ConnState{exchange.ConnNew, exchange.ConnActive, exchange.ConnIdle, exchange.ConnClosed}
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.states) != len(want) {
			t.Fatalf("states %v, want %v", b.states, want)
		}
		for i := range want {
			if b.states[i] != want[i] {
				t.Errorf("states %v, want %v", b.states, want)
			}
		}
	})
}

// A request that came over HTTP/1 becomes stream 1 (RFC 7540 3.2).
func TestUpgradedRequest(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) {
		r := &d.Record().Request
		_ = d.Reply(text(200, r.Host+r.Path+r.Header.Get("X")+decimal(int64(r.Major))))
	}}
	req := &message.Request{Method: "GET", Host: "h", Path: "/a", RawPath: "/a", Major: 1, Minor: 1}
	req.Header.Add("X", "y")
	o := ConnOptions{Request: req, Settings: []byte{0, 4, 0, 0, 0, 4}, Unread: []byte(Preface)}
	inBubble(t, h, ServerConfig{}, o, func(b *bubble) {
		go b.try(b.fr.WriteSettings())
		if f, _ := b.response(1); f[":status"] != "200" {
			t.Errorf("answered with %v", f)
		}
		f := b.until("DATA", func(f xhttp2.Frame) bool { _, ok := f.(*xhttp2.DataFrame); return ok }).(*xhttp2.DataFrame)
		if string(f.Data()) != "h/ay" || f.StreamEnded() {
			t.Errorf("a window of 4 got %q", f.Data())
		}
	})
}

// Interim responses come before the response, 100 only when the body is asked
// for.
func TestInterim(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) {
		var o exchange.SendOptions
		d.SendOptions(&o)
		hints := &message.Response{Status: 103}
		hints.Header.Add("Link", "</a>")
		hints.Header.Add("Connection", "close")
		o.Inform(hints)
		if !o.Expect {
			t.Error("the Expect field is not reported")
		}
		_, _ = io.Copy(io.Discard, d.Record().Request.Body)
		_ = d.Reply(&message.Response{Status: 204})
	}}
	r := dial(t, listen(t, h, ServerConfig{}, nil))
	id := r.open(false, plain("POST", "expect", "100-continue")...)
	if f, end := r.response(id); f[":status"] != "103" || f["link"] != "</a>" || len(f) != 2 || end {
		t.Errorf("first comes %v", f)
	}
	if f, end := r.response(id); f[":status"] != "100" || end {
		t.Errorf("then comes %v", f)
	}
	r.try(r.fr.WriteData(id, true, []byte("x")))
	if f, end := r.response(id); f[":status"] != "204" || !end {
		t.Errorf("then comes %v", f)
	}
}

// A tunnel by extended CONNECT (RFC 8441).
func TestTunnel(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) {
		r := &d.Record().Request
		if r.Method != "GET" || d.Upgrade() != "websocket" || r.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("the handler saw %s %q %v", r.Method, d.Upgrade(), r.Header)
		}
		resp := &message.Response{Status: 101}
		for _, name := range []string{"Connection", "Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"} {
			resp.Header.Add(name, "x")
		}
		p, err := d.Accept(resp)
		if err != nil {
			t.Error(err)
			return
		}
		if n, err := io.Copy(p, p); n != 3<<20 || err != nil {
			t.Errorf("%d bytes came through: %v", n, err)
		}
		if err := errors.Join(p.CloseWrite(), p.Close()); err != nil {
			t.Error(err)
		}
	}}
	r := dial(t, listen(t, h, ServerConfig{}, nil))
	id := r.open(false, plain("CONNECT", ":protocol", "websocket", "sec-websocket-version", "13")...)
	f, end := r.response(id)
	if f[":status"] != "200" || f["sec-websocket-protocol"] != "x" || len(f) != 2 || end {
		t.Errorf("answered with %v", f)
	}
	r.try(r.fr.WriteWindowUpdate(0, 1<<30))
	r.try(r.fr.WriteWindowUpdate(id, 1<<30))
	sent, got, room := 0, 0, 60000
	for ended := false; !ended; {
		for sent < 3<<20 && room >= maxFrame {
			r.try(r.fr.WriteData(id, sent+maxFrame == 3<<20, make([]byte, maxFrame)))
			sent += maxFrame
			room -= maxFrame
		}
		f := r.until("DATA", func(f xhttp2.Frame) bool { return f.Header().StreamID == id }) //nolint:gocritic // the last one
		switch f := f.(type) {
		case *xhttp2.DataFrame:
			got += len(f.Data())
			room += len(f.Data())
			ended = f.StreamEnded()
		case *xhttp2.RSTStreamFrame:
			t.Fatalf("reset with %v", f.ErrCode)
		}
	}
	if got != 3<<20 {
		t.Errorf("%d bytes came back", got)
	}
}

// A filter's body that is not what it promised, or fails, resets the stream.
func TestFailingBodies(t *testing.T) {
	tests := []struct {
		name string
		resp *message.Response
	}{
		{"too long", &message.Response{Status: 200, ContentLength: 2, Body: reader{io.LimitReader(zeros{}, 3)}}},
		{"too short", &message.Response{Status: 200, ContentLength: 4, Body: reader{io.LimitReader(zeros{}, 3)}}},
		{"fails", &message.Response{Status: 200, ContentLength: -1, Body: reader{io.MultiReader(io.LimitReader(zeros{}, 3), failing{})}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make(chan error, 1)
			h := &handler{fn: func(d exchange.Downstream) { got <- d.Reply(tt.resp) }}
			r := dial(t, listen(t, h, ServerConfig{}, nil))
			if code := r.reset(r.open(true, plain("GET")...)); code != CodeInternal {
				t.Errorf("reset with %v", code)
			}
			var re *exchange.ReplyError
			if err := <-got; !errors.As(err, &re) || !re.Backend {
				t.Errorf("Reply gave %v", err)
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errTest }

// A request that is answered early: its rest is waited for if the client may
// send all of it, so that it need not be told; else the stream is reset together
// with the response.
func TestEarlyResponse(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) { _ = d.Reply(text(200, "early")) }}
	r := dial(t, listen(t, h, ServerConfig{}, nil))
	id := r.open(false, plain("POST", "content-length", "100")...)
	if f, _ := r.response(id); f[":status"] != "200" {
		t.Errorf("answered with %v", f)
	}
	r.try(r.fr.WriteData(id, true, make([]byte, 100)))
	large := r.open(false, plain("POST", "content-length", "1000000")...)
	var got []xhttp2.FrameType
	r.until("RST_STREAM", func(f xhttp2.Frame) bool {
		got = append(got, f.Header().Type)
		rst, ok := f.(*xhttp2.RSTStreamFrame)
		if ok && (rst.StreamID != large || rst.ErrCode != 0) {
			t.Errorf("stream %d is reset with %v", rst.StreamID, rst.ErrCode)
		}
		return ok
	})
	if n := len(got); n < 3 || got[n-3] != xhttp2.FrameHeaders || got[n-2] != xhttp2.FrameData {
		t.Errorf("the response is not in front of the reset: %v", got)
	}
	r.try(r.fr.WriteData(large, false, make([]byte, 100))) // it crosses the reset
	if f, _ := r.response(r.open(true, plain("GET")...)); f[":status"] != "200" {
		t.Errorf("the next request is answered with %v", f)
	}
}
