package http2

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// TestHostileBackendMalformed has responses that RFC 9113 8 forbids: each fails
// its exchange, and no other.
func TestHostileBackendMalformed(t *testing.T) {
	ok := []string{":status", "200"}
	with := func(fields ...string) func(*scripted) {
		return func(b *scripted) { b.head(1, true, append(ok[:2:2], fields...)...) }
	}
	many := ok[:2:2]
	for range 600 {
		many = append(many, "a", "b")
	}
	tests := map[string]struct {
		do   func(b *scripted)
		want string
	}{
		"no status":                {func(b *scripted) { b.head(1, true, "a", "b") }, "without :status"},
		"status twice":             {with(":status", "200"), "pseudo-header"},
		"status behind a field":    {func(b *scripted) { b.head(1, true, "a", "b", ":status", "200") }, "pseudo-header"},
		"pseudo-field of requests": {with(":path", "/"), "pseudo-header"},
		"status of two digits":     {func(b *scripted) { b.head(1, true, ":status", "20") }, ":status"},
		"status with a sign":       {func(b *scripted) { b.head(1, true, ":status", "+20") }, ":status"},
		"status 000":               {func(b *scripted) { b.head(1, true, ":status", "000") }, ":status"},
		"status 101":               {func(b *scripted) { b.head(1, false, ":status", "101") }, "101"},
		"interim ends the stream":  {func(b *scripted) { b.head(1, true, ":status", "103") }, "103"},
		"connection":               {with("connection", "close"), "connection"},
		"keep-alive":               {with("keep-alive", "timeout=1"), "keep-alive"},
		"proxy-connection":         {with("proxy-connection", "close"), "proxy-connection"},
		"transfer-encoding":        {with("transfer-encoding", "chunked"), "transfer-encoding"},
		"upgrade":                  {with("upgrade", "h2c"), "upgrade"},
		"te":                       {with("te", "trailers"), "te"},
		"upper case":               {with("Server", "x"), "Server"},
		"space in a name":          {with("a b", "x"), "a b"},
		"colon in a name":          {with("a:b", "x"), "a:b"},
		"empty name":               {with("", "x"), "field name"},
		"lookalike":                {with("content_length", "5"), "content_length"},
		"line break in a value":    {with("a", "b\r\nc: d"), "value"},
		"NUL in a value":           {with("a", "b\x00"), "value"},
		"space before a value":     {with("a", " b"), "value"},
		"space behind a value":     {with("a", "b\t"), "value"},
		"length is no number":      {with("content-length", "-1"), "content-length"},
		"two lengths":              {with("content-length", "0", "content-length", "0"), "content-length"},
		"length without a body":    {with("content-length", "5"), "Content-Length of 5"},
		"too many fields":          {func(b *scripted) { b.head(1, true, many...) }, "fields"},
		"data before the head":     {func(b *scripted) { _ = b.fr.WriteData(1, true, []byte("x")) }, "before the head"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			toScripted(t, ClientConfig{}, func(b *scripted) {
				b.greet()
				out := b.begin(call{path: "/"})
				b.await(xhttp2.FrameHeaders, 1)
				tt.do(b)
				o := <-out
				want := message.ReasonBackendMalformed
				if name == "too many fields" {
					want = message.ReasonBackendHeaderTooLarge
				}
				if protocolErr(o.err) != want || !strings.Contains(o.err.Error(), tt.want) || sendErr(o.err).Unsent || sendErr(o.err).Silent {
					t.Errorf("got %v", o.err)
				}
				if tt.want != "length without a body" && name != "no END_STREAM" {
					b.await(xhttp2.FrameRSTStream, 1)
				}
				b.works(3)
			})
		})
	}
}

// TestHostileBackendBody has bodies that are not what the head promised.
func TestHostileBackendBody(t *testing.T) {
	tests := map[string]struct {
		method, length string
		do             func(b *scripted)
		want           string
		got            string
	}{
		"longer":          {"GET", "3", func(b *scripted) { _ = b.fr.WriteData(1, true, []byte("four")) }, "Content-Length", ""},
		"shorter":         {"GET", "5", func(b *scripted) { _ = b.fr.WriteData(1, true, []byte("four")) }, "Content-Length", ""},
		"much longer":     {"GET", "3", func(b *scripted) { _ = b.fr.WriteData(1, false, []byte("four")) }, "Content-Length", ""},
		"shorter, trail":  {"GET", "5", func(b *scripted) { _ = b.fr.WriteData(1, false, []byte("four")); b.head(1, true, "a", "b") }, "Content-Length", "four"},
		"trailers go on":  {"GET", "", func(b *scripted) { b.head(1, false, "a", "b") }, "trailers", ""},
		"status trailer":  {"GET", "", func(b *scripted) { b.head(1, true, ":status", "200") }, "pseudo-header", ""},
		"trailers broken": {"GET", "", func(b *scripted) { b.head(1, true, "A", "b") }, "field name", ""},
		"reset":           {"GET", "", func(b *scripted) { _ = b.fr.WriteRSTStream(1, xhttp2.ErrCodeInternal) }, "INTERNAL_ERROR", ""},
		"reset, no error": {"GET", "", func(b *scripted) { _ = b.fr.WriteRSTStream(1, xhttp2.ErrCodeNo) }, "NO_ERROR", ""},
		"connection ends": {"GET", "", func(b *scripted) { b.nc.Close() }, "ended", ""},
		"reset mid-way": {"GET", "9", func(b *scripted) {
			_ = b.fr.WriteData(1, false, []byte("four"))
			_ = b.fr.WriteRSTStream(1, xhttp2.ErrCodeInternal)
		}, "INTERNAL_ERROR", "four"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			toScripted(t, ClientConfig{}, func(b *scripted) {
				b.greet()
				s := mustOpen(t, b.c)
				done := make(chan error)
				var resp message.Response
				go func() {
					done <- s.Do(call{method: tt.method, path: "/"}.request(), &resp, &exchange.SendOptions{Host: "h"})
				}()
				b.await(xhttp2.FrameHeaders, 1)
				if tt.length == "" {
					b.head(1, false, ":status", "200")
				} else {
					b.head(1, false, ":status", "200", "content-length", tt.length)
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				tt.do(b)
				synctest.Wait()
				got, err := io.ReadAll(resp.Body)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %q, %v", got, err)
				}
				if s.Finish() {
					t.Error("finished well")
				}
				s.Close()
				if name != "connection ends" {
					b.works(3)
				}
			})
		})
	}
}

// TestHostileBackendConnection has what ends the whole connection, at once: with
// GOAWAY, and with a malformed response for the exchanges on it.
func TestHostileBackendConnection(t *testing.T) {
	settings := func(id xhttp2.SettingID, v uint32) func(*scripted) {
		return func(b *scripted) { _ = b.fr.WriteSettings(xhttp2.Setting{ID: id, Val: v}) }
	}
	raw := func(kind xhttp2.FrameType, flags xhttp2.Flags, stream uint32, p string) func(*scripted) {
		return func(b *scripted) { _ = b.fr.WriteRawFrame(kind, flags, stream, []byte(p)) }
	}
	flood := func(once func(b *scripted)) func(*scripted) {
		return func(b *scripted) {
			b.to.most = 4 << 10
			for range 2 * idleBurst {
				b.mu.Lock()
				end := b.end
				b.mu.Unlock()
				if end != nil {
					return
				}
				once(b)
			}
		}
	}
	tests := map[string]struct {
		do   func(b *scripted)
		want string
		code xhttp2.ErrCode
	}{
		"SETTINGS_MAX_FRAME_SIZE 0 (GO-2026-4918)": {settings(xhttp2.SettingMaxFrameSize, 0), "MAX_FRAME_SIZE 0", xhttp2.ErrCodeProtocol},
		"SETTINGS_MAX_FRAME_SIZE too large":        {settings(xhttp2.SettingMaxFrameSize, 1<<24), "MAX_FRAME_SIZE", xhttp2.ErrCodeProtocol},
		"SETTINGS_INITIAL_WINDOW_SIZE 2^31":        {settings(xhttp2.SettingInitialWindowSize, 1<<31), "INITIAL_WINDOW_SIZE", xhttp2.ErrCodeFlowControl},
		"SETTINGS_ENABLE_PUSH 1":                   {settings(xhttp2.SettingEnablePush, 1), "ENABLE_PUSH", xhttp2.ErrCodeProtocol},
		"SETTINGS_ENABLE_CONNECT_PROTOCOL 2":       {settings(8, 2), "CONNECT", xhttp2.ErrCodeProtocol},
		"SETTINGS on a stream":                     {raw(xhttp2.FrameSettings, 0, 1, ""), "on stream 1", xhttp2.ErrCodeProtocol},
		"SETTINGS of 5 bytes":                      {raw(xhttp2.FrameSettings, 0, 0, "12345"), "5 bytes", xhttp2.ErrCodeFrameSize},
		"PUSH_PROMISE": {func(b *scripted) {
			_ = b.fr.WritePushPromise(xhttp2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: b.block(":method", "GET"), EndHeaders: true})
		}, "PUSH_PROMISE", xhttp2.ErrCodeProtocol},
		"HEADERS on a stream never opened":       {func(b *scripted) { b.head(7, true, ":status", "200") }, "was not opened", xhttp2.ErrCodeProtocol},
		"HEADERS on a stream of the server":      {func(b *scripted) { b.head(2, true, ":status", "200") }, "was not opened", xhttp2.ErrCodeProtocol},
		"DATA on a stream never opened":          {func(b *scripted) { _ = b.fr.WriteData(9, true, nil) }, "was not opened", xhttp2.ErrCodeProtocol},
		"RST_STREAM on a stream never opened":    {func(b *scripted) { _ = b.fr.WriteRSTStream(9, xhttp2.ErrCodeNo) }, "was not opened", xhttp2.ErrCodeProtocol},
		"WINDOW_UPDATE on a stream never opened": {func(b *scripted) { _ = b.fr.WriteWindowUpdate(9, 1) }, "was not opened", xhttp2.ErrCodeProtocol},
		"WINDOW_UPDATE by 0":                     {raw(xhttp2.FrameWindowUpdate, 0, 0, "\x00\x00\x00\x00"), "by 0", xhttp2.ErrCodeProtocol},
		"WINDOW_UPDATE overflow":                 {raw(xhttp2.FrameWindowUpdate, 0, 0, "\x7f\xff\xff\xff"), "overflows", xhttp2.ErrCodeFlowControl},
		"frame too large":                        {raw(0x77, 0, 0, strings.Repeat("x", maxFrame+1)), "at most", xhttp2.ErrCodeFrameSize},
		"PING of 7 bytes":                        {raw(xhttp2.FramePing, 0, 0, "1234567"), "7 bytes", xhttp2.ErrCodeFrameSize},
		"CONTINUATION alone":                     {raw(xhttp2.FrameContinuation, 0, 1, ""), "CONTINUATION", xhttp2.ErrCodeProtocol},
		"padding longer than the frame":          {raw(xhttp2.FrameData, xhttp2.FlagDataPadded, 1, "\x09x"), "padding", xhttp2.ErrCodeProtocol},
		"something within a header block": {func(b *scripted) {
			_ = b.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: b.block(":status", "200")})
			_ = b.fr.WritePing(false, [8]byte{})
		}, "within the header block", xhttp2.ErrCodeProtocol},
		"broken compression": {raw(xhttp2.FrameHeaders, xhttp2.FlagHeadersEndHeaders, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "header block", xhttp2.ErrCodeCompression},
		"CONTINUATION flood": {func(b *scripted) {
			_ = b.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: b.block(":status", "200")})
			flood(func(b *scripted) { _ = b.fr.WriteContinuation(1, false, nil) })(b)
		}, "CONTINUATION", xhttp2.ErrCodeEnhanceYourCalm},
		"large CONTINUATION flood": {func(b *scripted) {
			_ = b.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: b.block(":status", "200")})
			part := bytes.Repeat([]byte{0}, maxFrame)
			flood(func(b *scripted) { _ = b.fr.WriteContinuation(1, false, part) })(b)
		}, "header block", xhttp2.ErrCodeEnhanceYourCalm},
		"SETTINGS flood": {flood(func(b *scripted) { _ = b.fr.WriteSettings() }), "", xhttp2.ErrCodeEnhanceYourCalm},
		"PING flood":     {flood(func(b *scripted) { _ = b.fr.WritePing(false, [8]byte{}) }), "", xhttp2.ErrCodeEnhanceYourCalm},
		"PING answers":   {flood(func(b *scripted) { _ = b.fr.WritePing(true, [8]byte{}) }), "no part", xhttp2.ErrCodeEnhanceYourCalm},
		"PRIORITY flood": {flood(func(b *scripted) { _ = b.fr.WritePriority(1, xhttp2.PriorityParam{StreamDep: 3}) }), "no part", xhttp2.ErrCodeEnhanceYourCalm},
		"unknown frames": {flood(func(b *scripted) { _ = b.fr.WriteRawFrame(0x99, 0, 1, nil) }), "no part", xhttp2.ErrCodeEnhanceYourCalm},
		"tiny windows":   {flood(func(b *scripted) { _ = b.fr.WriteWindowUpdate(1, 1) }), "no part", xhttp2.ErrCodeEnhanceYourCalm},
		"GOAWAY flood":   {flood(func(b *scripted) { _ = b.fr.WriteGoAway(maxID, 0, nil) }), "no part", xhttp2.ErrCodeEnhanceYourCalm},
		"empty DATA flood": {func(b *scripted) {
			b.head(1, false, ":status", "200")
			flood(func(b *scripted) { _ = b.fr.WriteData(1, false, nil) })(b)
		}, "no part", xhttp2.ErrCodeEnhanceYourCalm},
		"padding flood": {func(b *scripted) {
			b.head(1, false, ":status", "200")
			flood(func(b *scripted) { _ = b.fr.WriteDataPadded(1, false, nil, make([]byte, 200)) })(b)
		}, "no part", xhttp2.ErrCodeEnhanceYourCalm},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			toScripted(t, ClientConfig{}, func(b *scripted) {
				b.greet()
				out := b.begin(call{path: "/"})
				b.await(xhttp2.FrameHeaders, 1)
				tt.do(b)
				o := <-out
				if protocolErr(o.err) != message.ReasonBackendMalformed || !strings.Contains(o.err.Error(), tt.want) {
					t.Errorf("got %v", o.err)
				}
				f := b.await(xhttp2.FrameGoAway, 0)
				if f.payload[0] != byte(tt.code) {
					t.Errorf("GOAWAY with %v, want %v", xhttp2.ErrCode(f.payload[0]), tt.code)
				}
				if _, ok := b.c.Open(); ok || b.c.Alive() {
					t.Error("the connection takes another exchange")
				}
			})
		})
	}
}

// TestHostileBackendWindows sends more than the windows allow.
func TestHostileBackendWindows(t *testing.T) {
	piece := make([]byte, maxFrame)
	t.Run("of the stream", func(t *testing.T) {
		toScripted(t, ClientConfig{StreamWindow: 64 << 10}, func(b *scripted) {
			b.greet()
			s := mustOpen(t, b.c)
			var resp message.Response
			done := make(chan error)
			go func() { done <- s.Do(call{path: "/"}.request(), &resp, &exchange.SendOptions{Host: "h"}) }()
			b.await(xhttp2.FrameHeaders, 1)
			b.head(1, false, ":status", "200")
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			for range 5 {
				_ = b.fr.WriteData(1, false, piece)
			}
			if f := b.await(xhttp2.FrameRSTStream, 1); f.payload[0] != byte(xhttp2.ErrCodeFlowControl) {
				t.Errorf("reset with %v", f.payload)
			}
			s.Close()
			b.works(3)
		})
	})
	t.Run("of the connection", func(t *testing.T) {
		toScripted(t, ClientConfig{StreamWindow: 128 << 10, ConnWindow: 128 << 10}, func(b *scripted) {
			b.greet()
			var outs []<-chan outcome
			var streams []*ClientStream
			for i := range 2 {
				s := mustOpen(t, b.c)
				streams = append(streams, s)
				out := make(chan outcome, 1)
				go func() {
					err := s.Do(call{path: "/"}.request(), &message.Response{}, &exchange.SendOptions{Host: "h"})
					out <- outcome{err: err}
				}()
				b.await(xhttp2.FrameHeaders, uint32(2*i+1))
				b.head(uint32(2*i+1), false, ":status", "200")
				outs = append(outs, out)
			}
			for i := range 10 {
				_ = b.fr.WriteData(uint32(i%2*2+1), false, piece)
			}
			if f := b.await(xhttp2.FrameGoAway, 0); f.payload[0] != byte(xhttp2.ErrCodeFlowControl) {
				t.Errorf("GOAWAY with %v", f.payload)
			}
			for i, s := range streams {
				<-outs[i]
				s.Close()
			}
		})
	})
	t.Run("are given back for what nobody reads", func(t *testing.T) {
		toScripted(t, ClientConfig{StreamWindow: 64 << 10, ConnWindow: 64 << 10}, func(b *scripted) {
			b.greet()
			for i := range 20 { // ten times the window of the connection
				id := uint32(2*i + 1)
				s := mustOpen(t, b.c)
				done := make(chan error)
				go func() { done <- s.Do(call{path: "/"}.request(), &message.Response{}, &exchange.SendOptions{Host: "h"}) }()
				b.await(xhttp2.FrameHeaders, id)
				b.head(id, false, ":status", "200")
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				_ = b.fr.WriteData(id, false, piece)
				if i%2 == 0 {
					synctest.Wait()
				}
				s.Close()
				b.await(xhttp2.FrameRSTStream, id)
				_ = b.fr.WriteData(id, true, piece) // was on its way
			}
			b.works(41)
		})
	})
}

// TestHostileBackendStreamWindow overflows the window of a stream: the exchange
// ends, not the connection.
func TestHostileBackendStreamWindow(t *testing.T) {
	for name, inc := range map[string]uint32{"overflow": maxID, "nothing": 0} {
		t.Run(name, func(t *testing.T) {
			toScripted(t, ClientConfig{}, func(b *scripted) {
				b.greet()
				out := b.begin(call{path: "/"})
				b.await(xhttp2.FrameHeaders, 1)
				_ = b.fr.WriteRawFrame(xhttp2.FrameWindowUpdate, 0, 1, binary.BigEndian.AppendUint32(nil, inc))
				if o := <-out; protocolErr(o.err) != message.ReasonBackendMalformed {
					t.Errorf("got %v", o.err)
				}
				b.works(3)
			})
		})
	}
}

// TestHostileBackendBomb sends a small block that unpacks to a large one, again
// and again: memory is not taken, and the connection ends.
func TestHostileBackendBomb(t *testing.T) {
	toScripted(t, ClientConfig{Limits: exchange.Limits{HeadBytes: 64 << 10}}, func(b *scripted) {
		b.greet()
		out := b.begin(call{path: "/"})
		b.await(xhttp2.FrameHeaders, 1)
		block := b.block(":status", "200", "a", strings.Repeat("x", 4000)) // into the table
		block = append(block, bytes.Repeat([]byte{0x80 | 62}, 12000)...)   // 48 MB
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = b.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true})
		o := <-out
		runtime.ReadMemStats(&after)
		if protocolErr(o.err) == message.ReasonNone {
			t.Errorf("got %v", o.err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
			t.Errorf("%d bytes were allocated", grown)
		}
		if f := b.await(xhttp2.FrameGoAway, 0); f.payload[0] != byte(xhttp2.ErrCodeEnhanceYourCalm) {
			t.Errorf("GOAWAY with %v", f.payload)
		}
	})
}

// TestHostileBackendInterims sends interim responses for ever.
func TestHostileBackendInterims(t *testing.T) {
	toScripted(t, ClientConfig{}, func(b *scripted) {
		b.greet()
		informed := 0
		out := b.begin(call{path: "/", o: exchange.SendOptions{Inform: func(r *message.Response) {
			if r.Status != 103 || r.Header.Get("link") != "x" {
				t.Errorf("informed of %d %v", r.Status, r.Header)
			}
			informed++
		}}})
		b.await(xhttp2.FrameHeaders, 1)
		for range mostInterim + 1 {
			b.head(1, false, ":status", "103", "link", "x")
			synctest.Wait()
		}
		if o := <-out; protocolErr(o.err) != message.ReasonBackendMalformed || informed != mostInterim {
			t.Errorf("informed %d times, %v", informed, o.err)
		}
		b.works(3)
	})
}

// TestHostileBackendNoHTTP2 has backends that speak something else.
func TestHostileBackendNoHTTP2(t *testing.T) {
	for name, tt := range map[string]struct {
		says  string
		close bool
		want  string
	}{
		"HTTP/1":              {"HTTP/1.1 400 Bad Request\r\n\r\n", false, "does not speak HTTP/2"},
		"HTTP/1, bit by bit":  {"HTTP/", false, "does not speak HTTP/2"},
		"something else":      {"220 mail.example.test ESMTP\r\n", false, "does not speak HTTP/2"},
		"no SETTINGS first":   {"\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678", false, "does not speak HTTP/2"},
		"acknowledges first":  {"\x00\x00\x00\x04\x01\x00\x00\x00\x00", false, "does not speak HTTP/2"},
		"closes":              {"", true, "does the backend speak HTTP/2?"},
		"nothing for ever":    {"", false, "does it speak HTTP/2?"},
		"half of its preface": {"\x00\x00\x06", false, "does it speak HTTP/2?"},
	} {
		t.Run(name, func(t *testing.T) {
			toScripted(t, ClientConfig{}, func(b *scripted) {
				out := b.begin(call{path: "/"})
				b.await(xhttp2.FrameHeaders, 1)
				if tt.says != "" {
					_, _ = io.WriteString(b.nc, tt.says)
				}
				if tt.close {
					b.nc.Close()
				}
				o := <-out
				if o.err == nil || !strings.Contains(o.err.Error(), tt.want) {
					t.Errorf("got %v", o.err)
				}
			})
		})
	}
}
