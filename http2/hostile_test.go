package http2

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// Streams that are opened and reset at once (CVE-2023-44487).
func TestHostileRapidReset(t *testing.T) {
	var running, most atomic.Int64
	h := &handler{fn: func(d exchange.Downstream) {
		n := running.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		gone := make(chan struct{})
		d.OnGone(func() { close(gone) })
		<-gone
		running.Add(-1)
	}}
	r := dial(t, listen(t, h, ServerConfig{MaxStreams: 50}, nil))
	block := r.block(plain("GET")...)
	code, why := r.flood(100_000, func(i int) error {
		id := uint32(2*i + 1)
		if err := r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: true, EndHeaders: true}); err != nil {
			return err
		}
		return r.fr.WriteRSTStream(id, xhttp2.ErrCodeCancel)
	})
	if code != CodeEnhanceYourCalm || !strings.Contains(why, "without a response") {
		t.Errorf("ended with %v (%s)", code, why)
	}
	if most.Load() > 50 {
		t.Errorf("%d handlers ran at a time, 50 are allowed", most.Load())
	}
}

// Streams that the server is made to reset (CVE-2025-8671).
func TestHostileMadeYouReset(t *testing.T) {
	provoke := map[string]func(r *raw, id uint32) error{
		"WINDOW_UPDATE by 0": func(r *raw, id uint32) error { return r.fr.WriteWindowUpdate(id, 0) },
		"window too large":   func(r *raw, id uint32) error { return r.fr.WriteWindowUpdate(id, 1<<31-1) },
		"DATA after the end": func(r *raw, id uint32) error { return r.fr.WriteData(id, true, []byte("x")) },
		"HEADERS after the end": func(r *raw, id uint32) error {
			return r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x82}, EndStream: true, EndHeaders: true})
		},
		"priority on itself": func(r *raw, id uint32) error {
			return r.fr.WritePriority(id, xhttp2.PriorityParam{StreamDep: id})
		},
	}
	for name, fn := range provoke {
		t.Run(name, func(t *testing.T) {
			var running, most atomic.Int64
			release := make(chan struct{})
			h := &handler{fn: func(exchange.Downstream) {
				n := running.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				<-release // work that goes on although the stream is gone
				running.Add(-1)
			}}
			s := listen(t, h, ServerConfig{MaxStreams: 50}, nil)
			t.Cleanup(func() { close(release) })
			r := dial(t, s)
			block := r.block(plain("GET")...)
			code, why := r.flood(100_000, func(i int) error {
				id := uint32(2*i + 1)
				err := r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: true, EndHeaders: true})
				if err != nil {
					return err
				}
				return fn(r, id)
			})
			if code != CodeEnhanceYourCalm || !strings.Contains(why, "without a response") {
				t.Errorf("ended with %v (%s)", code, why)
			}
			if most.Load() > 50 {
				t.Errorf("%d handlers ran at a time, 50 are allowed", most.Load())
			}
		})
	}
}

// Frames that cost the sender nothing (CVE-2019-9512, -9515, -9518 and kin).
func TestHostileFrameFloods(t *testing.T) {
	frames := map[string]func(r *raw, i int) error{
		"PING":             func(r *raw, _ int) error { return r.fr.WritePing(false, [8]byte{1}) },
		"PING answers":     func(r *raw, _ int) error { return r.fr.WritePing(true, [8]byte{1}) },
		"SETTINGS":         func(r *raw, _ int) error { return r.fr.WriteSettings() },
		"SETTINGS answers": func(r *raw, _ int) error { return r.fr.WriteSettingsAck() },
		"PRIORITY":         func(r *raw, i int) error { return r.fr.WritePriority(uint32(2*i+1), xhttp2.PriorityParam{}) },
		"PRIORITY_UPDATE":  func(r *raw, _ int) error { return r.fr.WriteRawFrame(0x10, 0, 0, []byte{0, 0, 0, 1, 'u'}) },
		"empty DATA":       func(r *raw, _ int) error { return r.fr.WriteData(1, false, nil) },
		"empty padded DATA": func(r *raw, _ int) error {
			return r.fr.WriteRawFrame(xhttp2.FrameData, flagPadded, 1, []byte{0})
		},
		"WINDOW_UPDATE by 1":                func(r *raw, _ int) error { return r.fr.WriteWindowUpdate(1, 1) },
		"WINDOW_UPDATE of the connection":   func(r *raw, _ int) error { return r.fr.WriteWindowUpdate(0, 1) },
		"WINDOW_UPDATE of a closed stream":  func(r *raw, _ int) error { return r.fr.WriteWindowUpdate(3, 1000) },
		"RST_STREAM of a closed stream":     func(r *raw, _ int) error { return r.fr.WriteRSTStream(3, 0) },
		"GOAWAY":                            func(r *raw, _ int) error { return r.fr.WriteGoAway(0, 0, nil) },
		"unknown":                           func(r *raw, _ int) error { return r.fr.WriteRawFrame(0xab, 0, 0, nil) },
		"DATA of a stream that was refused": func(r *raw, _ int) error { return r.fr.WriteData(3, false, []byte("x")) },
	}
	for name, fn := range frames {
		t.Run(name, func(t *testing.T) {
			h := &handler{fn: func(d exchange.Downstream) {
				if b := d.Record().Request.Body; b != nil {
					_, _ = io.Copy(io.Discard, b)
				}
				_ = d.Reply(&message.Response{Status: 200})
			}}
			r := dial(t, listen(t, h, ServerConfig{}, nil))
			r.open(false, plain("POST")...)
			id := r.open(true, plain("POST", "connection", "close")...)
			r.reset(id)
			code, why := r.flood(1_000_000, func(i int) error { return fn(r, i) })
			if code != CodeEnhanceYourCalm || !strings.Contains(why, "without a use") && !strings.Contains(why, "does not read") {
				t.Errorf("ended with %v (%s)", code, why)
			}
		})
	}
}

// Requests that are refused cost as much as others.
func TestHostileMalformedRequests(t *testing.T) {
	r := dial(t, listen(t, &handler{}, ServerConfig{}, nil))
	block := r.block(plain("GET", "te", "gzip")...)
	code, why := r.flood(100_000, func(i int) error {
		return r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: block, EndStream: true, EndHeaders: true})
	})
	if code != CodeEnhanceYourCalm || !strings.Contains(why, "without a response") {
		t.Errorf("ended with %v (%s)", code, why)
	}
}

// Header blocks that never end (CVE-2024-27316 and kin).
func TestHostileContinuation(t *testing.T) {
	for name, tt := range map[string]struct {
		fragment []byte
		why      string
	}{
		"full":      {bytes.Repeat([]byte{0x82}, maxFrame), "bytes"},
		"one byte":  {[]byte{0x82}, "frames"},
		"empty":     {nil, "frames"},
		"one field": {[]byte{0x00, 0x01, 'a', 0x01, 'b'}, "frames"},
	} {
		t.Run(name, func(t *testing.T) {
			r := dial(t, listen(t, &handler{}, ServerConfig{}, nil))
			r.try(r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: r.block(plain("GET")...)}))
			code, why := r.flood(100_000, func(int) error { return r.fr.WriteContinuation(1, false, tt.fragment) })
			if code != CodeEnhanceYourCalm || !strings.Contains(why, tt.why) {
				t.Errorf("ended with %v (%s)", code, why)
			}
		})
	}
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A large field that is put into the table once and then named by single bytes,
// on many streams whose responses are never read (CVE-2026-49975).
func TestHostileHeaderBomb(t *testing.T) {
	for _, name := range []string{"x", "cookie"} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			h := &handler{fn: func(d exchange.Downstream) {
				<-release
				_ = d.Reply(text(200, "never read"))
			}}
			lim := exchange.Limits{HeadBytes: 64 << 10}
			s := listen(t, h, ServerConfig{ServerConfig: exchange.ServerConfig{Limits: lim}}, nil)
			t.Cleanup(func() { close(release) })
			r := dial(t, s)
			r.try(r.fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}))
			big := strings.Repeat("v", 3500)
			r.open(true, plain("GET", name, big)...) // in the table from now on
			before := heap()
			block := r.block(plain("GET", name, big)...)
			bomb := append(bytes.Clone(block), bytes.Repeat(block[len(block)-1:], 10)...)
			over := append(bytes.Clone(block), bytes.Repeat(block[len(block)-1:], 40)...)
			r.next += 2
			r.try(r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: r.next, BlockFragment: over, EndStream: true, EndHeaders: true}))
			if f, _ := r.response(r.next); f[":status"] != "431" {
				t.Errorf("a head of 140 KB is answered with %v", f)
			}
			for range 60 {
				r.next += 2
				r.try(r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: r.next, BlockFragment: bomb, EndStream: true, EndHeaders: true}))
			}
			const most = 4 << 20
			if grown := heap() - before; grown > most {
				t.Errorf("the heap grew by %d bytes, %d are allowed", grown, most)
			}
			// What unpacks to much more than that is no mistake.
			r.next += 2
			worst := append(bytes.Clone(block), bytes.Repeat(block[len(block)-1:], 16000)...)
			r.try(r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: r.next, BlockFragment: worst, EndStream: true, EndHeaders: true}))
			if code := r.goAway(); code != CodeEnhanceYourCalm {
				t.Errorf("ended with %v", code)
			}
		})
	}
}

// Heads that are allowed one by one, on many streams at a time.
func TestHostileManyHeads(t *testing.T) {
	release := make(chan struct{})
	h := &handler{fn: func(exchange.Downstream) { <-release }}
	s := listen(t, h, ServerConfig{ServerConfig: exchange.ServerConfig{Limits: exchange.Limits{HeadBytes: 64 << 10}}}, nil)
	t.Cleanup(func() { close(release) })
	r := dial(t, s)
	before := heap()
	refused := 0
	for range 60 {
		block := r.block(plain("GET")...)
		for range 10 {
			block = appendField(block, "authorization", strings.Repeat("v", 6000))
		}
		id := r.next
		r.next += 2
		r.try(r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: block[:maxFrame], EndStream: true}))
		for rest := block[maxFrame:]; len(rest) > 0; {
			n := min(len(rest), maxFrame)
			r.try(r.fr.WriteContinuation(id, n == len(rest), rest[:n]))
			rest = rest[n:]
		}
	}
	r.try(r.fr.WritePing(false, [8]byte{}))
	r.until("PING", func(f xhttp2.Frame) bool {
		if rst, ok := f.(*xhttp2.RSTStreamFrame); ok && Code(rst.ErrCode) == CodeRefusedStream {
			refused++
		}
		_, ok := f.(*xhttp2.PingFrame)
		return ok
	})
	if served := 60 - refused; served < 1 || served > headsMost {
		t.Errorf("%d heads of the largest size are kept at a time, want %d", served, headsMost)
	}
	const most = 1 << 20
	if grown := heap() - before; grown > most {
		t.Errorf("the heap grew by %d bytes, %d are allowed", grown, most)
	}
}

// The client does not get a larger table than we allow, whatever it says.
func TestHostileTableSize(t *testing.T) {
	r := dial(t, listen(t, &handler{}, ServerConfig{}, nil))
	r.try(r.fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingHeaderTableSize, Val: 1 << 30}))
	block := append([]byte{0x3f, 0xe2, 0x1f}, r.block(plain("GET")...)...) // a table of 4097 bytes
	r.try(r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndStream: true, EndHeaders: true}))
	if code := r.goAway(); code != CodeCompression {
		t.Errorf("ended with %v", code)
	}
}

// Answers that the client does not read are not kept for it.
func TestHostileUnreadAnswers(t *testing.T) {
	inBubble(t, &handler{}, ServerConfig{}, ConnOptions{}, func(b *bubble) {
		b.helloPiped()
		_ = b.nc.SetWriteDeadline(time.Now().Add(time.Second))
		for range 1990 { // fewer than are too many if their answers are read
			if b.fr.WritePing(false, [8]byte{}) != nil {
				break
			}
		}
		synctest.Wait()
		for _, c := range b.srv.snapshot(nil) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if !c.w.closed || len(c.w.out) > 2*controlMost {
				t.Errorf("%d bytes are kept, ended: %v", len(c.w.out), c.w.closed)
			}
		}
	})
}

// A client that holds its window at zero, or opens it by drops, costs its
// streams and nothing else.
func TestHostileZeroWindow(t *testing.T) {
	ended := make(chan error, 1)
	h := &handler{fn: func(d exchange.Downstream) {
		if d.Record().Request.Path == "/large" {
			ended <- d.Reply(&message.Response{Status: 200, ContentLength: -1, Body: reader{zeros{}}})
			return
		}
		_ = d.Reply(&message.Response{Status: 204})
	}}
	s := listen(t, h, ServerConfig{ServerConfig: exchange.ServerConfig{WriteTimeout: 600 * time.Millisecond}}, nil)
	r := dial(t, s)
	r.try(r.fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}))
	id := r.open(true, ":method", "GET", ":scheme", "http", ":path", "/large", ":authority", "h")
	stop := make(chan struct{})
	dripped := make(chan struct{})
	go func() {
		defer close(dripped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				_ = r.fr.WriteWindowUpdate(id, 1)
			}
		}
	}()
	if code := r.reset(id); code != CodeCancel {
		t.Errorf("the stream ended with %v", code)
	}
	close(stop)
	<-dripped
	if err := <-ended; err == nil {
		t.Error("the reply to a client that stalls has no error")
	}
	if f, _ := r.response(r.open(true, plain("GET")...)); f[":status"] != "204" {
		t.Errorf("the next request got %v", f)
	}
}

// Too many streams at a time are refused, the others are served.
func TestHostileTooManyStreams(t *testing.T) {
	release := make(chan struct{})
	h := &handler{fn: func(d exchange.Downstream) {
		<-release
		_ = d.Reply(&message.Response{Status: 200})
	}}
	r := dial(t, listen(t, h, ServerConfig{MaxStreams: 3}, nil))
	for range 3 {
		r.open(true, plain("GET")...)
	}
	if code := r.reset(r.open(true, plain("GET")...)); code != CodeRefusedStream {
		t.Errorf("the fourth stream ended with %v", code)
	}
	close(release)
	for id := uint32(1); id < 6; id += 2 {
		_ = id
	}
	seen := 0
	r.until("three responses", func(f xhttp2.Frame) bool {
		if _, ok := f.(*xhttp2.HeadersFrame); ok {
			seen++
		}
		return seen == 3
	})
}

// A stream that was reset keeps its place until its handler has ended.
func TestHostileResetKeepsItsPlace(t *testing.T) {
	release := make(chan struct{})
	h := &handler{fn: func(exchange.Downstream) { <-release }}
	s := listen(t, h, ServerConfig{MaxStreams: 1}, nil)
	t.Cleanup(func() { close(release) })
	r := dial(t, s)
	r.try(r.fr.WriteRSTStream(r.open(true, plain("GET")...), xhttp2.ErrCodeCancel))
	if code := r.reset(r.open(true, plain("GET")...)); code != CodeRefusedStream {
		t.Errorf("the second stream ended with %v", code)
	}
}

// The order in which the values of one parameter come is kept, also within one
// frame, and windows never leave their range.
func TestHostileInitialWindow(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) { _ = d.Reply(text(200, "12345")) }}
	s := listen(t, h, ServerConfig{}, nil)
	size := func(n uint32) xhttp2.Setting {
		return xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: n}
	}
	t.Run("repeated", func(t *testing.T) {
		r := dial(t, s)
		r.try(r.fr.WriteSettings(size(100), size(1), size(2)))
		id := r.open(true, plain("GET")...)
		f := r.until("DATA", func(f xhttp2.Frame) bool { _, ok := f.(*xhttp2.DataFrame); return ok }).(*xhttp2.DataFrame)
		if string(f.Data()) != "12" || f.StreamID != id {
			t.Errorf("a window of 2 got %q", f.Data())
		}
		r.try(r.fr.WriteSettings(size(0), size(3)))
		f = r.until("DATA", func(f xhttp2.Frame) bool { _, ok := f.(*xhttp2.DataFrame); return ok }).(*xhttp2.DataFrame)
		if string(f.Data()) != "3" {
			t.Errorf("one byte more of window got %q", f.Data())
		}
	})
	t.Run("overflow", func(t *testing.T) {
		waits := &handler{fn: func(d exchange.Downstream) {
			gone := make(chan struct{})
			d.OnGone(func() { close(gone) })
			<-gone
		}}
		r := dial(t, listen(t, waits, ServerConfig{}, nil))
		r.try(r.fr.WriteSettings(size(1)))
		r.try(r.fr.WriteWindowUpdate(r.open(true, plain("GET")...), 1<<31-4))
		r.try(r.fr.WriteSettings(size(100)))
		if code := r.goAway(); code != CodeFlowControl {
			t.Errorf("ended with %v", code)
		}
	})
	t.Run("too large", func(t *testing.T) {
		r := dial(t, s)
		r.try(r.fr.WriteSettings(size(1 << 31)))
		if code := r.goAway(); code != CodeFlowControl {
			t.Errorf("ended with %v", code)
		}
	})
	t.Run("many parameters", func(t *testing.T) {
		r := dial(t, s)
		var p []byte
		for i := range uint32(2700) {
			p = binary.BigEndian.AppendUint32(append(p, 0, 4), i&1)
		}
		code, why := r.flood(100_000, func(int) error { return r.fr.WriteRawFrame(xhttp2.FrameSettings, 0, 0, p) })
		if code != CodeEnhanceYourCalm || !strings.Contains(why, "without a use") {
			t.Errorf("ended with %v (%s)", code, why)
		}
	})
}

// What the client sends beyond the windows ends the stream or the connection.
func TestHostileBeyondWindow(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) {
		gone := make(chan struct{})
		d.OnGone(func() { close(gone) })
		<-gone
	}}
	r := dial(t, listen(t, h, ServerConfig{}, nil))
	id := r.open(false, plain("POST")...)
	data := make([]byte, maxFrame)
	for range streamWindow / maxFrame {
		r.try(r.fr.WriteData(id, false, data))
	}
	r.try(r.fr.WriteData(id, false, data[:1]))
	if code := r.reset(id); code != CodeFlowControl {
		t.Errorf("ended with %v", code)
	}
	r2 := dial(t, listen(t, &handler{fn: func(d exchange.Downstream) {
		gone := make(chan struct{})
		d.OnGone(func() { close(gone) })
		<-gone
	}}, ServerConfig{}, nil))
	code, why := r2.flood(1000, func(i int) error {
		if i%(streamWindow/maxFrame) == 0 {
			r2.open(false, plain("POST")...)
		}
		return r2.fr.WriteData(r2.next-2, false, data)
	})
	if code != CodeFlowControl {
		t.Errorf("the connection ended with %v (%s)", code, why)
	}
}
