package http2

import (
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// FuzzClientInput has a backend say anything: exchanges end, well or not, and the
// connection gives back all places and goroutines.
func FuzzClientInput(f *testing.F) {
	frames := func(parts ...[]byte) []byte {
		b := appendFrameHead(nil, 0, frameSettings, 0, 0)
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	frame := func(kind frameType, flags uint8, stream uint32, p string) []byte {
		return append(appendFrameHead(nil, len(p), kind, flags, stream), p...)
	}
	f.Add(frames(frame(frameHeaders, flagEndHeaders, 1, "\x88"), frame(frameData, flagEndStream, 1, "body"), frame(frameHeaders, flagEndHeaders|flagEndStream, 3, "\x8d")))
	f.Add(frames(frame(frameHeaders, 0, 1, "\x88"), frame(frameContinuation, flagEndHeaders, 1, "\x00\x01a\x01b"), frame(frameRSTStream, 0, 1, "\x00\x00\x00\x07")))
	f.Add(frames(frame(frameHeaders, flagEndHeaders, 1, "\x88"), frame(frameData, flagPadded, 1, "\x02xyz\x00\x00"), frame(frameHeaders, flagEndHeaders|flagEndStream, 1, "\x00\x01a\x01b")))
	f.Add(frames(frame(frameGoAway, 0, 0, "\x00\x00\x00\x01\x00\x00\x00\x00bye"), frame(frameHeaders, flagEndHeaders|flagEndStream, 1, "\x88")))
	f.Add(frames(frame(framePing, 0, 0, "12345678"), frame(frameWindowUpdate, 0, 0, "\x00\x00\xff\xff"), frame(frameSettings, 0, 0, "\x00\x04\x00\x00\x00\x01")))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		conn := &canned{in: in, step: 1 + len(in)/3, asked: make(chan struct{})}
		c, err := NewClientConn(conn, ClientConfig{Limits: exchange.Limits{HeadBytes: 1 << 12, Fields: 20}, StreamWindow: 1 << 12, ConnWindow: 1 << 13})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 2 {
			s := mustOpen(t, c)
			wg.Go(func() {
				r, err := call{method: "POST", path: "/", body: strings.NewReader("some"), length: message.Unknown}.on(s)
				if err == nil && (r.status < 200 || r.status > 999) {
					t.Errorf("status %d", r.status)
				}
				for _, f := range append(r.header.Fields(), r.trailer.Fields()...) {
					if !message.IsToken(f.Name) || !message.Plain(f.Value, true) {
						t.Errorf("field %q: %q", f.Name, f.Value)
					}
				}
			})
		}
		wg.Wait()
		c.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.held != 0 || len(c.streams) != 0 {
			t.Errorf("%d places, %d streams are left", c.held, len(c.streams))
		}
	})
}

// canned is a backend that says what it has to say once it was asked twice, in
// pieces, and ends then.
type canned struct {
	in   []byte
	step int

	mu    sync.Mutex
	heads int
	asked chan struct{}
	once  sync.Once
}

func (c *canned) WriteTwo(a, _ []byte) error {
	a = []byte(strings.TrimPrefix(string(a), Preface))
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(a) >= frameHeadLen {
		h := parseFrameHead(a)
		if h.kind == frameHeaders {
			c.heads++
		}
		a = a[frameHeadLen+h.length:]
	}
	if c.heads >= 2 {
		c.Interrupt()
	}
	return nil
}

func (c *canned) Fill(size int) ([]byte, int, error) {
	b := buf.Get(size)
	n, err := c.Read(b)
	if n == 0 {
		buf.Put(b)
		return nil, 0, err
	}
	return b, n, err
}

func (c *canned) Read(p []byte) (int, error) {
	<-c.asked
	n := copy(p, c.in[:min(c.step, len(c.in))])
	c.in = c.in[n:]
	return n, nil
}

func (c *canned) Interrupt()             { c.once.Do(func() { close(c.asked) }) }
func (c *canned) CloseWrite() error      { return nil }
func (c *canned) Close() error           { return nil }
func (c *canned) Remote() netip.AddrPort { return netip.AddrPort{} }
func (c *canned) Local() netip.AddrPort  { return netip.AddrPort{} }

var _ io.Reader = (*canned)(nil)
