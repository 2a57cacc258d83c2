package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestEarlyAnswerThatKeepsTheConnection checks that a connection on which a
// request body is still on its way is never given to another request, whatever
// the backend says.
func TestEarlyAnswerThatKeepsTheConnection(t *testing.T) {
	for name, flags := range map[string][]string{"plain": nil, "wrapped body": {"-max-content-length=100000000"}} {
		for framing, begin := range map[string]string{
			"known length": "Content-Length: 1000000\r\n\r\nbegin",
			"chunked":      "Transfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n",
		} {
			t.Run(name+", "+framing, func(t *testing.T) {
				var mu sync.Mutex
				heads := map[int]int{}
				back := startRaw(t, func(n int, c net.Conn) {
					r := bufio.NewReader(c)
					for {
						if _, err := readHead(r); err != nil {
							return
						}
						mu.Lock()
						heads[n]++
						mu.Unlock()
						fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
					}
				})
				p := start(t, `r: * -> "http://`+back.addr+`"`, flags...)
				c := p.dial()
				c.send("POST / HTTP/1.1\r\nHost: h\r\n" + begin)
				if a := c.read("POST"); a.body != "early" || !a.Close {
					t.Errorf("got %q, close %v", a.body, a.Close)
				}
				for range 3 {
					if a := p.get(getH); a.body != "early" {
						t.Errorf("another client got %q", a.body)
					}
				}
				if rest := c.rest(); strings.Contains(rest, "timeout") {
					t.Errorf("the connection was not closed: %q", rest)
				}
				mu.Lock()
				defer mu.Unlock()
				if heads[1] != 1 {
					t.Errorf("the connection with half a body carried %d requests", heads[1])
				}
				p.checkIdle(t)
			})
		}
	}
}

// TestUploadKeepsConnections checks that a body which took several reads, and
// was sent completely, costs neither side its connection.
func TestUploadKeepsConnections(t *testing.T) {
	back := startRaw(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			if _, err := readHead(r); err != nil {
				return
			}
			if _, err := io.ReadFull(r, make([]byte, 100_000)); err != nil {
				return
			}
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`)
	c := p.dial()
	body := strings.Repeat("x", 100_000)
	for i := range 30 {
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
		c.send(body)
		if a := c.read("POST"); a.body != "ok" || a.Close {
			t.Fatalf("request %d: got %q, close %v", i, a.body, a.Close)
		}
	}
	if n := back.count(); n != 1 {
		t.Errorf("%d connections for 30 requests", n)
	}
}

// TestTimeoutIsNoRetry checks that a request whose time is up is not sent
// again: it was seen.
func TestTimeoutIsNoRetry(t *testing.T) {
	var seen atomic.Int32
	back := startRaw(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			head, err := readHead(r)
			if err != nil {
				return
			}
			seen.Add(1)
			if !strings.HasPrefix(head, "GET /slow") {
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}
	})
	p := start(t, `r: * -> backendTimeout("100ms") -> "http://`+back.addr+`"`)
	p.get(getH)
	a := p.get("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
	if a.StatusCode != 504 || seen.Load() != 2 {
		t.Errorf("got %s, the backend saw %d requests, want 504 and 2", a.Status, seen.Load())
	}
	p.checkIdle(t)
}

// TestSlowClientIsNotTheBackendsFault checks that the time a client takes for
// its body does not count as the backend's.
func TestSlowClientIsNotTheBackendsFault(t *testing.T) {
	back := startRaw(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		if _, err := readHead(r); err != nil {
			return
		}
		if _, err := io.ReadFull(r, make([]byte, 10)); err == nil {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`, "-response-header-timeout-backend=100ms")
	c := p.dial()
	c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
	<-time.After(300 * time.Millisecond)
	c.send("world")
	if a := c.read("POST"); a.StatusCode != 200 {
		t.Errorf("got %s", a.Status)
	}
	t.Run("but the whole is bounded", func(t *testing.T) {
		p := start(t, `r: * -> backendTimeout("100ms") -> "http://`+back.addr+`"`)
		c := p.dial()
		c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
		if a := c.read("POST"); a.StatusCode != 504 {
			t.Errorf("got %s", a.Status)
		}
	})
}

// TestExpectation checks the ways a backend may answer a request with Expect:
// 100-continue.
func TestExpectation(t *testing.T) {
	tests := []struct {
		name  string
		first string // sent when the head has come
		sends bool   // whether the body is asked for
	}{
		{"hints first", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", true},
		{"hints with the answer", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nok", false},
		{"continue twice", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", true},
		{"many hints", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+strings.Repeat("x", 9000)+"\r\n\r\n", 4) + "HTTP/1.1 100 Continue\r\n\r\n", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			back := startRaw(t, func(_ int, c net.Conn) {
				r := bufio.NewReader(c)
				if _, err := readHead(r); err != nil {
					return
				}
				fmt.Fprint(c, tt.first)
				if !tt.sends {
					_, _ = io.Copy(io.Discard, r)
					return
				}
				if _, err := io.ReadFull(r, make([]byte, 5)); err == nil {
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			})
			p := start(t, `r: * -> "http://`+back.addr+`"`)
			c := p.dial()
			c.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
			sent, hints := false, 0
			for {
				a := c.read("POST")
				switch {
				case a.StatusCode == 103:
					hints++
					continue
				case a.StatusCode == 100 && !sent:
					sent = true
					c.send("hello")
					continue
				}
				if a.body != "ok" || a.Header.Get("Link") != "" || sent != tt.sends {
					t.Errorf("got %s %q %v, body sent: %v", a.Status, a.body, a.Header, sent)
				}
				break
			}
			if want := strings.Count(tt.first, "103"); hints != want {
				t.Errorf("%d hints, want %d", hints, want)
			}
			p.checkIdle(t)
		})
	}
	t.Run("time is bounded", func(t *testing.T) {
		back := startRaw(t, func(_ int, c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		p := start(t, `r: * -> backendTimeout("100ms") -> "http://`+back.addr+`"`)
		a := p.get("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		if a.StatusCode != 504 {
			t.Errorf("got %s", a.Status)
		}
	})
}

// TestUpgradeThatIsNone checks what must not become a tunnel, or of a tunnel
// that was not granted.
func TestUpgradeThatIsNone(t *testing.T) {
	heads := make(chan string, 10)
	back := startRaw(t, func(n int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			head, err := readHead(r)
			if err != nil {
				return
			}
			heads <- fmt.Sprintf("%d %s", n, head)
			if strings.Contains(head, "lie") {
				fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
				return
			}
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno")
		}
	})
	p := start(t, `r: * -> "http://`+back.addr+`"`, "-experimental-upgrade")
	t.Run("h2c", func(t *testing.T) {
		for _, protocol := range []string{"h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0"} {
			p.get("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol + "\r\nHTTP2-Settings: AAA\r\n\r\n")
			if head := <-heads; strings.Contains(head, "Upgrade") || strings.Contains(head, "HTTP2") {
				t.Errorf("%s: the backend got %q", protocol, head)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		c := p.dial()
		c.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /poison HTTP/1.1\r\nHost: h\r\n\r\n")
		if a := c.read("GET"); a.body != "no" || !a.Close {
			t.Errorf("got %q, close %v", a.body, a.Close)
		}
		first, _, _ := strings.Cut(<-heads, " ")
		p.get(getH)
		second, _, _ := strings.Cut(<-heads, " ")
		if first == second {
			t.Error("the connection of a refused upgrade was used again")
		}
		if rest := c.rest(); rest != "" {
			t.Errorf("what followed was answered: %q", rest)
		}
	})
	t.Run("another protocol", func(t *testing.T) {
		if a := p.get("GET /lie HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"); a.StatusCode != 502 {
			t.Errorf("got %s", a.Status)
		}
		<-heads
	})
}
