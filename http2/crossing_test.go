package http2

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// unwritable is a connection that can still be read when writing fails, as after
// a reset that overtook nothing.
type unwritable struct {
	Conn
	broken atomic.Bool
}

func (u *unwritable) WriteTwo(a, b []byte) error {
	if u.broken.Load() {
		return errors.New("broken pipe")
	}
	return u.Conn.WriteTwo(a, b)
}

// A response may arrive for a request that could not be sent, before its stream
// is given back: nobody waits for it.
func TestResponseAfterFailedSend(t *testing.T) {
	for name, fail := range map[string]func(b *scripted, u *unwritable, s *ClientStream) error{
		"the connection takes nothing": func(b *scripted, u *unwritable, s *ClientStream) error {
			_ = b.fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
			synctest.Wait()
			u.broken.Store(true)
			k := call{method: "POST", path: "/", body: &block100{left: make([]byte, 100)}, length: 100}
			return s.Do(k.request(), &message.Response{}, &exchange.SendOptions{Host: "h"})
		},
		"the client is gone when it is asked for the body": func(b *scripted, _ *unwritable, s *ClientStream) error {
			b.greet()
			k := call{method: "POST", path: "/", body: &block100{left: make([]byte, 100)}, length: 100}
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() {
				b.await(xhttp2.FrameHeaders, 1)
				b.head(1, false, ":status", "100")
			})
			return s.Do(k.request(), &message.Response{}, &exchange.SendOptions{
				Host: "h", Expect: true, Continue: func() error { return sock.ErrTimeout },
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, near := newScriptedPeer(t)
				<-time.After(time.Millisecond)
				u := &unwritable{Conn: near}
				c, err := NewClientConn(u, ClientConfig{Now: b.s.Now})
				if err != nil {
					t.Fatal(err)
				}
				b.c = c
				s := mustOpen(t, c)
				if err := fail(b, u, s); err == nil {
					t.Fatal("sent")
				}
				c.mu.Lock()
				left := len(c.streams)
				c.mu.Unlock()
				if left != 0 {
					t.Errorf("%d streams still take what comes", left)
				}
				b.head(1, true, ":status", "200", "a", "b")
				synctest.Wait()
				s.Close()
				c.Close()
			})
		})
	}
}

// A request whose head is under way when the last GOAWAY is sent, which names its
// stream, is served.
func TestDrainWithinHead(t *testing.T) {
	inBubble(t, &handler{}, ServerConfig{}, ConnOptions{}, func(b *bubble) {
		b.helloPiped()
		block := b.block(plain("GET")...)
		b.try(b.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:3], EndStream: true}))
		go b.srv.Stop()
		for {
			g := b.until("GOAWAY", func(f xhttp2.Frame) bool { _, ok := f.(*xhttp2.GoAwayFrame); return ok }).(*xhttp2.GoAwayFrame)
			if g.LastStreamID == 1 {
				break
			}
		}
		b.try(b.fr.WriteContinuation(1, true, block[3:]))
		if f, _ := b.response(1); f[":status"] == "" {
			t.Errorf("answered with %v", f)
		}
		if code, _ := b.ends(); code != CodeNone && code != 0xff {
			t.Errorf("ended with %v", code)
		}
	})
}

// A Content-Length of 0 is a length, too (RFC 9113 8.1.1).
func TestBodyBehindLengthZero(t *testing.T) {
	done := make(chan struct{})
	h := &handler{fn: func(d exchange.Downstream) {
		<-done
		_ = d.Reply(&message.Response{Status: 200})
	}}
	r := dial(t, listen(t, h, ServerConfig{}, nil))
	id := r.open(false, plain("POST", "content-length", "0")...)
	r.try(r.fr.WriteData(id, true, []byte("abc")))
	r.try(r.fr.WritePing(false, [8]byte{1}))
	var code xhttp2.ErrCode
	r.until("the answer to PING", func(f xhttp2.Frame) bool {
		if f, ok := f.(*xhttp2.RSTStreamFrame); ok {
			code = f.ErrCode
		}
		p, ok := f.(*xhttp2.PingFrame)
		return ok && p.IsAck()
	})
	close(done)
	if code != xhttp2.ErrCodeProtocol {
		t.Errorf("reset with %v", code)
	}
}
