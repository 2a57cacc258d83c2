package http2

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// TestClientMayBeSentAgain has exchanges that the backend did not process, or may
// have processed.
func TestClientMayBeSentAgain(t *testing.T) {
	tests := map[string]struct {
		body           io.Reader
		do             func(b *scripted, id uint32)
		unsent, silent bool
	}{
		"refused":              {nil, func(b *scripted, id uint32) { _ = b.fr.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream) }, true, false},
		"refused, with a body": {&patterned{n: 10}, func(b *scripted, id uint32) { _ = b.fr.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream) }, false, false},
		"reset":                {nil, func(b *scripted, id uint32) { _ = b.fr.WriteRSTStream(id, xhttp2.ErrCodeInternal) }, false, false},
		"goes away before":     {nil, func(b *scripted, id uint32) { _ = b.fr.WriteGoAway(id-2, 0, nil) }, true, false},
		"goes away behind":     {nil, func(b *scripted, id uint32) { _ = b.fr.WriteGoAway(id, 0, nil); b.nc.Close() }, false, true},
		"goes away twice":      {nil, func(b *scripted, id uint32) { _ = b.fr.WriteGoAway(maxID, 0, nil); _ = b.fr.WriteGoAway(id-2, 0, nil) }, true, false},
		"connection ends":      {nil, func(b *scripted, _ uint32) { b.nc.Close() }, false, true},
		"ends, with a body":    {&patterned{n: 10}, func(b *scripted, _ uint32) { b.nc.Close() }, false, false},
		"refused behind an head": {nil, func(b *scripted, id uint32) {
			b.head(id, false, ":status", "103")
			_ = b.fr.WriteRSTStream(id, xhttp2.ErrCodeCancel)
		}, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			toScripted(t, ClientConfig{}, func(b *scripted) {
				b.greet()
				b.works(1)
				k := call{method: "GET", path: "/"}
				if tt.body != nil {
					k.body, k.length = &patterned{n: 10}, 10
				}
				out := b.begin(k)
				b.await(xhttp2.FrameHeaders, 3)
				synctest.Wait()
				tt.do(b, 3)
				se := sendErr((<-out).err)
				if se == nil || se.Unsent != tt.unsent || se.Silent != tt.silent {
					t.Errorf("got %+v", se)
				}
			})
		})
	}
}

// TestClientDrains lets a backend go away with exchanges under way: those that it
// takes end well, no new one begins, and the connection ends.
func TestClientDrains(t *testing.T) {
	toScripted(t, ClientConfig{}, func(b *scripted) {
		b.greet()
		first, second, third := b.begin(call{path: "/1"}), b.begin(call{path: "/2"}), b.begin(call{path: "/3"})
		b.await(xhttp2.FrameHeaders, 5)
		_ = b.fr.WriteGoAway(3, xhttp2.ErrCodeNo, nil)
		b.head(1, true, ":status", "200")
		b.head(3, true, ":status", "200")
		good, unsent := 0, 0
		for _, out := range []<-chan outcome{first, second, third} {
			switch o := <-out; {
			case o.err == nil:
				good++
			case sendErr(o.err).Unsent:
				unsent++
			}
		}
		if good != 2 || unsent != 1 {
			t.Errorf("%d good, %d unsent", good, unsent)
		}
		if _, ok := b.c.Open(); ok {
			t.Error("a connection that goes away takes an exchange")
		}
		<-b.c.Done()
	})
}

// TestClientPlaces keeps to SETTINGS_MAX_CONCURRENT_STREAMS as it changes.
func TestClientPlaces(t *testing.T) {
	toScripted(t, ClientConfig{}, func(b *scripted) {
		most := func() (n int) {
			var streams []*ClientStream
			for s, ok := b.c.Open(); ok; s, ok = b.c.Open() {
				streams = append(streams, s)
			}
			for _, s := range streams {
				s.Close()
			}
			return len(streams)
		}
		if n := most(); n != firstStreams {
			t.Errorf("%d places before SETTINGS", n)
		}
		for _, allowed := range []uint32{3, 0, 7} {
			b.greet(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: allowed})
			synctest.Wait()
			if n := most(); n != int(allowed) {
				t.Errorf("%d places of %d", n, allowed)
			}
		}
		b.greet(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 1<<32 - 1})
		synctest.Wait()
		if n := most(); n != 1000 {
			t.Errorf("%d places without a limit of the backend", n)
		}
	})
}

// TestClientStreamNumbers lets the numbers of streams run out.
func TestClientStreamNumbers(t *testing.T) {
	toScripted(t, ClientConfig{}, func(b *scripted) {
		b.greet()
		b.c.mu.Lock()
		b.c.nextID = maxID
		b.c.mu.Unlock()
		b.works(maxID)
		if _, ok := b.c.Open(); ok {
			t.Error("a stream behind the last")
		}
		<-b.c.Done()
	})
}

// TestClientWindows sends no more than the windows allow, whatever becomes of
// them.
func TestClientWindows(t *testing.T) {
	toScripted(t, ClientConfig{}, func(b *scripted) {
		b.greet(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 10})
		synctest.Wait()
		out := b.begin(call{method: "PUT", path: "/", body: &patterned{n: 1000}, length: 1000})
		expect := func(n int) {
			t.Helper()
			synctest.Wait()
			if data, _ := b.data(1); len(data) != n {
				t.Errorf("%d bytes were sent, the windows allow %d", len(data), n)
			}
		}
		expect(10)
		_ = b.fr.WriteWindowUpdate(1, 5)
		expect(15)
		_ = b.fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}) // now -10
		_ = b.fr.WriteWindowUpdate(1, 10)
		expect(15)
		_ = b.fr.WriteWindowUpdate(1, 1)
		expect(16)
		_ = b.fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 5000})
		expect(1000)
		b.head(1, true, ":status", "200")
		if o := <-out; o.err != nil {
			t.Error(o.err)
		}
	})
}

// TestClientEarlyResponse has a backend that answers before it has seen the whole
// request, and takes no more of it.
func TestClientEarlyResponse(t *testing.T) {
	for _, reset := range []bool{false, true} {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.greet()
			pr, pw := io.Pipe()
			s := mustOpen(t, b.c)
			req, resp := call{method: "POST", path: "/", body: pr, length: message.Unknown}.request(), message.Response{}
			done := make(chan error)
			go func() { done <- s.Do(req, &resp, &exchange.SendOptions{Host: "h"}) }()
			_, _ = io.WriteString(pw, "some")
			b.await(xhttp2.FrameData, 1)
			b.head(1, false, ":status", "413")
			_ = b.fr.WriteData(1, true, []byte("too large"))
			if reset {
				_ = b.fr.WriteRSTStream(1, xhttp2.ErrCodeNo)
				synctest.Wait() // it was seen
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "too large" || resp.Status != 413 {
				t.Errorf("%d %q %v", resp.Status, body, err)
			}
			if req.Body.(exchange.Upload).Sent() {
				t.Error("the whole body was sent")
			}
			go func() { _, _ = io.WriteString(pw, "more"); pw.Close() }()
			if s.Finish() {
				t.Error("finished well")
			}
			s.Close()
			synctest.Wait()
			if _, sent := b.find(xhttp2.FrameRSTStream, 1); sent == reset {
				t.Errorf("RST_STREAM was sent: %v", sent)
			}
			b.works(3)
		})
	}
}

// TestClientContinue asks the backend before it asks the client for the body.
func TestClientContinue(t *testing.T) {
	for name, answer := range map[string]string{"continues": "100", "refuses": "417", "says nothing": ""} {
		t.Run(name, func(t *testing.T) {
			toScripted(t, ClientConfig{}, func(b *scripted) {
				b.greet()
				asked := false
				out := b.begin(call{method: "POST", path: "/", header: []string{"Expect", "100-continue"}, body: strings.NewReader("body"), length: 4, o: exchange.SendOptions{
					Expect: true, Continue: func() error { asked = true; return nil }, ExpectTimeout: 2 * second, Timeout: 10 * second,
				}})
				f := b.await(xhttp2.FrameHeaders, 1)
				if !slices.ContainsFunc(f.fields, func(f hpackField) bool { return f.Name == "expect" }) {
					t.Error("no Expect")
				}
				synctest.Wait()
				if _, sent := b.find(xhttp2.FrameData, 1); sent {
					t.Error("the body was sent unasked")
				}
				status := 200
				switch answer {
				case "417":
					status = 417
				case "100":
					b.head(1, false, ":status", "100")
				}
				if status == 200 {
					b.await(xhttp2.FrameData, 1)
					synctest.Wait()
					b.head(1, true, ":status", "200")
				} else {
					b.head(1, true, ":status", answer)
				}
				if o := <-out; (o.err != nil && status == 200) || o.r.status != status || asked != (status == 200) {
					t.Errorf("%d, asked %v, %v", o.r.status, asked, o.err)
				}
			})
		})
	}
}

// TestClientTunnel carries a WebSocket (RFC 8441).
func TestClientTunnel(t *testing.T) {
	k := call{path: "/chat", header: []string{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version", "13"}}
	o := exchange.SendOptions{Host: "h", Upgrade: "websocket"}
	t.Run("refused", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			s := mustOpen(t, b.c)
			defer s.Close()
			done := make(chan error)
			go func() { done <- s.Do(k.request(), &message.Response{}, &o) }()
			synctest.Wait()
			b.greet() // without SETTINGS_ENABLE_CONNECT_PROTOCOL
			if err := <-done; !errors.Is(err, exchange.ErrNoUpgrade) || !sendErr(err).Unsent {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("accepted", func(t *testing.T) {
		toScripted(t, ClientConfig{}, func(b *scripted) {
			b.greet(xhttp2.Setting{ID: settingEnableConnect, Val: 1})
			s := mustOpen(t, b.c)
			defer s.Close()
			var resp message.Response
			done := make(chan error)
			go func() { done <- s.Do(k.request(), &resp, &o) }()
			f := b.await(xhttp2.FrameHeaders, 1)
			got := map[string]string{}
			for _, f := range f.fields {
				got[f.Name] = f.Value
			}
			if got[":method"] != "CONNECT" || got[":protocol"] != "websocket" || got[":path"] != "/chat" || got[":scheme"] != "http" || got["sec-websocket-key"] != "" || got["sec-websocket-version"] != "13" {
				t.Errorf("asked with %v", got)
			}
			b.head(1, false, ":status", "200")
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if resp.Status != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || resp.Header.Get("Upgrade") != "websocket" {
				t.Errorf("%d %v", resp.Status, resp.Header)
			}
			p := s.Tunnel()
			_ = b.fr.WriteData(1, false, []byte("down"))
			in := make([]byte, 10)
			if n, err := p.Read(in); err != nil || string(in[:n]) != "down" {
				t.Errorf("read %q %v", in[:n], err)
			}
			if _, err := p.Write([]byte("up")); err != nil {
				t.Error(err)
			}
			if err := p.CloseWrite(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if data, ended := b.data(1); string(data) != "up" || !ended {
				t.Errorf("sent %q, ended %v", data, ended)
			}
			if _, err := p.Write([]byte("x")); err == nil {
				t.Error("written behind the end")
			}
			_ = b.fr.WriteData(1, true, nil)
			if n, err := p.Read(in); err != io.EOF {
				t.Errorf("read %d %v", n, err)
			}
			if !s.Finish() {
				t.Error("not finished")
			}
		})
	})
}

// TestClientAllocations sends requests and takes answers without allocating: what
// remains is of the strings that the fields of the answer are.
func TestClientAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	near, far := newAnswering()
	c, err := NewClientConn(near, ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer far.Close()
	req := call{path: "/a", header: []string{"User-Agent", "test", "X-Some", "thing"}}.request()
	var resp message.Response
	o := exchange.SendOptions{Host: "example.test", Timeout: time.Minute}
	once := func() {
		s, ok := c.Open()
		if !ok {
			t.Fatal("no stream")
		}
		if err := s.Do(req, &resp, &o); err != nil {
			t.Fatal(err)
		}
		data, _ := resp.Body.(exchange.Body).Next(0)
		if len(data) != 5 {
			t.Fatalf("%q", data)
		}
		resp.Body.(exchange.Body).Consume(5)
		if !s.Finish() {
			t.Fatal("not finished")
		}
		s.Close()
		resp.Reset()
	}
	once()
	if n := testing.AllocsPerRun(200, once); n > 0 {
		t.Errorf("%v allocations for an exchange", n)
	}
}
