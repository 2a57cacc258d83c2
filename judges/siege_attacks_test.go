package judges

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// attackers are what the attacks of siege do.
var attackers = map[string]func(*weapon){
	"half-open handshakes": func(w *weapon) {
		w.hold(w.Dose, 1500, func() net.Conn {
			// A record of a ClientHello of 512 bytes, of which a few come.
			return w.dialAndSay(w.Secure, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half")
		})
	},
	"idle connections": func(w *weapon) {
		w.hold(w.Dose, 1500, func() net.Conn {
			if w.turn.Add(1)%2 == 0 {
				return w.dial(w.Plain)
			}
			return w.dialAndSay(w.Plain, honestRequest)
		})
	},
	"idle TLS connections": func(w *weapon) {
		w.hold(w.Dose, 75, func() net.Conn { _, nc := w.tls("one.example", "h2"); return nc })
	},
	"handshakes without a request": func(w *weapon) {
		w.each(4, 60, func() { w.shake("one.example") })
	},
	"replayed handshakes": replays,
	"unknown names": func(w *weapon) {
		w.each(4, 60, func() { w.shake(fmt.Sprintf("n%d.example.net", w.turn.Add(1))) })
	},
	"unknown names, strictly": func(w *weapon) {
		w.each(4, 60, func() {
			w.shake(fmt.Sprintf("n%d.example.net", w.turn.Add(1)))
			w.hit(1) // it fails, as it should
		})
	},
	"too many connections": func(w *weapon) {
		w.each(8, 1500, func() {
			if w.dial(w.Plain) != nil {
				w.hit(1)
			}
		})
	},
	"HTTP to the TLS port":  func(w *weapon) { w.each(8, 300, func() { w.once(w.Secure, honestRequest) }) },
	"TLS to the plain port": func(w *weapon) { w.each(8, 300, func() { w.once(w.Plain, clientHello) }) },
	"garbage": func(w *weapon) {
		w.each(8, 300, func() {
			w.once([]string{w.Secure, w.Plain}[w.turn.Add(1)%2], "\x00\xff\x13\x37 no protocol at all \r\n\r\n")
		})
	},
	"slow heads": func(w *weapon) { w.drip(2000, "GET / HTTP/1.1\r\nHost: one.example\r\nX-A: ") },
	"slow bodies": func(w *weapon) {
		w.drip(1000, "POST / HTTP/1.1\r\nHost: one.example\r\nContent-Length: 1000000\r\n\r\n")
	},
	"slow readers": slowReaders,
	"heads of 1 MB": func(w *weapon) {
		head := "GET / HTTP/1.1\r\nHost: one.example\r\nX-A: " + strings.Repeat("a", 1<<20)
		w.each(2, 15, func() { w.once(w.Plain, head) })
	},
	"cookie bombs": func(w *weapon) {
		cookie := "Cookie: " + strings.Repeat("a=b; ", 200) + "\r\n"
		head := "GET / HTTP/1.1\r\nHost: one.example\r\nConnection: close\r\n" + strings.Repeat(cookie, 600) + "\r\n"
		w.each(2, 15, func() { w.once(w.Plain, head) })
	},
	"uploads nobody wants": func(w *weapon) {
		body := strings.Repeat("x", 4<<20)
		w.each(2, 20, func() {
			if w.turn.Add(1)%2 == 0 {
				w.once(w.Plain, "POST / HTTP/1.1\r\nHost: one.example\r\nConnection: close\r\nContent-Length: 4194304\r\n\r\n"+body)
				return
			}
			w.once(w.Plain, "POST / HTTP/1.1\r\nHost: one.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n400000\r\n"+body+"\r\n0\r\n\r\n")
		})
	},
	"rapid reset":           rapidReset,
	"provoked resets":       provokedResets,
	"CONTINUATION flood":    continuations,
	"PING flood":            func(w *weapon) { w.frames(20000, ping) },
	"SETTINGS flood":        func(w *weapon) { w.frames(20000, settings) },
	"empty frames":          emptyFrames,
	"HTTP/2 bomb":           http2Bomb,
	"header bombs in HPACK": hpackBombs,
	"zero windows":          zeroWindows,
}

// clientHello is the beginning of one, all that a server without TLS looks at.
const clientHello = "\x16\x03\x01\x00\x30\x01\x00\x00\x2c\x03\x03 hello, this is no HTTP at all\r\n\r\n"

// dialAndSay connects and says something.
func (w *weapon) dialAndSay(address, text string) net.Conn {
	nc := w.dial(address)
	if nc == nil {
		return nil
	}
	if _, err := io.WriteString(nc, text); err != nil {
		w.close(nc)
		return nil
	}
	return nc
}

// shake does a whole handshake and leaves.
func (w *weapon) shake(name string) {
	tc, nc := w.tls(name, "h2", "http/1.1")
	if tc == nil {
		return
	}
	w.hit(1)
	w.close(nc)
}

// replays send what a client once said: it costs them nothing, us the most
// expensive part of a handshake.
func replays(w *weapon) {
	hello := recordedHello()
	w.each(8, 1000, func() {
		nc := w.dialAndSay(w.Secure, hello)
		if nc == nil {
			return
		}
		defer w.close(nc)
		_ = nc.SetReadDeadline(time.Now().Add(2 * time.Second))
		if n, _ := nc.Read(make([]byte, 4096)); n > 0 {
			w.hit(1)
		}
	})
}

// recordedHello returns the first message of a client.
func recordedHello() string {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		_ = tls.Client(theirs, &tls.Config{InsecureSkipVerify: true, ServerName: "one.example"}).Handshake()
		theirs.Close()
	}()
	b := make([]byte, 4096)
	n, _ := ours.Read(b)
	return string(b[:n])
}

// drip opens n connections that begin with text and go on with a byte now and
// then. Those that are ended are opened again, at a bounded pace.
func (w *weapon) drip(n int, text string) {
	w.each(n, n/2, func() {
		nc := w.dialAndSay(w.Plain, text)
		if nc == nil {
			return
		}
		defer w.close(nc)
		w.hit(1)
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_, _ = io.Copy(io.Discard, nc)
		}()
		tick := time.NewTicker(700 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.ctx.Done():
				nc.Close()
				<-gone
				return
			case <-gone:
				return
			case <-tick.C:
				_, _ = io.WriteString(nc, "a")
			}
		}
	})
}

// slowReaders ask for a megabyte each and read a few bytes a second.
func slowReaders(w *weapon) {
	w.each(300, 100, func() {
		nc := w.dial(w.Plain)
		if nc == nil {
			return
		}
		defer w.close(nc)
		_ = nc.(*net.TCPConn).SetReadBuffer(4096)
		if _, err := io.WriteString(nc, "GET /big HTTP/1.1\r\nHost: one.example\r\n\r\n"); err != nil {
			return
		}
		w.hit(1)
		stop := context.AfterFunc(w.ctx, func() { nc.Close() })
		defer stop()
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for b := make([]byte, 10); ; <-tick.C {
			if _, err := nc.Read(b); err != nil {
				return
			}
		}
	})
}
