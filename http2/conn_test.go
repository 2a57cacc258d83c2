package http2

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// frame writes one frame by its parts.
func (r *raw) frame(kind frameType, flags uint8, stream uint32, payload ...byte) {
	r.t.Helper()
	r.try(r.fr.WriteRawFrame(xhttp2.FrameType(kind), xhttp2.Flags(flags), stream, payload))
}

// What ends a connection, and with which code (RFC 9113).
func TestConnectionErrors(t *testing.T) {
	tests := []struct {
		name string
		send func(r *raw)
		code Code
	}{
		{"DATA without a stream", func(r *raw) { r.frame(frameData, 0, 0, 'x') }, CodeProtocol},
		{"DATA on an idle stream", func(r *raw) { r.frame(frameData, 0, 9, 'x') }, CodeProtocol},
		{"DATA on an even stream", func(r *raw) { r.frame(frameData, 0, 2, 'x') }, CodeProtocol},
		{"DATA with too much padding", func(r *raw) { r.frame(frameData, flagPadded, 1, 2, 'x') }, CodeProtocol},
		{"padded DATA without padding", func(r *raw) { r.frame(frameData, flagPadded, 1) }, CodeFrameSize},
		{"HEADERS without a stream", func(r *raw) { r.frame(frameHeaders, flagEndHeaders, 0, 0x82) }, CodeProtocol},
		{"HEADERS on an even stream", func(r *raw) { r.frame(frameHeaders, flagEndHeaders, 4, 0x82) }, CodeProtocol},
		{"HEADERS on a lower stream", func(r *raw) {
			r.next = 9
			r.open(true, plain("GET")...)
			r.frame(frameHeaders, flagEndHeaders, 7, r.block(plain("GET")...)...)
		}, CodeProtocol},
		{"HEADERS on a stream that was served", func(r *raw) {
			r.response(r.open(true, plain("GET")...))
			eventually(r.t, "the stream is over", func() bool {
				r.frame(frameHeaders, flagEndHeaders|flagEndStream, 3, r.block(plain("GET")...)...)
				return true
			})
		}, CodeStreamClosed},
		{"HEADERS with too much padding", func(r *raw) { r.frame(frameHeaders, flagEndHeaders|flagPadded, 3, 9, 0x82) }, CodeProtocol},
		{"HEADERS too short for a priority", func(r *raw) { r.frame(frameHeaders, flagEndHeaders|flagPriority, 3, 0, 0) }, CodeFrameSize},
		{"HEADERS larger than a frame may be", func(r *raw) { r.frame(frameHeaders, flagEndHeaders, 3, make([]byte, maxFrame+1)...) }, CodeFrameSize},
		{"HEADERS within a header block", func(r *raw) {
			r.frame(frameHeaders, 0, 3, 0x82)
			r.frame(frameHeaders, flagEndHeaders, 5, 0x82)
		}, CodeProtocol},
		{"PING within a header block", func(r *raw) {
			r.frame(frameHeaders, 0, 3, 0x82)
			r.frame(framePing, 0, 0, make([]byte, 8)...)
		}, CodeProtocol},
		{"unknown frame within a header block", func(r *raw) {
			r.frame(frameHeaders, 0, 3, 0x82)
			r.frame(0xab, 0, 0)
		}, CodeProtocol},
		{"CONTINUATION of another stream", func(r *raw) {
			r.frame(frameHeaders, 0, 3, 0x82)
			r.frame(frameContinuation, flagEndHeaders, 5, 0x82)
		}, CodeProtocol},
		{"CONTINUATION without HEADERS", func(r *raw) { r.frame(frameContinuation, flagEndHeaders, 1, 0x82) }, CodeProtocol},
		{"header block that is cut", func(r *raw) { r.frame(frameHeaders, flagEndHeaders, 3, 0x40) }, CodeCompression},
		{"index that does not exist", func(r *raw) { r.frame(frameHeaders, flagEndHeaders, 3, 0xff, 0x20) }, CodeCompression},
		{"PRIORITY without a stream", func(r *raw) { r.frame(framePriority, 0, 0, make([]byte, 5)...) }, CodeProtocol},
		{"PRIORITY that is too short", func(r *raw) { r.frame(framePriority, 0, 9, make([]byte, 4)...) }, CodeFrameSize},
		{"RST_STREAM without a stream", func(r *raw) { r.frame(frameRSTStream, 0, 0, make([]byte, 4)...) }, CodeProtocol},
		{"RST_STREAM on an idle stream", func(r *raw) { r.frame(frameRSTStream, 0, 9, make([]byte, 4)...) }, CodeProtocol},
		{"RST_STREAM that is too long", func(r *raw) { r.frame(frameRSTStream, 0, 1, make([]byte, 5)...) }, CodeFrameSize},
		{"SETTINGS on a stream", func(r *raw) { r.frame(frameSettings, 0, 1) }, CodeProtocol},
		{"SETTINGS that are cut", func(r *raw) { r.frame(frameSettings, 0, 0, 0, 1, 0) }, CodeFrameSize},
		{"acknowledgement with content", func(r *raw) { r.frame(frameSettings, flagAck, 0, make([]byte, 6)...) }, CodeFrameSize},
		{"push neither on nor off", func(r *raw) { r.frame(frameSettings, 0, 0, 0, 2, 0, 0, 0, 2) }, CodeProtocol},
		{"extended CONNECT neither on nor off", func(r *raw) { r.frame(frameSettings, 0, 0, 0, 8, 0, 0, 0, 2) }, CodeProtocol},
		{"priorities neither on nor off", func(r *raw) { r.frame(frameSettings, 0, 0, 0, 9, 0, 0, 0, 2) }, CodeProtocol},
		{"small frames", func(r *raw) { r.frame(frameSettings, 0, 0, 0, 5, 0, 0, 0, 1) }, CodeProtocol},
		{"huge frames", func(r *raw) { r.frame(frameSettings, 0, 0, 0, 5, 1, 0, 0, 0) }, CodeProtocol},
		{"PUSH_PROMISE", func(r *raw) { r.frame(framePushPromise, flagEndHeaders, 1, 0, 0, 0, 2, 0x82) }, CodeProtocol},
		{"PING on a stream", func(r *raw) { r.frame(framePing, 0, 1, make([]byte, 8)...) }, CodeProtocol},
		{"PING that is too short", func(r *raw) { r.frame(framePing, 0, 0, make([]byte, 7)...) }, CodeFrameSize},
		{"GOAWAY on a stream", func(r *raw) { r.frame(frameGoAway, 0, 1, make([]byte, 8)...) }, CodeProtocol},
		{"GOAWAY that is too short", func(r *raw) { r.frame(frameGoAway, 0, 0, make([]byte, 7)...) }, CodeFrameSize},
		{"WINDOW_UPDATE by 0", func(r *raw) { r.frame(frameWindowUpdate, 0, 0, 0, 0, 0, 0) }, CodeProtocol},
		{"WINDOW_UPDATE above the range", func(r *raw) { r.frame(frameWindowUpdate, 0, 0, 0x7f, 0xff, 0xff, 0xff) }, CodeFlowControl},
		{"WINDOW_UPDATE on an idle stream", func(r *raw) { r.frame(frameWindowUpdate, 0, 9, 0, 0, 0, 1) }, CodeProtocol},
		{"WINDOW_UPDATE that is too long", func(r *raw) { r.frame(frameWindowUpdate, 0, 0, 0, 0, 0, 0, 1) }, CodeFrameSize},
		{"PRIORITY_UPDATE on a stream", func(r *raw) { r.frame(framePriorityUpdate, 0, 1, 0, 0, 0, 1) }, CodeProtocol},
		{"PRIORITY_UPDATE that is too short", func(r *raw) { r.frame(framePriorityUpdate, 0, 0, 0, 0, 0) }, CodeFrameSize},
		{"PRIORITY_UPDATE of nothing", func(r *raw) { r.frame(framePriorityUpdate, 0, 0, 0, 0, 0, 0) }, CodeProtocol},
		{"frame larger than allowed", func(r *raw) { r.frame(0xab, 0, 0, make([]byte, maxFrame+1)...) }, CodeFrameSize},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			done := make(chan struct{})
			h := &handler{fn: func(d exchange.Downstream) {
				if d.Record().Request.Method == "POST" {
					<-done
					return
				}
				_ = d.Reply(&message.Response{Status: 200})
			}}
			s := listen(t, h, ServerConfig{}, nil)
			t.Cleanup(func() { close(done) })
			r := dial(t, s)
			r.open(false, plain("POST")...)
			tt.send(r)
			if code := r.goAway(); code != tt.code {
				t.Errorf("ended with %v, want %v", code, tt.code)
			}
		})
	}
}

// Anything but the preface and SETTINGS at the beginning ends the connection
// (RFC 9113 3.4).
func TestInvalidPreface(t *testing.T) {
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for name, begin := range map[string]string{
		"HTTP/1":                 "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"one byte wrong":         strings.Replace(Preface, "SM", "SX", 1) + settings,
		"PING first":             Preface + "\x00\x00\x08\x06\x00\x00\x00\x00\x00abcdefgh",
		"an acknowledgement":     Preface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00",
		"unknown frame first":    Preface + "\x00\x00\x00\xab\x00\x00\x00\x00\x00",
		"frame that is too long": Preface + "\x00\xff\xff\x04\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t, &handler{}, ServerConfig{}, nil)
			nc, err := net.Dial("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			r := newRaw(t, nc)
			r.write([]byte(begin))
			want := CodeProtocol
			if name == "frame that is too long" {
				want = CodeFrameSize
			}
			if code := r.goAway(); code != want {
				t.Errorf("ended with %v", code)
			}
			_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
			for {
				if _, err := r.fr.ReadFrame(); err != nil {
					if !errors.Is(err, io.EOF) {
						t.Errorf("the connection did not end: %v", err)
					}
					return
				}
			}
		})
	}
}

// The input means the same however it is cut into pieces.
func TestInputInPieces(t *testing.T) {
	var script bytes.Buffer
	fr := xhttp2.NewFramer(&script, nil)
	r := newRaw(t, discard{})
	r.fr = fr
	script.WriteString(Preface)
	r.try(fr.WriteSettings())
	id := r.open(false, plain("POST", "cookie", strings.Repeat("x", 300))...)
	r.try(fr.WriteDataPadded(id, false, []byte("hello, "), make([]byte, 3)))
	r.try(fr.WritePing(false, [8]byte{1}))
	r.try(fr.WriteData(id, false, []byte("world")))
	r.try(r.trailers(id, true, "x-sum", "1"))
	for _, size := range []int{1, 2, 7, 64, 1 << 20} {
		got := make(chan string, 1)
		h := &handler{fn: func(d exchange.Downstream) {
			q := &d.Record().Request
			b, err := io.ReadAll(q.Body)
			if err != nil {
				t.Error(err)
			}
			got <- string(b) + q.Trailer.Get("X-Sum")
			_ = d.Reply(&message.Response{Status: 200})
		}}
		s := listen(t, h, ServerConfig{}, nil)
		nc, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		p := newRaw(t, nc)
		for b := script.Bytes(); len(b) > 0; {
			n := min(size, len(b))
			p.write(b[:n])
			b = b[n:]
		}
		if f, _ := p.response(id); f[":status"] != "200" {
			t.Errorf("pieces of %d bytes: answered with %v", size, f)
		}
		if body := <-got; body != "hello, world1" {
			t.Errorf("pieces of %d bytes: the body is %q", size, body)
		}
	}
}

// discard is a connection for frames that go somewhere else.
type discard struct{ net.Conn }

func (discard) Close() error { return nil }

// DATA that is dropped is given back to the connection's window: uploads that
// were answered early do not use it up.
func TestDroppedDataKeepsTheWindow(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) { _ = d.Reply(&message.Response{Status: 200}) }}
	r := dial(t, listen(t, h, ServerConfig{}, nil))
	data := make([]byte, maxFrame)
	for range 100 {
		id := r.open(false, plain("POST")...)
		for range 4 { // 6.4 MB in all
			r.try(r.fr.WriteDataPadded(id, false, data[:1000], nil))
			r.try(r.fr.WriteData(id, false, data[:maxFrame-1001]))
		}
		if f, _ := r.response(id); f[":status"] != "200" {
			t.Fatalf("answered with %v", f)
		}
		if code := r.reset(id); code != CodeNone {
			t.Fatalf("reset with %v", code)
		}
	}
}
