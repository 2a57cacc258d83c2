package drive

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"fairlead.dev/fairlead/bench/cert"
	"fairlead.dev/fairlead/bench/frame"
)

// start starts a server of net/http that speaks both versions, over TLS with a
// key of the given sort or, without one, plain and with prior knowledge.
func start(t *testing.T, key cert.Sort, h http.HandlerFunc, change ...func(*http.Server)) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = &http.Protocols{}
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetHTTP2(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	for _, f := range change {
		f(s.Config)
	}
	t.Cleanup(s.Close)
	if key == "" {
		s.Start()
		return s.URL
	}
	files, err := cert.Write(t.TempDir(), key)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	s.EnableHTTP2 = true
	s.StartTLS()
	return s.URL
}

// unary answers a call as gRPC servers do, with a message of n bytes.
func unary(n int, status string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		ok := err == nil && len(got) == messageHead+100 && binary.BigEndian.Uint32(got[1:]) == 100
		if !ok || r.Method != "POST" || r.Header.Get("Te") != "trailers" || r.Header.Get("Content-Type") != "application/grpc" {
			http.Error(w, "no call", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Write(binary.BigEndian.AppendUint32([]byte{0}, uint32(n)))
		io.WriteString(w, strings.Repeat("x", n))
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", status)
	}
}

// exact says that a run had answers and nothing else.
func exact(t *testing.T, name string, s Settings) {
	t.Helper()
	s.Duration, s.Warmup, s.PID = 150*time.Millisecond, 20*time.Millisecond, os.Getpid()
	r, err := Run(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if r.Requests == 0 || r.Failed() > 0 || r.Reconnects > 0 || r.P50 <= 0 {
		t.Errorf("%s: %+v", name, r)
	}
}

func TestTLSModes(t *testing.T) {
	for _, key := range []cert.Sort{cert.ECDSA, cert.RSA} {
		url := start(t, key, body(100))
		exact(t, "get", Settings{Mode: Get, URL: url, Clients: 8})
		exact(t, "post", Settings{Mode: Post, URL: url, Clients: 8, Body: 200_000})
		exact(t, "conn", Settings{Mode: Conn, URL: url, Clients: 8})
		exact(t, "rate", Settings{Mode: Rate, URL: url, Clients: 8, Rate: 500})
		exact(t, "stream", Settings{Mode: Stream, URL: start(t, key, body(300_000)), Clients: 2, Expect: 300_000})
	}
}

func TestTLSIdle(t *testing.T) {
	release := make(chan struct{})
	r, err := Run(Settings{Mode: Idle, URL: start(t, cert.ECDSA, body(100)), Clients: 100, Release: release,
		Ready: func(int) { close(release) }})
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != 200 || r.Failed() > 0 || r.Reconnects > 0 {
		t.Errorf("report %+v, want 200 requests: each connection used twice", r)
	}
}

func TestEveryHandshakeIsAFullOne(t *testing.T) {
	var mu sync.Mutex
	var resumed, requests int
	url := start(t, cert.ECDSA, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		requests++
		if r.TLS.DidResume || r.TLS.Version != tls.VersionTLS13 || r.TLS.CurveID != tls.X25519 {
			resumed++
		}
		mu.Unlock()
		body(100)(w, r)
	})
	exact(t, "conn", Settings{Mode: Conn, URL: url, Clients: 4})
	mu.Lock()
	defer mu.Unlock()
	if requests == 0 || resumed > 0 {
		t.Errorf("%d of %d connections had another handshake", resumed, requests)
	}
}

func TestTLSFaultsAreErrors(t *testing.T) {
	old := func(s *http.Server) { s.TLSConfig = &tls.Config{MaxVersion: tls.VersionTLS12} }
	h1 := func(s *http.Server) { s.Protocols.SetHTTP2(false) }
	for name, c := range map[string]struct {
		url  string
		h2   bool
		want string
	}{
		"plain server": {strings.Replace(serve(t, body(100)), "http:", "https:", 1), false, "TLS handshake"},
		"TLS 1.2":      {tlsServer(t, old), false, "TLS handshake"},
		"no HTTP/2":    {tlsServer(t, h1), true, "TLS handshake"},
	} {
		r, err := Run(Settings{Mode: Get, URL: c.url, Clients: 2, H2: c.h2, Streams: 1, Duration: 50 * time.Millisecond})
		if !wrong(r, err, c.want) {
			t.Errorf("%s: report %+v, error %v; want errors %q", name, r, err, c.want)
		}
	}
}

// tlsServer is a server whose TLS is not what the clients want.
func tlsServer(t *testing.T, change func(*http.Server)) string {
	t.Helper()
	s := httptest.NewUnstartedServer(body(100))
	s.Config.Protocols = &http.Protocols{}
	s.Config.Protocols.SetHTTP1(true)
	change(s.Config)
	s.TLS = s.Config.TLSConfig
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// wrong says that a run without an answer had, or gave up for, an error.
func wrong(r *Report, err error, want string) bool {
	if r == nil {
		return err != nil && strings.Contains(err.Error(), want)
	}
	for reason := range r.Errors {
		if strings.Contains(reason, want) {
			return r.Requests == 0
		}
	}
	return false
}

func TestStreams(t *testing.T) {
	for _, key := range []cert.Sort{"", cert.ECDSA} {
		for _, streams := range []int{1, 100} {
			name := fmt.Sprintf("%q, %d streams", key, streams)
			exact(t, name, Settings{Mode: Get, H2: true, URL: start(t, key, body(100)), Clients: 2, Streams: streams})
			exact(t, "medium, "+name, Settings{Mode: Get, H2: true, URL: start(t, key, body(10<<10)) + "/10k", Clients: 2, Streams: streams})
			exact(t, "grpc, "+name, Settings{Mode: GRPC, URL: start(t, key, unary(100, "0")), Clients: 2, Streams: streams})
		}
	}
}

// TestStreamsAreOpenTogether holds answers until all streams have asked.
func TestStreamsAreOpenTogether(t *testing.T) {
	var gate sync.WaitGroup
	gate.Add(30)
	all := make(chan struct{})
	go func() { gate.Wait(); close(all) }()
	var mu sync.Mutex
	left := 30
	url := start(t, "", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if left > 0 {
			left--
			gate.Done()
		}
		mu.Unlock()
		<-all
		body(100)(w, r)
	})
	exact(t, "held", Settings{Mode: Get, H2: true, URL: url, Clients: 1, Streams: 30})
}

func TestWrongStreamsAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		mode   Mode
		want   string
		answer http.HandlerFunc
	}{
		"status":       {Get, `status "503"`, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }},
		"length":       {Get, "body of 99 bytes, want 100", body(99)},
		"no body":      {Get, "body of 0 bytes, want 100", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }},
		"reset":        {Get, "stream reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		"not grpc":     {GRPC, "content-type", body(100)},
		"grpc-status":  {GRPC, `grpc-status "13"`, unary(100, "13")},
		"grpc message": {GRPC, "body of 104 bytes, want 105", unary(99, "0")},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(Settings{Mode: c.mode, H2: true, Streams: 3, URL: start(t, "", c.answer), Clients: 2, Duration: 50 * time.Millisecond})
			if !wrong(r, err, c.want) {
				t.Errorf("report %+v, error %v; want errors %q", r, err, c.want)
			}
		})
	}
}

func TestFewerStreamsThanWanted(t *testing.T) {
	url := start(t, "", body(100), func(s *http.Server) { s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 5} })
	r, err := Run(Settings{Mode: Get, H2: true, Streams: 6, URL: url, Clients: 1, Duration: 50 * time.Millisecond})
	if !wrong(r, err, "5 streams allowed, want 6") {
		t.Errorf("report %+v, error %v", r, err)
	}
}

func TestStreamTimeout(t *testing.T) {
	stop := make(chan struct{})
	url := start(t, "", func(http.ResponseWriter, *http.Request) { <-stop })
	t.Cleanup(func() { close(stop) })
	r, err := Run(Settings{Mode: Get, H2: true, Streams: 2, URL: url, Clients: 1, Duration: 300 * time.Millisecond, Timeout: 100 * time.Millisecond})
	if err != nil || r.Errors["timeout"] == 0 || r.Requests != 0 {
		t.Errorf("report %+v, error %v, want time-outs", r, err)
	}
}

// script is a mux fed by hand with the frames of a server.
type script struct {
	mux    *mux
	done   int
	server strings.Builder
	framer *http2.Framer
	blocks *frame.Blocks
}

func newScript(mode Mode, streams int) *script {
	c := &script{blocks: frame.NewBlocks(frame.Fields(":status", "200", "content-type", "application/grpc"), frame.Fields("grpc-status", "0"))}
	p := &plan{Settings: Settings{Mode: mode, Streams: streams}, expect: 100, fields: frame.Fields(":method", "GET", "x-a", "b")}
	c.mux = newMux(p, func(int64) { c.done++ })
	c.framer = http2.NewFramer(&c.server, strings.NewReader(""))
	return c
}

// play feeds what the server wrote, byte by byte, and returns what the client
// says to it.
func (c *script) play(t *testing.T) []http2.FrameHeader {
	t.Helper()
	for _, b := range []byte(c.server.String()) {
		if err := c.mux.feed([]byte{b}, 5); err != nil {
			t.Fatal(err)
		}
	}
	c.server.Reset()
	c.mux.fill(1)
	return heads(t, string(c.mux.take()))
}

func heads(t *testing.T, text string) []http2.FrameHeader {
	t.Helper()
	text = strings.TrimPrefix(text, frame.Preface)
	framer := http2.NewFramer(io.Discard, strings.NewReader(text))
	var all []http2.FrameHeader
	for {
		f, err := framer.ReadFrame()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f.Header())
	}
}

// TestConversation goes through what servers of net/http do not do: padding,
// heads in pieces, pings, a window that runs out, and leaving.
func TestConversation(t *testing.T) {
	c := newScript(GRPC, 2)
	if got := c.play(t); len(got) != 2 || got[0].Type != http2.FrameSettings {
		t.Fatalf("before the server's settings: %v", got)
	}
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
	c.mux.credit = 150 // for one message of 105
	got := c.play(t)
	if types := fmt.Sprint(types(got)); types != "[SETTINGS HEADERS DATA HEADERS]" {
		t.Fatalf("with credit for one message: %v", types)
	}
	c.framer.WritePing(false, [8]byte{1})
	c.framer.WriteWindowUpdate(0, 60)
	if types := fmt.Sprint(types(c.play(t))); types != "[PING DATA]" {
		t.Fatalf("after ping and window: %v", types)
	}
	blocks := c.blocks.Next()
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: blocks[0][:4], PadLength: 7,
		Priority: http2.PriorityParam{StreamDep: 1}})
	c.framer.WriteContinuation(3, true, blocks[0][4:])
	c.framer.WriteDataPadded(3, false, []byte{0, 0, 0}, make([]byte, 9))
	c.framer.WriteData(3, false, append([]byte{0, 100}, make([]byte, 100)...))
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: blocks[1], EndHeaders: true, EndStream: true})
	c.framer.WriteGoAway(1, http2.ErrCodeNo, nil)
	if got := c.play(t); len(got) > 0 || c.done != 1 || c.mux.ended() {
		t.Fatalf("one answer, then the server leaves: %v, %d done, ended %v", got, c.done, c.mux.ended())
	}
	c.framer.WriteGoAway(0, http2.ErrCodeNo, nil)
	if c.play(t); !c.mux.ended() {
		t.Error("the last stream was not taken up by the server, and the connection has not ended")
	}
}

func types(heads []http2.FrameHeader) []http2.FrameType {
	var all []http2.FrameType
	for _, h := range heads {
		all = append(all, h.Type)
	}
	return all
}

// TestLeavingServer answers every connection's requests and then leaves.
func TestLeavingServer(t *testing.T) {
	url := start(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // net/http sends GOAWAY for it
		body(100)(w, r)
	})
	r, err := Run(Settings{Mode: Get, H2: true, Streams: 4, URL: url, Clients: 2, Duration: 200 * time.Millisecond})
	if err != nil || r.Failed() > 0 || r.Requests == 0 || r.Reconnects == 0 {
		t.Errorf("report %+v, error %v; want answers, new connections and no error", r, err)
	}
}

func FuzzMux(f *testing.F) {
	c := newScript(GRPC, 2)
	c.framer.WriteSettings()
	blocks := c.blocks.Next()
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: blocks[0], EndHeaders: true})
	c.framer.WriteData(1, false, append([]byte{0, 0, 0, 0, 100}, make([]byte, 100)...))
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: blocks[1], EndHeaders: true, EndStream: true})
	f.Add([]byte(c.server.String()))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newScript(GRPC, 2)
		for piece := range slices.Chunk(b, 50) {
			if c.mux.feed(piece, 1) != nil {
				return
			}
			c.mux.fill(1)
			if len(c.mux.streams) > 2 || len(c.mux.blocked) > 4 {
				t.Fatalf("%d streams, %d blocked", len(c.mux.streams), len(c.mux.blocked))
			}
		}
	})
}
