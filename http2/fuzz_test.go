package http2

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// script is a connection that plays input in pieces and checks the output.
type script struct {
	in    []byte
	piece int
	wrote []byte
	over  chan struct{}
}

func (s *script) Fill(size int) ([]byte, int, error) {
	b := buf.Get(size)
	n, _ := s.Read(b)
	if n == 0 {
		buf.Put(b)
		return nil, 0, nil
	}
	return b, n, nil
}

func (s *script) Read(p []byte) (int, error) {
	n := copy(p, s.in[:min(s.piece, len(s.in))])
	s.in = s.in[n:]
	return n, nil
}

func (s *script) WriteTwo(a, _ []byte) error { s.wrote = append(s.wrote, a...); return nil }
func (s *script) Interrupt()                 {}
func (s *script) CloseWrite() error          { return nil }
func (s *script) Close() error               { close(s.over); return nil }
func (s *script) Remote() netip.AddrPort     { return netip.AddrPort{} }
func (s *script) Local() netip.AddrPort      { return netip.AddrPort{} }

// seeds are inputs behind the preface.
func seeds(t testing.TB) map[string][]byte {
	frames := func(fn func(fr *xhttp2.Framer, r *raw)) []byte {
		var b bytes.Buffer
		r := newRaw(t, discard{})
		r.fr = xhttp2.NewFramer(&b, nil)
		r.fr.AllowIllegalWrites = true
		r.try(r.fr.WriteSettings())
		fn(r.fr, r)
		return b.Bytes()
	}
	return map[string][]byte{
		"get": frames(func(_ *xhttp2.Framer, r *raw) { r.open(true, plain("GET")...) }),
		"post": frames(func(fr *xhttp2.Framer, r *raw) {
			id := r.open(false, plain("POST", "content-length", "3")...)
			_ = fr.WriteDataPadded(id, false, []byte("ab"), []byte{0, 0})
			_ = fr.WriteData(id, true, []byte("c"))
		}),
		"trailers": frames(func(fr *xhttp2.Framer, r *raw) {
			id := r.open(false, plain("POST", "te", "trailers")...)
			_ = fr.WriteData(id, false, []byte("ab"))
			_ = r.trailers(id, true, "grpc-status", "0")
		}),
		"continuation": frames(func(fr *xhttp2.Framer, r *raw) {
			b := r.block(plain("GET", "cookie", "a=b", "cookie", "c=d")...)
			_ = fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:3], EndStream: true})
			_ = fr.WriteContinuation(1, false, b[3:5])
			_ = fr.WriteContinuation(1, true, b[5:])
		}),
		"control": frames(func(fr *xhttp2.Framer, r *raw) {
			_ = fr.WriteSettings(xhttp2.Setting{ID: 4, Val: 5}, xhttp2.Setting{ID: 4, Val: 0})
			_ = fr.WriteSettingsAck()
			_ = fr.WritePing(false, [8]byte{})
			id := r.open(false, plain("POST")...)
			_ = fr.WriteWindowUpdate(id, 10)
			_ = fr.WriteWindowUpdate(0, 10)
			_ = fr.WriteRSTStream(id, 8)
			_ = fr.WritePriority(3, xhttp2.PriorityParam{StreamDep: 1})
			_ = fr.WriteGoAway(0, 0, nil)
		}),
		"tunnel": frames(func(fr *xhttp2.Framer, r *raw) {
			id := r.open(false, plain("CONNECT", ":protocol", "websocket")...)
			_ = fr.WriteData(id, true, []byte("ab"))
		}),
	}
}

// Whatever a client sends: the server does not panic, answers in frames that are
// well formed, and the connection ends with its input. What it served is what
// another parser of frames sees.
func FuzzServer(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, uint16(7))
		f.Add(s, uint16(60000))
	}
	sw := sock.NewSweeper()
	h := &handler{fn: func(d exchange.Downstream) {
		if d.Upgrade() != "" {
			if p, err := d.Accept(&message.Response{Status: 101}); err == nil {
				b := make([]byte, 100)
				_, _ = p.Read(b)
				_, _ = p.Write(b)
			}
			return
		}
		r := &d.Record().Request
		if !message.IsToken(r.Method) || r.Host == "" || r.RawPath == "" || !message.Plain(r.RawPath+r.Query+r.Host, false) {
			panic("a request that HTTP/1 could not carry")
		}
		for _, f := range r.Header.Fields() {
			if !message.IsToken(f.Name) || !message.Plain(f.Value, true) {
				panic("a field that HTTP/1 could not carry")
			}
		}
		resp := &message.Response{Status: 200, ContentLength: r.ContentLength, Body: r.Body}
		resp.Header.Add("X-Test", "1")
		_ = d.Reply(resp)
	}}
	f.Fuzz(func(t *testing.T, input []byte, piece uint16) {
		s := &script{in: append([]byte(Preface), input...), piece: int(piece)%maxFrame + 1, over: make(chan struct{})}
		srv := NewServer(h, ServerConfig{ServerConfig: exchange.ServerConfig{Limits: exchange.Limits{HeadBytes: 4 << 10, Fields: 20}}, MaxStreams: 4}, sw)
		srv.ServeConn(s, ConnOptions{})
		<-s.over
		drained(t, srv)
		wellFormed(t, s.wrote)
	})
}

// wellFormed checks that output is a sequence of whole frames that another
// implementation understands.
func wellFormed(t *testing.T, out []byte) {
	t.Helper()
	fr := xhttp2.NewFramer(nil, bytes.NewReader(out))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	goneAway := false
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			if err.Error() != "EOF" {
				t.Fatalf("the server wrote frames that cannot be read: %v (%x)", err, out)
			}
			break
		}
		if _, ok := f.(*xhttp2.GoAwayFrame); ok {
			goneAway = true
		}
	}
	if !goneAway {
		t.Fatalf("the connection ended without GOAWAY: %x", out)
	}
}

// collected is what a block unpacked to.
type collected struct{ fields []hpack.HeaderField }

func (c *collected) field(name, value string) {
	c.fields = append(c.fields, hpack.HeaderField{Name: name, Value: value})
}

// Header blocks mean the same here and to golang.org/x/net, whatever the
// fragments, and what we encode decodes to the same fields.
func FuzzHeaderBlock(f *testing.F) {
	r := newRaw(f, discard{})
	f.Add(r.block(plain("GET", "cookie", "a=b")...), r.block(plain("POST", "cookie", "a=b")...), uint16(3))
	f.Add([]byte{0x82, 0x3f, 0xe1, 0x1f}, []byte{0x20, 0x82}, uint16(1))
	f.Fuzz(func(t *testing.T, first, second []byte, cut uint16) {
		var d headDecoder
		d.begin(exchange.Limits{HeadBytes: 1 << 20, LineBytes: 1 << 10, Fields: 10_000})
		var theirs []hpack.HeaderField
		dec := hpack.NewDecoder(headerTableSize, func(h hpack.HeaderField) {
			h.Sensitive = false
			theirs = append(theirs, h)
		})
		for _, block := range [][]byte{first, second} {
			theirs = theirs[:0]
			_, theirErr := dec.Write(block)
			if theirErr == nil {
				theirErr = dec.Close()
			}
			var ours collected
			k := int(cut) % (len(block) + 1)
			ourErr := d.add(block[:k], false, &ours)
			if ourErr == nil {
				ourErr = d.add(block[k:], true, &ours)
			}
			if (ourErr == nil) != (theirErr == nil) {
				t.Fatalf("block %x: we say %v, they say %v", block, ourErr, theirErr)
			}
			if ourErr != nil {
				return
			}
			if !slices.Equal(ours.fields, theirs) {
				t.Fatalf("block %x: we see %v, they see %v", block, ours.fields, theirs)
			}
			sameAgain(t, theirs)
		}
	})
}

// sameAgain encodes fields and decodes them with golang.org/x/net.
func sameAgain(t *testing.T, fields []hpack.HeaderField) {
	t.Helper()
	var b []byte
	var want []hpack.HeaderField
	for _, f := range fields {
		b = appendField(b, f.Name, f.Value)
		want = append(want, hpack.HeaderField{Name: string(lowerInto(nil, f.Name)), Value: f.Value})
	}
	got, err := hpack.NewDecoder(0, nil).DecodeFull(b)
	for i := range got {
		got[i].Sensitive = false
	}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%v became %v (%v)", want, got, err)
	}
}

// Secrets are marked so that nobody on the way puts them into a table.
func TestSensitiveFields(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        bool
	}{
		{"Authorization", "Bearer x", true}, {"Proxy-Authorization", "x", true}, {"Set-Cookie", "a=b", true},
		{"cookie", "short", true}, {"cookie", "longer-than-anybody-could-guess", false}, {"accept", "x", false},
	} {
		got, err := hpack.NewDecoder(0, nil).DecodeFull(appendField(nil, tt.name, tt.value))
		if err != nil || len(got) != 1 || got[0].Sensitive != tt.want {
			t.Errorf("%s: %q decodes to %v (%v)", tt.name, tt.value, got, err)
		}
	}
}

// Every name of the static table is found, and every status survives.
func TestStaticTable(t *testing.T) {
	for i := byte(15); i <= 61; i++ {
		block := []byte{0x0f, i - 15, 0}
		got, err := hpack.NewDecoder(0, nil).DecodeFull(block)
		if err != nil {
			t.Fatal(err)
		}
		if n := staticName([]byte(got[0].Name)); n != i {
			t.Errorf("%q is at %d, not %d", got[0].Name, i, n)
		}
	}
	for status := 100; status < 1000; status++ {
		got, err := hpack.NewDecoder(0, nil).DecodeFull(appendStatus(nil, status))
		if err != nil || len(got) != 1 || got[0].Value != statusText(status) {
			t.Errorf("status %d became %v (%v)", status, got, err)
		}
	}
}

// A head that is longer than a frame goes on in CONTINUATION.
func TestLongHead(t *testing.T) {
	h := &handler{fn: func(d exchange.Downstream) {
		resp := text(200, "x")
		for i := range 50 {
			resp.Header.Add("X-Long", string(bytes.Repeat([]byte{'a' + byte(i%26)}, 1000)))
		}
		_ = d.Reply(resp)
	}}
	s := listen(t, h, ServerConfig{}, nil)
	_, body, header := get(t, peer(t, s, nil), "http://"+s.address+"/")
	if body != "x" || len(header["X-Long"]) != 50 {
		t.Errorf("got %q and %d fields", body, len(header["X-Long"]))
	}
}
