package proxy_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/kit/websocket"
)

// socketClient opens WebSockets in one of the ways that clients have.
type socketClient struct {
	name   string
	secure bool
	h2     bool
}

// socketClients are all ways there are.
var socketClients = []socketClient{
	{"HTTP/1", false, false}, {"HTTP/1 over TLS", true, false}, {"HTTP/2", false, true}, {"HTTP/2 over TLS", true, true},
}

// start runs a proxy that such clients come to.
func (k socketClient) start(t testing.TB, routes string, flags ...string) *socketProxy {
	t.Helper()
	p := &socketProxy{kind: k}
	var conf *tls.Config
	if k.secure {
		ca := certtest.New(t, "ca")
		conf = &tls.Config{Certificates: []tls.Certificate{ca.Server(t, "h").TLS}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}
		p.conf = &tls.Config{RootCAs: ca.Pool(), ServerName: "h", NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS13}
		if k.h2 {
			p.conf.NextProtos = []string{"h2"}
		}
	}
	p.testProxy = startWithTLS(t, conf, routes, append([]string{"-enable-h2c-server"}, flags...)...)
	return p
}

type socketProxy struct {
	*testProxy
	kind socketClient
	conf *tls.Config
}

// socket is the client's end of a WebSocket, or of what became of it.
type socket struct {
	io.Reader
	io.Writer
	nc     net.Conn
	status int
	header map[string]string
	h2     *frameReader
}

// open asks for a WebSocket; early is sent before the answer is known.
func (p *socketProxy) open(path, early string) *socket {
	p.t.Helper()
	nc, err := net.Dial("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	if p.conf != nil {
		nc = tls.Client(nc, p.conf)
	}
	if p.kind.h2 {
		return p.openFrames(nc, path, early)
	}
	fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n\r\n%s", path, early)
	r := bufio.NewReader(nc)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	s := &socket{Reader: r, Writer: nc, nc: nc, status: resp.StatusCode, header: map[string]string{}}
	for name := range resp.Header {
		s.header[strings.ToLower(name)] = resp.Header.Get(name)
	}
	if resp.StatusCode != 101 {
		s.Reader = resp.Body
	}
	return s
}

func (p *socketProxy) openFrames(nc net.Conn, path, early string) *socket {
	p.t.Helper()
	f := &frameReader{fr: http2.NewFramer(nc, nc), dec: hpack.NewDecoder(4096, nil)}
	if _, err := io.WriteString(nc, http2.ClientPreface); err != nil {
		p.t.Fatal(err)
	}
	_ = f.fr.WriteSettings()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, h := range [][2]string{
		{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", path}, {":authority", "h"},
		{"sec-websocket-version", "13"}, {"sec-websocket-protocol", "chat"},
	} {
		_ = enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	_ = f.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	if early != "" {
		_ = f.fr.WriteData(1, false, []byte(early))
	}
	for f.header == nil {
		if err := f.next(); err != nil {
			p.t.Fatalf("wait for the answer: %v", err)
		}
	}
	s := &socket{Reader: f, Writer: frameWriter{f.fr}, nc: nc, header: f.header, h2: f}
	_, _ = fmt.Sscan(f.header[":status"], &s.status)
	return s
}

// frameReader reads what comes on stream 1.
type frameReader struct {
	fr      *http2.Framer
	dec     *hpack.Decoder
	header  map[string]string
	data    []byte
	end     error
	connect bool // SETTINGS_ENABLE_CONNECT_PROTOCOL
}

func (f *frameReader) Read(p []byte) (int, error) {
	for len(f.data) == 0 {
		if f.end != nil {
			return 0, f.end
		}
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	return n, nil
}

// next takes one frame.
func (f *frameReader) next() error {
	fr, err := f.fr.ReadFrame()
	if err != nil {
		return err
	}
	switch fr := fr.(type) {
	case *http2.SettingsFrame:
		if v, ok := fr.Value(http2.SettingEnableConnectProtocol); ok && v == 1 {
			f.connect = true
		}
		if !fr.IsAck() {
			return f.fr.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !fr.IsAck() {
			return f.fr.WritePing(true, fr.Data)
		}
	case *http2.HeadersFrame:
		fields, err := f.dec.DecodeFull(fr.HeaderBlockFragment())
		if err != nil {
			return err
		}
		f.header = map[string]string{}
		for _, h := range fields {
			f.header[h.Name] = h.Value
		}
		if fr.StreamEnded() {
			f.end = io.EOF
		}
	case *http2.DataFrame:
		f.data = append(f.data, fr.Data()...)
		if fr.StreamEnded() {
			f.end = io.EOF
		}
	case *http2.RSTStreamFrame:
		f.end = fmt.Errorf("reset: %v", fr.ErrCode)
	}
	return nil
}

// frameWriter writes DATA frames of stream 1.
type frameWriter struct{ fr *http2.Framer }

func (w frameWriter) Write(p []byte) (int, error) { return len(p), w.fr.WriteData(1, false, p) }

// startSockets runs a backend that answers as a WebSocket server must: path /no
// is refused, /ok is answered without a WebSocket, /lie with a wrong key.
func startSockets(t testing.TB, serve func(c net.Conn, r *bufio.Reader)) *rawBackend {
	return startRaw(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		key := req.Header.Get("Sec-Websocket-Key")
		switch {
		case req.Method != "GET" || !strings.EqualFold(req.Header.Get("Connection"), "upgrade") || req.Header.Get("Upgrade") != "websocket" ||
			len(key) != 24 || len(req.Header["Sec-Websocket-Key"]) != 1 || req.Header.Get("Sec-Websocket-Version") != "13":
			fmt.Fprintf(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nX-Saw: %s %q\r\n\r\n", req.Method, req.Header)
		case req.URL.Path == "/no":
			fmt.Fprint(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope")
		case req.URL.Path == "/ok":
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
		default:
			accept := websocket.Accept(key)
			if req.URL.Path == "/lie" {
				accept = websocket.Accept("another")
			}
			fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
				accept, req.Header.Get("Sec-WebSocket-Protocol"))
			serve(c, r)
			return
		}
		// What comes now was never meant for this connection.
		if b, _ := io.ReadAll(r); len(b) > 0 {
			t.Errorf("behind a refused upgrade the backend got %q", b)
		}
	})
}

// echoSocket sends back what comes.
func echoSocket(c net.Conn, r *bufio.Reader) { _, _ = io.Copy(c, r) }

const okFrame = "\x81\x82\x00\x00\x00\x00ok"

func (s *socket) exchange(t testing.TB, send, want string) {
	t.Helper()
	if _, err := io.WriteString(s, send); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(s, got); err != nil || string(got) != want {
		t.Fatalf("got %q %v, want %q", got, err, want)
	}
}

// TestSocket opens WebSockets in all ways to a backend that speaks HTTP/1: what
// was sent early arrives once it is accepted, and routes may change meanwhile.
func TestSocket(t *testing.T) {
	for _, k := range socketClients {
		t.Run(k.name, func(t *testing.T) {
			back := startSockets(t, echoSocket)
			p := k.start(t, `r: * -> "http://`+back.addr+`"`, "-experimental-upgrade")
			s := p.open("/", okFrame)
			if want := map[bool]int{false: 101, true: 200}[k.h2]; s.status != want {
				t.Fatalf("status %d, want %d: %v", s.status, want, s.header)
			}
			if s.header["sec-websocket-protocol"] != "chat" {
				t.Errorf("the subprotocol is lost: %v", s.header)
			}
			if accept := s.header["sec-websocket-accept"]; k.h2 == (accept == websocket.Accept("dGhlIHNhbXBsZSBub25jZQ==")) {
				t.Errorf("Sec-WebSocket-Accept %q", accept)
			}
			if k.h2 && !s.h2.connect {
				t.Error("extended CONNECT is not announced")
			}
			s.exchange(t, "", okFrame)
			if n := p.Tunnels(); n != 1 {
				t.Errorf("%d tunnels open, want 1", n)
			}
			p.SetTable(p.compile(`r: * -> status(404) -> <shunt>`))
			s.exchange(t, okFrame, okFrame)
			_ = s.nc.Close()
			eventually(t, "the tunnel ends with its client", func() bool { return p.Tunnels() == 0 })
		})
	}
}

// TestSocketIsRefused checks that refusals arrive, that success without a tunnel
// is no success where it would mean one, and that what was sent early is never
// given to the backend.
func TestSocketIsRefused(t *testing.T) {
	for _, k := range socketClients {
		t.Run(k.name, func(t *testing.T) {
			back := startSockets(t, echoSocket)
			p := k.start(t, `r: * -> "http://`+back.addr+`"; here: Path("/here") -> inlineContent("here") -> <shunt>`, "-experimental-upgrade")
			for _, tt := range []struct {
				path   string
				h1, h2 int
			}{{"/no", 403, 403}, {"/ok", 200, 501}, {"/here", 200, 501}} {
				if tt.path == "/here" && !k.h2 {
					continue // nobody was asked for an upgrade: what follows is a request
				}
				s := p.open(tt.path, "GET /evil HTTP/1.1\r\nHost: h\r\n\r\n")
				if want := map[bool]int{false: tt.h1, true: tt.h2}[k.h2]; s.status != want {
					t.Errorf("%s: status %d, want %d: %v", tt.path, s.status, want, s.header)
				}
				body, _ := io.ReadAll(s)
				if strings.Contains(string(body), "evil") || (tt.path == "/no" && string(body) != "nope") {
					t.Errorf("%s: got %q", tt.path, body)
				}
				_ = s.nc.Close()
			}
			if s := p.open("/lie", ""); k.h2 && s.status != 502 {
				t.Errorf("a wrong Sec-WebSocket-Accept: status %d", s.status)
			}
		})
	}
}

// TestSocketsAreOff checks that nothing is tunnelled unless it is allowed.
func TestSocketsAreOff(t *testing.T) {
	for _, k := range socketClients {
		t.Run(k.name, func(t *testing.T) {
			back := startSockets(t, echoSocket)
			p := k.start(t, `r: * -> "http://`+back.addr+`"`)
			s := p.open("/", "")
			if want := map[bool]int{false: 400, true: 501}[k.h2]; s.status != want {
				t.Errorf("status %d, want %d: %v", s.status, want, s.header)
			}
			if k.h2 && (s.h2.connect || back.count() != 0) {
				t.Errorf("extended CONNECT announced: %v, connections to the backend: %d", s.h2.connect, back.count())
			}
		})
	}
}

// TestSocketLeavesCleanly checks the Close frames of a draining proxy in all
// ways that clients come.
func TestSocketLeavesCleanly(t *testing.T) {
	for _, k := range socketClients {
		t.Run(k.name, func(t *testing.T) {
			seen := make(chan string, 1)
			back := startSockets(t, func(c net.Conn, r *bufio.Reader) {
				first := make([]byte, len(okFrame))
				_, _ = io.ReadFull(r, first)
				fmt.Fprint(c, "\x81\x02hi")
				b, _ := io.ReadAll(r)
				seen <- string(first) + string(b)
			})
			p := k.start(t, `r: * -> "http://`+back.addr+`"`, "-experimental-upgrade")
			s := p.open("/", "")
			s.exchange(t, okFrame, "\x81\x02hi")
			eventually(t, "the tunnel is open", func() bool { return p.Tunnels() == 1 })
			stopped := make(chan struct{})
			go func() { p.stop(); close(stopped) }()
			rest, err := io.ReadAll(s)
			if want := string(websocket.AppendClose(nil, websocket.GoingAway, false)); err != nil || string(rest) != want {
				t.Errorf("client got %q %v, want %q", rest, err, want)
			}
			_ = s.nc.Close()
			up := <-seen
			if len(up) != len(okFrame)+8 || up[:len(okFrame)] != okFrame || up[len(okFrame):][:2] != "\x88\x82" {
				t.Errorf("backend got %q, want the frame and a masked Close", up)
			}
			<-stopped
		})
	}
}

// TestSilentSocket checks that a tunnel through which nothing passes ends, with a
// Close frame, and that one that is used lives on.
func TestSilentSocket(t *testing.T) {
	for _, k := range socketClients {
		t.Run(k.name, func(t *testing.T) {
			back := startSockets(t, echoSocket)
			p := k.start(t, `r: * -> "http://`+back.addr+`"`, "-experimental-upgrade", "-tunnel-idle-timeout=400ms")
			busy, silent := p.open("/", ""), p.open("/", "")
			gone := make(chan string)
			go func() { b, _ := io.ReadAll(silent); gone <- string(b) }()
			for ended := false; !ended; {
				select {
				case got := <-gone:
					if !strings.HasPrefix(got, "\x88") { // ours, or the echo of ours
						t.Errorf("the silent one got %q, want a Close frame", got)
					}
					ended = true
				case <-time.After(20 * time.Millisecond):
					busy.exchange(t, okFrame, okFrame)
				}
			}
			busy.exchange(t, okFrame, okFrame)
			_ = silent.nc.Close()
			_ = busy.nc.Close()
		})
	}
}
