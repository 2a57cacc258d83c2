package http3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// once sends bytes on a new stream of a new connection, ends the stream, and
// returns the answer.
func once(t *testing.T, b *bench, raw []byte) (status string, body []byte, err error) {
	t.Helper()
	s, err := b.dial().OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s.Write(raw)
	_ = s.Close()
	return answer(t, s)
}

// TestHostileRequests has one malformed request after the other: each is refused
// with a reason and no handler sees it.
func TestHostileRequests(t *testing.T) {
	many := make([]kv, 0, 600)
	for i := range 501 {
		many = append(many, kv{fmt.Sprint("x-", i), ""})
	}
	for _, tt := range []struct {
		name   string
		fields []kv
		reason message.Reason
	}{
		{"content-length and FIN (CVE-2026-33555)", with(kv{":method", "POST"}, kv{"content-length", "10"}), message.ReasonBodyMalformed},
		{"GET with content-length and FIN", with(kv{"content-length", "1"}), message.ReasonBodyMalformed},
		{"two content-length", with(kv{"content-length", "0"}, kv{"content-length", "0"}), message.ReasonConflictingLength},
		{"signed content-length", with(kv{"content-length", "+1"}), message.ReasonBadContentLength},
		{"transfer-encoding", with(kv{"transfer-encoding", "chunked"}), message.ReasonBadTransferEncoding},
		{"connection", with(kv{"connection", "close"}), message.ReasonBadHeaderName},
		{"keep-alive", with(kv{"keep-alive", "1"}), message.ReasonBadHeaderName},
		{"proxy-connection", with(kv{"proxy-connection", "x"}), message.ReasonBadHeaderName},
		{"upgrade", with(kv{"upgrade", "websocket"}), message.ReasonBadHeaderName},
		{"te gzip", with(kv{"te", "gzip"}), message.ReasonBadHeaderName},
		{"expect something", with(kv{"expect", "200-maybe"}), message.ReasonExpectationFailed},
		{"upper case", with(kv{"X-A", "b"}), message.ReasonBadHeaderName},
		{"empty name", with(kv{"", "b"}), message.ReasonBadHeaderName},
		{"colon in name", with(kv{"a:b", "c"}), message.ReasonBadHeaderName},
		{"line in name", with(kv{"a\r\nb", "c"}), message.ReasonBadHeaderName},
		{"underscore", with(kv{"content_length", "1"}), message.ReasonBadHeaderName},
		{"line in value", with(kv{"a", "b\r\nc: d"}), message.ReasonBadHeaderValue},
		{"NUL in value", with(kv{"a", "b\x00c"}), message.ReasonBadHeaderValue},
		{"space before value", with(kv{"a", " b"}), message.ReasonBadHeaderValue},
		{"tab behind value", with(kv{"a", "b\t"}), message.ReasonBadHeaderValue},
		{"unknown pseudo", with(kv{":status", "200"}), message.ReasonBadHeaderName},
		{"pseudo twice", append(with(), kv{":path", "/b"}), message.ReasonBadHeaderName},
		{"pseudo behind field", append(with(kv{"a", "b"}), kv{":protocol", "websocket"}), message.ReasonBadHeaderName},
		{"no method", get1[1:], message.ReasonBadMethod},
		{"bad method", with(kv{":method", "GE T"}), message.ReasonBadMethod},
		{"long method", with(kv{":method", strings.Repeat("A", 33)}), message.ReasonBadMethod},
		{"no scheme", []kv{get1[0], get1[2], get1[3]}, message.ReasonBadTarget},
		{"scheme ftp", with(kv{":scheme", "ftp"}), message.ReasonBadTarget},
		{"no path", get1[:3], message.ReasonBadTarget},
		{"empty path", with(kv{":path", ""}), message.ReasonBadTarget},
		{"absolute path", with(kv{":path", "http://a/"}), message.ReasonBadTarget},
		{"path star", with(kv{":path", "*"}), message.ReasonBadTarget},
		{"space in path", with(kv{":path", "/a b"}), message.ReasonBadTarget},
		{"line in path", with(kv{":path", "/ HTTP/1.1\r\nA: b"}), message.ReasonBadTarget},
		{"bytes in path", with(kv{":path", "/\xff"}), message.ReasonBadTarget},
		{"NUL in path", with(kv{":path", "/%00"}), message.ReasonBadTarget},
		{"long path", with(kv{":path", "/" + strings.Repeat("a", 65<<10)}), message.ReasonURITooLong},
		{"no host", []kv{get1[0], get1[1], get1[3]}, message.ReasonMissingHost},
		{"host mismatch", with(kv{"host", "other.example"}), message.ReasonHostMismatch},
		{"two hosts", with(kv{"host", "test.example"}, kv{"host", "test.example"}), message.ReasonDuplicateHost},
		{"user in authority", with(kv{":authority", "a@test.example"}), message.ReasonBadHost},
		{"CONNECT", []kv{{":method", "CONNECT"}, {":authority", "a:1"}}, message.ReasonConnectRefused},
		{":protocol with GET", with(kv{":protocol", "websocket"}), message.ReasonBadMethod},
		{":protocol connect-udp", with(kv{":method", "CONNECT"}, kv{":protocol", "connect-udp"}), message.ReasonUpgradeRefused},
		{"too many fields", with(many...), message.ReasonTooManyHeaders},
		{"too large", with(kv{"a", strings.Repeat("~", 1<<20)}), message.ReasonHeaderTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := serve(t, echo, nil)
			status, _, err := once(t, b, headers(tt.fields))
			if want := fmt.Sprint(tt.reason.Status()); status != want || !errors.Is(err, io.EOF) {
				t.Errorf("status %q, %v, expected %s", status, err, want)
			}
			n, refused := b.h.calls()
			if n != 0 || len(refused) != 1 || refused[0] != tt.reason {
				t.Errorf("handled %d, refused %v, expected %v", n, refused, tt.reason)
			}
		})
	}
}

// TestHostileLateEnd promises a body and ends the stream only when the server has
// had time to believe it.
func TestHostileLateEnd(t *testing.T) {
	b := serve(t, echo, nil)
	q := b.dial()
	late := open(t, q, headers(with(kv{":method", "POST"}, kv{"content-length", "10"})))
	for range 5 {
		s := open(t, q, headers(get1))
		_ = s.Close()
		if status, _, _ := answer(t, s); status != "200" {
			t.Fatalf("status %q", status)
		}
	}
	_ = late.Close()
	if status, _, _ := answer(t, late); status != "400" {
		t.Errorf("status %q", status)
	}
	if n, refused := b.h.calls(); n != 5 || len(refused) != 1 {
		t.Errorf("%d handled, refused %v", n, refused)
	}
}

// TestHostileQPACKBomb has references of one byte unpack to much more: decoding
// stops at the limit, and nothing of it comes to a handler (CVE-2025-64702).
func TestHostileQPACKBomb(t *testing.T) {
	b := serve(t, echo, func(cfg *ServerConfig) { cfg.HeadBytes, cfg.Fields = 16<<10, 1<<20 })
	block := section(get1)
	// Static entry 85 is content-security-policy with 53 bytes of value.
	bomb := append(block, bytes.Repeat([]byte{0xc0 | 0x3f, 85 - 63}, 7000)...)
	status, _, _ := once(t, b, frame(frameHeaders, bomb))
	if n, _ := b.h.calls(); n != 0 || status != "431" {
		t.Errorf("status %s, %d handled", status, n)
	}
	// In trailers the body fails.
	b.h.handle = func(d exchange.Downstream) {
		_, err := io.ReadAll(d.Record().Request.Body)
		var pe *exchange.ProtocolError
		if !errors.As(err, &pe) || pe.Reason != message.ReasonBadTrailer || !errors.Is(d.BodyError(), err) {
			t.Errorf("body: %v", err)
		}
		_ = d.Reply(text(400, "no"))
	}
	trailers := append([]byte{0, 0}, bytes.Repeat([]byte{0xc0 | 0x3f, 85 - 63}, 7000)...)
	status, _, _ = once(t, b, join(headers(with(kv{":method", "POST"})), frame(frameData, []byte("x")), frame(frameHeaders, trailers)))
	if n, _ := b.h.calls(); n != 1 || status != "400" {
		t.Errorf("status %s, %d handled", status, n)
	}
}

// TestHostileStreams sends what ends the connection.
func TestHostileStreams(t *testing.T) {
	post := headers(with(kv{":method", "POST"}))
	for _, tt := range []struct {
		name string
		raw  []byte
		code Code
	}{
		{"DATA first", frame(frameData, []byte("x")), CodeFrameUnexpected},
		{"SETTINGS", frame(frameSettings, nil), CodeFrameUnexpected},
		{"GOAWAY", frame(frameGoAway, []byte{0}), CodeFrameUnexpected},
		{"MAX_PUSH_ID", frame(frameMaxPushID, []byte{0}), CodeFrameUnexpected},
		{"CANCEL_PUSH", frame(frameCancelPush, []byte{0}), CodeFrameUnexpected},
		{"PUSH_PROMISE", join(post, frame(framePushPromise, []byte{0, 0, 0})), CodeFrameUnexpected},
		{"PRIORITY of HTTP/2", frame(0x02, make([]byte, 5)), CodeFrameUnexpected},
		{"PING of HTTP/2", join(post, frame(0x06, make([]byte, 8))), CodeFrameUnexpected},
		{"WINDOW_UPDATE of HTTP/2", join(post, frame(0x08, make([]byte, 4))), CodeFrameUnexpected},
		{"CONTINUATION of HTTP/2", join(post, frame(0x09, nil)), CodeFrameUnexpected},
		{"trailers twice", join(post, headers(nil), headers(nil)), CodeFrameUnexpected},
		{"DATA behind trailers", join(post, headers(nil), frame(frameData, []byte("x"))), CodeFrameUnexpected},
		{"end within HEADERS", post[:len(post)-1], CodeFrame},
		{"end within DATA", join(post, frame(frameData, []byte("abc"))[:3]), CodeFrame},
		{"end within a frame head", join(post, []byte{0x40}), CodeFrame},
		{"end within trailers", join(post, headers([]kv{{"a", "b"}})[:4]), CodeFrame},
		{"empty HEADERS", frame(frameHeaders, nil), CodeDecompression},
		{"dynamic table", frame(frameHeaders, []byte{2, 0, 0x80}), CodeDecompression},
		{"post-base index", frame(frameHeaders, []byte{0, 0, 0x10}), CodeDecompression},
		{"index 99", frame(frameHeaders, []byte{0, 0, 0xff, 99 - 63}), CodeDecompression},
		{"cut string", frame(frameHeaders, []byte{0, 0, 0x23, 'a', 'b'}), CodeDecompression},
		{"bad Huffman", frame(frameHeaders, []byte{0, 0, 0x51, 0x84, 0xff, 0xff, 0xff, 0xff}), CodeDecompression},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := serve(t, func(d exchange.Downstream) {
				if body := d.Record().Request.Body; body != nil {
					if _, err := io.ReadAll(body); err == nil {
						t.Error("the body is good")
					}
				}
				_ = d.Reply(text(400, ""))
			}, nil)
			q := b.dial()
			s, err := q.OpenStreamSync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = s.Write(tt.raw)
			_ = s.Close()
			ends(t, q, tt.code)
			if !strings.Contains(b.logs.String(), tt.code.String()) {
				t.Errorf("the log does not say %s: %s", tt.code, b.logs)
			}
		})
	}
}

// ends waits for the end of a connection and checks why.
func ends(t *testing.T, q *quic.Conn, code Code) {
	t.Helper()
	select {
	case <-q.Context().Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the connection goes on")
	}
	var ae *quic.ApplicationError
	if _, err := q.AcceptStream(t.Context()); !errors.As(err, &ae) || Code(ae.ErrorCode) != code || !ae.Remote {
		t.Errorf("the connection ended with %v, expected %s", err, code)
	}
}

// TestHostileUniStreams sends what a control, encoder or decoder stream must not
// hold.
func TestHostileUniStreams(t *testing.T) {
	settings := func(kv ...uint64) []byte {
		var p []byte
		for _, v := range kv {
			p = quicvarint.Append(p, v)
		}
		return append([]byte{streamControl}, frame(frameSettings, p)...)
	}
	good := settings(settingFieldSection, 1000, 0x4242, 7)
	for _, tt := range []struct {
		name    string
		streams [][]byte
		fin     bool
		code    Code
	}{
		{"no SETTINGS", [][]byte{append([]byte{streamControl}, frame(frameGoAway, []byte{0})...)}, false, CodeMissingSettings},
		{"setting of HTTP/2", [][]byte{settings(0x02, 1)}, false, CodeSettings},
		{"setting twice", [][]byte{settings(0x4242, 1, 0x4242, 1)}, false, CodeSettings},
		{"connect protocol 2", [][]byte{settings(settingConnectProtocol, 2)}, false, CodeSettings},
		{"cut SETTINGS", [][]byte{append([]byte{streamControl}, frame(frameSettings, []byte{0x42})...)}, false, CodeFrame},
		{"large SETTINGS", [][]byte{append([]byte{streamControl}, appendFrame(nil, frameSettings, 1<<30)...)}, false, CodeExcessiveLoad},
		{"SETTINGS twice", [][]byte{join(good, frame(frameSettings, nil))}, false, CodeFrameUnexpected},
		{"DATA on control", [][]byte{join(good, frame(frameData, nil))}, false, CodeFrameUnexpected},
		{"HEADERS on control", [][]byte{join(good, frame(frameHeaders, nil))}, false, CodeFrameUnexpected},
		{"PING of HTTP/2 on control", [][]byte{join(good, frame(0x06, nil))}, false, CodeFrameUnexpected},
		{"GOAWAY of two bytes too many", [][]byte{join(good, frame(frameGoAway, []byte{0, 0, 0}))}, false, CodeFrame},
		{"GOAWAY grows", [][]byte{join(good, frame(frameGoAway, []byte{1}), frame(frameGoAway, []byte{2}))}, false, CodeID},
		{"MAX_PUSH_ID shrinks", [][]byte{join(good, frame(frameMaxPushID, []byte{2}), frame(frameMaxPushID, []byte{1}))}, false, CodeID},
		{"CANCEL_PUSH", [][]byte{join(good, frame(frameCancelPush, []byte{0}))}, false, CodeID},
		{"two control streams", [][]byte{good, good}, false, CodeStreamCreation},
		{"two decoder streams", [][]byte{{streamDecoder}, {streamDecoder}}, false, CodeStreamCreation},
		{"push stream", [][]byte{{streamPush, 0}}, false, CodeStreamCreation},
		{"control closed", [][]byte{good}, true, CodeClosedCriticalStream},
		{"encoder closed", [][]byte{{streamEncoder}}, true, CodeClosedCriticalStream},
		{"encoder inserts", [][]byte{{streamEncoder, 0x20, 0xc1, 0x01, 'a'}}, false, CodeEncoderStream},
		{"encoder sets capacity", [][]byte{{streamEncoder, 0x3f, 0x01}}, false, CodeEncoderStream},
		{"decoder acknowledges", [][]byte{{streamDecoder, 0x44, 0x80}}, false, CodeDecoderStream},
		{"decoder increments", [][]byte{{streamDecoder, 0x01}}, false, CodeDecoderStream},
		{"decoder counts without end", [][]byte{append([]byte{streamDecoder, 0x7f}, bytes.Repeat([]byte{0x80}, 20)...)}, false, CodeDecoderStream},
		{"empty frames without end", [][]byte{join(good, bytes.Repeat(frame(0x21, nil), 20000))}, false, CodeExcessiveLoad},
		{"a frame without end", [][]byte{join(good, appendFrame(nil, 0x21, 1<<60), make([]byte, 32<<20))}, false, CodeExcessiveLoad},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := serve(t, echo, nil)
			q := b.dial()
			for _, raw := range tt.streams {
				s, err := q.OpenUniStreamSync(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				_, _ = s.Write(raw)
				if tt.fin {
					_ = s.Close()
				}
			}
			ends(t, q, tt.code)
		})
	}
}

// TestHostileUnknown sends what has to be ignored: kinds of streams, frames and
// settings that nobody knows.
func TestHostileUnknown(t *testing.T) {
	b := serve(t, echo, nil)
	q := b.dial()
	for i := range mostUniStreams {
		s, err := q.OpenUniStream()
		if err != nil {
			t.Fatal(i, err)
		}
		_, _ = s.Write([]byte{0x21})
	}
	if _, err := q.OpenUniStream(); err == nil {
		t.Errorf("more than %d unidirectional streams", mostUniStreams)
	}
	s, err := q.OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	grease := frame(0x21, make([]byte, 20<<10))
	_, _ = s.Write(join(grease, headers(with(kv{":method", "POST"}, kv{"cookie", "a=1"}, kv{"cookie", "b=2"})), grease, frame(frameData, []byte("ab")), grease,
		frame(frameData, nil), frame(frameData, []byte("c")), grease, headers([]kv{{"x", "y"}}), grease))
	_ = s.Close()
	status, body, err := answer(t, s)
	if status != "200" || string(body) != "abc" || !errors.Is(err, io.EOF) {
		t.Errorf("%s %q %v", status, body, err)
	}
}

// TestHostileLengths compares what DATA frames hold with Content-Length.
func TestHostileLengths(t *testing.T) {
	for _, tt := range []struct {
		name    string
		data    [][]byte
		handled bool // the length is wrong after the start of the body only
		body    string
	}{
		{"right", [][]byte{[]byte("ab"), []byte("cde")}, true, "abcde"},
		{"too much at once", [][]byte{[]byte("abcdef")}, false, ""},
		{"too much in two", [][]byte{[]byte("abc"), []byte("def")}, true, ""},
		{"too little", [][]byte{[]byte("abc")}, true, ""},
		{"empty DATA only", [][]byte{{}}, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := serve(t, func(d exchange.Downstream) {
				body, err := io.ReadAll(d.Record().Request.Body)
				var pe *exchange.ProtocolError
				if tt.body != "" && err == nil && string(body) == tt.body {
					_ = d.Reply(text(200, ""))
					return
				}
				if !errors.As(err, &pe) || pe.Reason != message.ReasonBodyMalformed {
					t.Errorf("body %q: %v", body, err)
				}
				_ = d.Reply(text(400, ""))
			}, nil)
			raw := headers(with(kv{":method", "POST"}, kv{"content-length", "5"}))
			for _, p := range tt.data {
				raw = append(raw, frame(frameData, p)...)
			}
			status, _, _ := once(t, b, raw)
			n, refused := b.h.calls()
			if (n == 1) != tt.handled || len(refused) == n {
				t.Errorf("handled %d, refused %v", n, refused)
			}
			if want := map[bool]string{true: "200", false: "400"}[tt.body != ""]; status != want {
				t.Errorf("status %s, expected %s", status, want)
			}
		})
	}
}
