package http2

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// raw is a client that sends whatever frames a test wants.
type raw struct {
	t    testing.TB
	nc   net.Conn
	fr   *xhttp2.Framer
	buf  bytes.Buffer
	enc  *hpack.Encoder
	dec  *hpack.Decoder
	next uint32
	// patience is how long a frame is waited for.
	patience time.Duration
}

// dial connects to s and exchanges the prefaces.
func dial(t testing.TB, s *started) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	r := newRaw(t, nc)
	r.hello()
	return r
}

func newRaw(t testing.TB, nc net.Conn) *raw {
	r := &raw{t: t, nc: nc, fr: xhttp2.NewFramer(nc, nc), next: 1, patience: 10 * time.Second}
	r.fr.AllowIllegalReads, r.fr.AllowIllegalWrites = true, true
	r.fr.SetMaxReadFrameSize(1 << 20)
	r.enc = hpack.NewEncoder(&r.buf)
	r.dec = hpack.NewDecoder(4096, nil)
	t.Cleanup(func() { _ = nc.Close() })
	return r
}

// hello sends the preface and waits for the server's.
func (r *raw) hello(settings ...xhttp2.Setting) {
	r.t.Helper()
	r.write([]byte(Preface))
	r.try(r.fr.WriteSettings(settings...))
	r.until("SETTINGS", func(f xhttp2.Frame) bool { s, ok := f.(*xhttp2.SettingsFrame); return ok && !s.IsAck() })
	r.try(r.fr.WriteSettingsAck())
}

func (r *raw) write(p []byte) {
	r.t.Helper()
	_, err := r.nc.Write(p)
	r.try(err)
}

func (r *raw) try(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// block encodes fields, given as name and value in turn.
func (r *raw) block(fields ...string) []byte {
	r.buf.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = r.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(r.buf.Bytes())
}

// plain are the pseudo-header fields of a usual request.
func plain(method string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "http", ":path", "/", ":authority", "h"}, more...)
}

// open sends the head of a request on the next stream.
func (r *raw) open(end bool, fields ...string) uint32 {
	r.t.Helper()
	id := r.next
	r.next += 2
	r.try(r.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: r.block(fields...), EndStream: end, EndHeaders: true}))
	return id
}

// until reads frames until one fits.
func (r *raw) until(what string, fits func(xhttp2.Frame) bool) xhttp2.Frame {
	r.t.Helper()
	_ = r.nc.SetReadDeadline(time.Now().Add(r.patience))
	for {
		f, err := r.fr.ReadFrame()
		if err != nil {
			r.t.Fatalf("waiting for %s: %v", what, err)
		}
		if fits(f) {
			return f
		}
	}
}

// reset waits for RST_STREAM on a stream and returns its code.
func (r *raw) reset(id uint32) Code {
	r.t.Helper()
	f := r.until("RST_STREAM", func(f xhttp2.Frame) bool { _, ok := f.(*xhttp2.RSTStreamFrame); return ok && f.Header().StreamID == id })
	return Code(f.(*xhttp2.RSTStreamFrame).ErrCode)
}

// goAway waits for GOAWAY and returns its code. The end of the connection is an
// error.
func (r *raw) goAway() Code {
	r.t.Helper()
	f := r.until("GOAWAY", func(f xhttp2.Frame) bool { _, ok := f.(*xhttp2.GoAwayFrame); return ok })
	return Code(f.(*xhttp2.GoAwayFrame).ErrCode)
}

// status waits for the head of a response and returns its fields.
func (r *raw) response(id uint32) (fields map[string]string, ended bool) {
	r.t.Helper()
	f := r.until("HEADERS", func(f xhttp2.Frame) bool {
		if f.Header().Type != xhttp2.FrameHeaders {
			return false
		}
		return f.Header().StreamID == id
	}).(*xhttp2.HeadersFrame)
	list, err := r.dec.DecodeFull(f.HeaderBlockFragment())
	r.try(err)
	fields = map[string]string{}
	for _, h := range list {
		fields[h.Name] = h.Value
	}
	return fields, f.StreamEnded()
}

// flood writes until the server ends the connection, and returns the code and
// the words that it gave. It fails the test when all n were taken.
func (r *raw) flood(n int, one func(i int) error) (code Code, why string) {
	r.t.Helper()
	sent := make(chan int, 1)
	go func() {
		for i := range n {
			if one(i) != nil {
				sent <- i
				return
			}
		}
		sent <- n
	}()
	found := false
	_ = r.nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		f, err := r.fr.ReadFrame()
		if err != nil {
			if !found && !errors.Is(err, io.EOF) {
				r.t.Errorf("read: %v", err)
			}
			break
		}
		if g, ok := f.(*xhttp2.GoAwayFrame); ok {
			code, why, found = Code(g.ErrCode), string(g.DebugData()), true
			break
		}
	}
	_ = r.nc.Close()
	if k := <-sent; k == n {
		r.t.Errorf("all of %d were taken (GOAWAY %v)", n, found)
	}
	return code, why
}
