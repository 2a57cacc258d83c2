package http2

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// TestHostileBackendSilence has backends that stop in the middle; the sizes of
// the time limits are those of the exchange.
func TestHostileBackendSilence(t *testing.T) {
	start := func(b *scripted) int64 { return b.s.Now() }
	took := func(b *scripted, since int64) time.Duration { return time.Duration(b.s.Now() - since) }
	t.Run("no response", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.greet()
			at := start(b)
			out := b.begin(call{path: "/", o: exchange.SendOptions{Timeout: 3 * second}})
			o := <-out
			if d := took(b, at); !errors.Is(o.err, sock.ErrTimeout) || d < 3*second || d > 4*second {
				t.Errorf("after %v: %v", d, o.err)
			}
			b.await(xhttp2.FrameRSTStream, 1)
			// The backend may be gone: nothing is sent before it gave a sign.
			if _, ok := b.c.Open(); ok {
				t.Error("a silent connection takes another exchange")
			}
			b.await(xhttp2.FramePing, 0)
			_ = b.fr.WritePing(true, [8]byte{})
			synctest.Wait()
			b.works(3)
		})
	})
	t.Run("short limit", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.greet()
			at := start(b)
			o := <-b.begin(call{path: "/", o: exchange.SendOptions{Timeout: 50 * time.Millisecond}})
			if d := took(b, at); !errors.Is(o.err, sock.ErrTimeout) || d > 60*time.Millisecond {
				t.Errorf("after %v: %v", d, o.err)
			}
		})
	})
	t.Run("body stalls", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.greet()
			s := mustOpen(t, b.c)
			s.LimitBody(5*second, 0)
			var resp message.Response
			done := make(chan error)
			go func() { done <- s.Do(call{path: "/"}.request(), &resp, &exchange.SendOptions{Host: "h"}) }()
			b.await(xhttp2.FrameHeaders, 1)
			b.head(1, false, ":status", "200")
			_ = b.fr.WriteData(1, false, []byte("x"))
			<-done
			at := start(b)
			got, err := io.ReadAll(resp.Body)
			if d := took(b, at); string(got) != "x" || !errors.Is(err, sock.ErrTimeout) || d < 5*second || d > 6*second {
				t.Errorf("after %v: %q %v", d, got, err)
			}
			s.Close()
		})
	})
	t.Run("body without end", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.greet()
			s := mustOpen(t, b.c)
			s.LimitBody(5*second, b.s.Now()+int64(20*second))
			var resp message.Response
			done := make(chan error)
			go func() { done <- s.Do(call{path: "/"}.request(), &resp, &exchange.SendOptions{Host: "h"}) }()
			b.await(xhttp2.FrameHeaders, 1)
			b.head(1, false, ":status", "200")
			<-done
			at := start(b)
			stop := make(chan struct{})
			go func() {
				tick := time.NewTicker(second)
				defer tick.Stop()
				for {
					select {
					case <-tick.C:
						_ = b.fr.WriteData(1, false, []byte("x"))
					case <-stop:
						return
					}
				}
			}()
			_, err := io.ReadAll(resp.Body)
			close(stop)
			if d := took(b, at); !errors.Is(err, sock.ErrTimeout) || d > 21*second {
				t.Errorf("after %v: %v", d, err)
			}
			s.Close()
		})
	})
	t.Run("window stays closed", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.greet(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 100})
			synctest.Wait()
			at := start(b)
			o := <-b.begin(call{method: "PUT", path: "/", body: &patterned{n: 1000}, length: 1000, o: exchange.SendOptions{Timeout: 5 * second}})
			if d := took(b, at); !errors.Is(o.err, sock.ErrTimeout) || d < 5*second || d > 6*second {
				t.Errorf("after %v: %v", d, o.err)
			}
			if data, _ := b.data(1); len(data) < 100 || len(data) > 101 { // and the code of the reset
				t.Errorf("%d bytes were sent", len(data))
			}
		})
	})
	t.Run("dead", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.greet()
			at := start(b)
			o := <-b.begin(call{path: "/"}) // without a limit of its own
			if d := took(b, at); !errors.Is(o.err, sock.ErrTimeout) || d > 32*second || !strings.Contains(o.err.Error(), "PING") {
				t.Errorf("after %v: %v", d, o.err)
			}
		})
	})
	t.Run("slow but there", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.greet()
			out := b.begin(call{path: "/"})
			answered := make(chan int)
			go func() {
				pings := 0
				for range int(20 * time.Minute / second) {
					<-time.After(second)
					b.mu.Lock()
					n := 0
					for _, f := range b.seen {
						if f.Type == xhttp2.FramePing {
							n++
						}
					}
					b.mu.Unlock()
					for ; pings < n; pings++ {
						_ = b.fr.WritePing(true, [8]byte{})
					}
				}
				b.head(1, true, ":status", "200")
				answered <- pings
			}()
			// Three in a row within five minutes are what gRPC's servers allow.
			if n := <-answered; n < 2 || n > 2+4 {
				t.Errorf("%d pings in 20 minutes", n)
			}
			if o := <-out; o.err != nil {
				t.Error(o.err)
			}
		})
	})
	t.Run("takes no bytes", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.mu.Lock()
			b.gate = make(chan struct{})
			b.mu.Unlock()
			b.greet()
			synctest.Wait()
			at := start(b)
			out := b.begin(call{path: "/"})
			out2 := b.begin(call{path: "/"})
			for _, out := range []<-chan outcome{out, out2} {
				o := <-out
				if d := took(b, at); !errors.Is(o.err, sock.ErrTimeout) || d > 17*second {
					t.Errorf("after %v: %v", d, o.err)
				}
			}
			close(b.gate)
		})
	})
}
