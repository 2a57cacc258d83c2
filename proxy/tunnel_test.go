package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"fairlead.dev/fairlead/kit/websocket"
)

// startSocket runs a backend that accepts WebSockets and gives them to serve.
func startSocket(t *testing.T, serve func(c net.Conn, r *bufio.Reader)) *rawBackend {
	return startRaw(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		if _, err := readHead(r); err != nil {
			return
		}
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		serve(c, r)
	})
}

const openSocket = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// TestSocketTakesLeave checks that a draining proxy ends WebSockets with a Close
// frame in both directions, never inside a frame of the ends.
func TestSocketTakesLeave(t *testing.T) {
	const half, rest = "\x82\x04ab", "cd"
	seen := make(chan string, 1)
	goOn := make(chan struct{})
	back := startSocket(t, func(c net.Conn, r *bufio.Reader) {
		first := make([]byte, 7)
		_, _ = io.ReadFull(r, first)
		fmt.Fprint(c, "\x81\x02hi"+half)
		<-goOn
		fmt.Fprint(c, rest+"\x81\x04late")
		b, _ := io.ReadAll(r)
		seen <- string(first) + string(b)
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`, "-experimental-upgrade")
	c := p.dial()
	c.send(openSocket + "\x81\x81\x00\x00\x00\x00x")
	if head, err := readHead(c.r); err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") {
		t.Fatalf("got %q %v", head, err)
	}
	first := make([]byte, 8)
	if _, err := io.ReadFull(c.r, first); err != nil || string(first) != "\x81\x02hi"+half {
		t.Fatalf("got %q %v", first, err)
	}
	if n := p.Tunnels(); n != 1 {
		t.Errorf("%d tunnels open, want 1", n)
	}
	stopped := make(chan struct{})
	go func() { p.stop(); close(stopped) }()
	eventually(t, "the backend gets a Close frame while the other direction is inside a frame", func() bool {
		return p.Stopping()
	})
	close(goOn)
	if got, want := c.rest(), rest+string(websocket.AppendClose(nil, websocket.GoingAway, false)); got != want {
		t.Errorf("client got %q, want %q", got, want)
	}
	_ = c.Close()
	up := <-seen
	if len(up) != 7+8 || !strings.HasPrefix(up, "\x81\x81\x00\x00\x00\x00x\x88\x82") || up[13]^up[9] != 3 || up[14]^up[10] != 0xe9 {
		t.Errorf("backend got %q, want the frame and a masked Close", up)
	}
	<-stopped
}

// TestSocketSurvivesRouteChange checks that open WebSockets do not notice new
// routes.
func TestSocketSurvivesRouteChange(t *testing.T) {
	back := startSocket(t, func(c net.Conn, r *bufio.Reader) { _, _ = io.Copy(c, r) })
	p := start(t, `r: * -> "http://`+back.addr+`"`, "-experimental-upgrade")
	c := p.dial()
	c.send(openSocket)
	if head, err := readHead(c.r); err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") {
		t.Fatalf("got %q %v", head, err)
	}
	p.SetTable(p.compile(`r: * -> status(404) -> <shunt>`))
	frame := "\x81\x82\x00\x00\x00\x00ok"
	c.send(frame)
	echo := make([]byte, len(frame))
	if _, err := io.ReadFull(c.r, echo); err != nil || string(echo) != frame {
		t.Errorf("got %q %v", echo, err)
	}
	if a := p.get(getH); a.StatusCode != 404 {
		t.Errorf("the new route is not there: %s", a.Status)
	}
}
