package http3

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// FuzzHead decodes field sections: what passes can be written as HTTP/1.
func FuzzHead(f *testing.F) {
	f.Add(section(get1))
	f.Add(section(with(kv{"cookie", "a"}, kv{"cookie", "b"}, kv{"content-length", "1"})))
	f.Add(section(with(kv{":method", "CONNECT"}, kv{":protocol", "websocket"})))
	f.Add([]byte{0, 0, 0x50, 0x81, 0xff, 0x23, 'a', 'b', 'c', 0})
	f.Fuzz(func(t *testing.T, block []byte) {
		var h requestHead
		var r message.Request
		lim := exchange.Limits{HeadBytes: 4 << 10, LineBytes: 256, Fields: 20}
		err := h.decode(block, &r, lim)
		var pe *message.ProtocolError
		var ce *ConnError
		switch {
		case errors.As(err, &pe), errors.As(err, &ce):
			return
		case err != nil:
			t.Fatalf("error %T %v", err, err)
		}
		line := r.Method + r.RawPath + r.Query + r.Host
		if strings.ContainsAny(line, " \r\n\x00\t") || r.Host == "" || r.RawPath == "" || r.Method == "" {
			t.Fatalf("%q %q %q %q", r.Method, r.RawPath, r.Query, r.Host)
		}
		if r.Header.Len() > lim.Fields {
			t.Fatalf("%d fields", r.Header.Len())
		}
		for _, f := range r.Header.Fields() {
			if strings.ContainsAny(f.Name, " \r\n\x00:\t") || f.Name == "" || strings.ContainsAny(f.Value, "\r\n\x00") {
				t.Fatalf("field %q: %q", f.Name, f.Value)
			}
			if f.Kind == message.KindTransferEncoding || f.Kind == message.KindConnection || f.Kind == message.KindUpgrade {
				t.Fatalf("field %q passes", f.Name)
			}
		}
	})
}

// script is a stream that delivers its bytes in pieces.
type script struct {
	rest []byte
	step int
}

func (s *script) Peek(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	return copy(p, s.rest), nil
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest[:min(s.step, len(s.rest))])
	s.rest = s.rest[n:]
	return n, nil
}

// FuzzControl reads control and QPACK streams: they end with a *ConnError, or
// with the stream.
func FuzzControl(f *testing.F) {
	f.Add([]byte{4, 2, 1, 0, 7, 1, 0}, uint8(1))
	f.Add([]byte{4, 0, 0x0d, 1, 5, 0x21, 3, 1, 2, 3}, uint8(2))
	f.Add([]byte{0x7f, 0x80, 1, 0x41}, uint8(3))
	f.Fuzz(func(t *testing.T, raw []byte, step uint8) {
		c := &conn{srv: &Server{sweeper: clock()}}
		c.flood.begin(0)
		for _, read := range []func(in *input) error{c.readControl, readEncoder, c.readDecoder} {
			in := &input{s: &script{bytes.Clone(raw), int(step) + 1}}
			err := read(in)
			var ce *ConnError
			if !errors.As(err, &ce) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("error %v", err)
			}
			in.release()
		}
	})
}

// FuzzSettings reads SETTINGS frames.
func FuzzSettings(f *testing.F) {
	f.Add([]byte{1, 0, 6, 0x44, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var ce *ConnError
		if err := checkSettings(b); err != nil && !errors.As(err, &ce) {
			t.Fatal(err)
		}
	})
}

// alone is an owner without a stream.
type alone struct{ failed error }

func (a *alone) chat(int, string) error { return nil }
func (a *alone) bodyFailed(err error)   { a.failed = err }
func (a *alone) limitRead()             {}
func (a *alone) beginWait(int64)        {}
func (a *alone) endWait()               {}

// FuzzBody reads the frames of a body in pieces of every size: what they hold
// does not depend on the pieces, and is as long as was said.
func FuzzBody(f *testing.F) {
	f.Add(join(frame(frameData, []byte("abc")), frame(0x21, []byte("x")), frame(frameData, []byte("de"))), int8(5), uint8(1))
	f.Add(join(frame(frameData, []byte("abc")), headers([]kv{{"a", "b"}}), frame(0x21, nil)), int8(-1), uint8(3))
	f.Add(join(frame(frameData, nil), frame(frameSettings, nil)), int8(-1), uint8(0))
	f.Fuzz(func(t *testing.T, raw []byte, length int8, step uint8) {
		type result struct {
			data    string
			trailer int
			failed  bool
		}
		read := func(step int) (r result) {
			a := &alone{}
			in := &input{s: &script{bytes.Clone(raw), step}}
			var b body
			var trailer message.Header
			b.begin(a, in, max(int64(length), -1), &trailer)
			data, err := io.ReadAll(&b)
			if err != a.failed {
				t.Fatalf("reading gives %v, the stream is told %v", err, a.failed)
			}
			if err == nil && (!b.Ends(0) || b.Left() != 0 || length >= 0 && int(length) != len(data)) {
				t.Fatalf("%d bytes of %d, %d are left", len(data), length, b.Left())
			}
			in.release()
			if err != nil {
				return result{failed: true}
			}
			return result{string(data), trailer.Len(), false}
		}
		if one, all := read(int(step)+1), read(len(raw)+1); one != all {
			t.Fatalf("in pieces of %d: %+v, at once %+v", int(step)+1, one, all)
		}
	})
}
