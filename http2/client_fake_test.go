package http2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// scripted is a backend whose every frame a test decides.
type scripted struct {
	t  *testing.T
	nc net.Conn
	fr *xhttp2.Framer
	to *gathered
	c  *ClientConn
	s  *sock.Sweeper

	enc  *hpack.Encoder
	hbuf bytes.Buffer

	mu   sync.Mutex
	seen []seenFrame // what the client sent
	more chan struct{}
	end  error
	gate chan struct{} // nothing is read before it is closed
}

type seenFrame struct {
	xhttp2.FrameHeader
	payload []byte
	fields  []hpack.HeaderField
}

// toScripted runs f with a client connection to a scripted backend, in virtual
// time.
func toScripted(t *testing.T, cfg ClientConfig, f func(b *scripted)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newScripted(t, &cfg)
		f(b)
		b.c.Close()
	})
}

func newScripted(t *testing.T, cfg *ClientConfig) *scripted {
	b, near := newScriptedPeer(t)
	<-time.After(time.Millisecond) // no clock stands at 0
	cfg.Now = b.s.Now
	c, err := NewClientConn(near, *cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.c = c
	return b
}

// newScriptedPeer returns a backend and the client's end of the connection to it.
func newScriptedPeer(t *testing.T) (*scripted, Conn) {
	near, far := net.Pipe()
	b := &scripted{t: t, nc: far, to: &gathered{to: far}, more: make(chan struct{}, 1), s: sock.NewSweeper()}
	b.fr = xhttp2.NewFramer(b.to, nil)
	b.fr.AllowIllegalWrites = true
	b.enc = hpack.NewEncoder(&b.hbuf)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = b.s.Run(ctx) })
	wg.Go(b.read)
	t.Cleanup(func() { cancel(); far.Close(); wg.Wait() })
	return b, sock.Wrap(near, b.s)
}

type hpackField = hpack.HeaderField

// read takes note of what the client sends.
func (b *scripted) read() {
	preface := make([]byte, len(Preface))
	_, err := io.ReadFull(b.nc, preface)
	fr := xhttp2.NewFramer(io.Discard, b.nc)
	dec := hpack.NewDecoder(4096, nil)
	for err == nil {
		b.mu.Lock()
		gate := b.gate
		b.mu.Unlock()
		if gate != nil {
			<-gate
		}
		var f xhttp2.Frame
		if f, err = fr.ReadFrame(); err != nil {
			break
		}
		s := seenFrame{FrameHeader: f.Header()}
		switch f := f.(type) {
		case *xhttp2.DataFrame:
			s.payload = bytes.Clone(f.Data())
		case *xhttp2.HeadersFrame:
			s.fields, err = dec.DecodeFull(f.HeaderBlockFragment())
		case *xhttp2.RSTStreamFrame:
			s.payload = []byte{byte(f.ErrCode)}
		case *xhttp2.GoAwayFrame:
			s.payload = []byte{byte(f.ErrCode)}
		}
		b.mu.Lock()
		b.seen = append(b.seen, s)
		b.mu.Unlock()
		select {
		case b.more <- struct{}{}:
		default:
		}
	}
	b.mu.Lock()
	b.end = err
	b.mu.Unlock()
	close(b.more)
}

// await waits for a frame of the client and returns it.
func (b *scripted) await(kind xhttp2.FrameType, stream uint32) seenFrame {
	b.t.Helper()
	for {
		if f, ok := b.find(kind, stream); ok {
			return f
		}
		if _, open := <-b.more; !open {
			if f, ok := b.find(kind, stream); ok {
				return f
			}
			b.t.Fatalf("the client ended before it sent %v on stream %d: %v", kind, stream, b.end)
		}
	}
}

func (b *scripted) find(kind xhttp2.FrameType, stream uint32) (seenFrame, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.seen {
		if f.Type == kind && f.StreamID == stream {
			return f, true
		}
	}
	return seenFrame{}, false
}

// data returns all that the client sent on a stream.
func (b *scripted) data(stream uint32) (all []byte, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.seen {
		if f.StreamID == stream {
			all = append(all, f.payload...)
			ended = ended || (f.Type == xhttp2.FrameData || f.Type == xhttp2.FrameHeaders) && f.Flags.Has(xhttp2.FlagDataEndStream)
		}
	}
	return all, ended
}

// gathered writes many frames at once while most is not 0.
type gathered struct {
	to   io.Writer
	b    []byte
	most int
}

func (g *gathered) Write(p []byte) (int, error) {
	g.b = append(g.b, p...)
	if len(g.b) > g.most {
		_, err := g.to.Write(g.b)
		g.b = g.b[:0]
		return len(p), err
	}
	return len(p), nil
}

// greet sends SETTINGS.
func (b *scripted) greet(settings ...xhttp2.Setting) {
	_ = b.fr.WriteSettings(settings...)
	_ = b.fr.WriteSettingsAck()
}

func (b *scripted) block(fields ...string) []byte {
	b.hbuf.Reset()
	for i := 0; i+1 < len(fields); i += 2 {
		_ = b.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(b.hbuf.Bytes())
}

// head sends HEADERS.
func (b *scripted) head(stream uint32, end bool, fields ...string) {
	_ = b.fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: stream, BlockFragment: b.block(fields...), EndStream: end, EndHeaders: true})
}

// outcome is what became of an exchange.
type outcome struct {
	r   result
	err error
}

// begin starts an exchange.
func (b *scripted) begin(k call) <-chan outcome {
	b.t.Helper()
	s, ok := b.c.Open()
	if !ok {
		b.t.Fatalf("no stream: %v", b.c.err)
	}
	out := make(chan outcome, 1)
	go func() {
		r, err := k.on(s)
		out <- outcome{r, err}
	}()
	return out
}

// works checks that the connection is good for another exchange, on the stream
// with the given number.
func (b *scripted) works(stream uint32) {
	b.t.Helper()
	out := b.begin(call{path: "/next"})
	b.await(xhttp2.FrameHeaders, stream)
	b.head(stream, true, ":status", "200")
	if o := <-out; o.err != nil || o.r.status != 200 {
		b.t.Errorf("the next exchange: %d %v", o.r.status, o.err)
	}
}

func sendErr(err error) *exchange.SendError {
	var se *exchange.SendError
	errors.As(err, &se)
	return se
}

func protocolErr(err error) message.Reason {
	var pe *exchange.ProtocolError
	if errors.As(err, &pe) {
		return pe.Reason
	}
	return message.ReasonNone
}

// second is short in virtual time.
const second = time.Second

// answering is a connection to a backend that answers every request without
// allocating.
type answering struct {
	out    []byte // to the client
	mu     sync.Mutex
	ready  sync.Cond
	end    bool
	greets bool
}

// newAnswering returns the client's end of a answering, twice.
func newAnswering() (Conn, io.Closer) {
	l := &answering{out: make([]byte, 0, 1<<16)}
	l.ready.L = &l.mu
	l.out = appendFrameHead(l.out, 0, frameSettings, 0, 0)
	return l, l
}

func (l *answering) WriteTwo(a, _ []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.greets {
		l.greets = true
		a = a[len(Preface):]
	}
	for len(a) >= frameHeadLen {
		h := parseFrameHead(a)
		a = a[frameHeadLen+h.length:]
		if h.kind == frameHeaders {
			l.out = append(appendFrameHead(l.out, 1, frameHeaders, flagEndHeaders, h.stream), 0x88)
			l.out = append(appendFrameHead(l.out, 5, frameData, flagEndStream, h.stream), "hello"...)
		}
	}
	l.ready.Signal()
	return nil
}

func (l *answering) Fill(size int) ([]byte, int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.out) == 0 && !l.end {
		l.ready.Wait()
	}
	if l.end {
		return nil, 0, nil
	}
	b := buf.Get(size)
	n := copy(b, l.out)
	l.out = l.out[:copy(l.out, l.out[n:])]
	return b, n, nil
}

func (l *answering) Read(p []byte) (int, error) {
	b, n, err := l.Fill(len(p))
	copy(p, b[:n])
	if b != nil {
		buf.Put(b)
	}
	return n, err
}

func (l *answering) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = true
	l.ready.Broadcast()
	return nil
}

func (l *answering) Interrupt()             { _ = l.Close() }
func (l *answering) CloseWrite() error      { return nil }
func (l *answering) Remote() netip.AddrPort { return netip.AddrPort{} }
func (l *answering) Local() netip.AddrPort  { return netip.AddrPort{} }
