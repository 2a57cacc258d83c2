package http2

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// loop is a connection that plays rounds of frames: each Fill gives the next
// round, Write counts the ends of streams.
type loop struct {
	first  []byte
	round  func() []byte // nil: the end
	ends   chan struct{}
	closed chan struct{}
	// problem is a frame that says that something went wrong.
	problem string
	ended   bool // the last round was played
}

func (l *loop) Fill(int) ([]byte, int, error) {
	p := l.first
	l.first = nil
	if p == nil {
		p = l.round()
	}
	if p == nil {
		return nil, 0, nil
	}
	b := buf.Get(len(p))
	return b, copy(b, p), nil
}

func (l *loop) Read(p []byte) (int, error) {
	b, n, err := l.Fill(len(p))
	copy(p, b[:n])
	return n, err
}

func (l *loop) WriteTwo(a, _ []byte) error {
	for len(a) > 0 {
		h := parseFrameHead(a)
		if h.stream != 0 && (h.kind == frameData || h.kind == frameHeaders) && h.has(flagEndStream) {
			l.ends <- struct{}{}
		}
		if h.kind == frameGoAway && l.ended {
			return nil
		}
		if h.kind == frameGoAway || h.kind == frameRSTStream {
			l.problem = fmt.Sprintf("%x %q", h.kind, a[:frameHeadLen+h.length])
			close(l.ends)
			return errTest
		}
		a = a[frameHeadLen+h.length:]
	}
	return nil
}

func (l *loop) Interrupt()             {}
func (l *loop) CloseWrite() error      { return nil }
func (l *loop) Close() error           { close(l.closed); return nil }
func (l *loop) Remote() netip.AddrPort { return netip.AddrPort{} }
func (l *loop) Local() netip.AddrPort  { return netip.AddrPort{} }

// playLoop plays n rounds of streams requests each and waits for the responses of
// one before the next.
func playLoop(t testing.TB, streams int, begun func(), n int) *loop {
	r := newRaw(t, discard{})
	head := plain("GET", "user-agent", "loop", "cookie", "a=b")
	first := r.block(head...)
	block := r.block(head...) // all in the table now
	l := &loop{ends: make(chan struct{}, 1000), closed: make(chan struct{})}
	l.first = append(append([]byte(Preface), appendFrameHead(nil, 0, frameSettings, 0, 0)...), appendFrameHead(nil, 0, frameSettings, flagAck, 0)...)
	l.first = append(appendFrameHead(l.first, len(first), frameHeaders, flagEndHeaders|flagEndStream, 1), first...)
	id := uint32(3)
	waits := 1
	frames := make([]byte, 0, streams*(frameHeadLen*2+len(block)+4))
	played := -1
	l.round = func() []byte {
		if l.ended {
			return nil
		}
		for range waits {
			if _, ok := <-l.ends; !ok {
				return nil
			}
		}
		if played++; played == 3 {
			begun()
		}
		if played == n {
			l.ended = true
			return nil
		}
		waits = streams
		frames = frames[:0]
		for range streams {
			frames = append(appendFrameHead(frames, len(block), frameHeaders, flagEndHeaders|flagEndStream, id), block...)
			id += 2
		}
		frames = appendFrameHead(frames, 4, frameWindowUpdate, 0, 0)
		frames = binary.BigEndian.AppendUint32(frames, uint32(streams*100))
		return frames
	}
	return l
}

// block100 is a body of 100 bytes that is all there.
type block100 struct {
	data []byte
	left []byte
}

func (b *block100) Read(p []byte) (int, error) { return 0, io.EOF }
func (b *block100) Next(int) ([]byte, error)   { return b.left, nil }
func (b *block100) Arrived() ([]byte, error)   { return b.left, nil }
func (b *block100) Consume(n int)              { b.left = b.left[n:] }
func (b *block100) Whole() ([]byte, bool)      { return b.left, true }
func (b *block100) Left() int64                { return int64(len(b.left)) }
func (b *block100) Ends(n int) bool            { return n == len(b.left) }

// answerer replies without an allocation.
type answerer struct{}

type answer struct {
	resp message.Response
	body block100
}

func (answerer) Handle(d exchange.Downstream) {
	rec := d.Record()
	a, ok := rec.Own.(*answer)
	if !ok {
		a = &answer{}
		a.body.data = bytes.Repeat([]byte("x"), 100)
		rec.Own = a
	}
	a.resp.Reset()
	a.resp.Status, a.resp.ContentLength = 200, 100
	a.resp.Header.AddField(message.Field{Name: "Content-Type", Value: "text/plain"})
	a.resp.Header.AddField(message.Field{Name: "Server", Value: "origin"})
	a.body.left = a.body.data
	a.resp.Body = &a.body
	_ = d.Reply(&a.resp)
}

func (answerer) Refuse(exchange.Downstream, *exchange.ProtocolError) {}

// An exchange in steady state allocates nothing.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var before, after runtime.MemStats
	const n, streams = 203, 100
	s := NewServer(answerer{}, ServerConfig{}, clock(t))
	l := playLoop(t, streams, func() { runtime.ReadMemStats(&before) }, n)
	s.ServeConn(l, ConnOptions{})
	runtime.ReadMemStats(&after)
	drained(t, s)
	if l.problem != "" {
		t.Fatalf("the server sent %s", l.problem)
	}
	per := float64(after.Mallocs-before.Mallocs) / float64((n-3)*streams)
	t.Logf("%.3f allocations for an exchange", per)
	if per > 0.1 {
		t.Errorf("%.2f allocations for an exchange", per)
	}
}

func drained(t testing.TB, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Drain(ctx); err != nil {
		t.Error(err)
	}
}

func BenchmarkServer100Streams(b *testing.B) {
	const streams = 100
	s := NewServer(answerer{}, ServerConfig{}, clock(b))
	b.ReportAllocs()
	l := playLoop(b, streams, b.ResetTimer, max(b.N/streams, 1)+4)
	s.ServeConn(l, ConnOptions{})
	b.StopTimer()
	drained(b, s)
}
