package http1

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
)

// takenOver is what the HTTP/2 side of a test got.
type takenOver struct {
	Takeover
	rest []byte // what came after it
}

// offer sends the pieces to a server that may hand over to HTTP/2 and returns
// what HTTP/2 got, nil if nothing, and what the client read.
func offer(t *testing.T, pieces ...string) (*takenOver, string) {
	t.Helper()
	client, server := net.Pipe()
	got := make(chan *takenOver, 1)
	began := make(chan struct{})
	srv := NewServer(&recorder{}, ServerConfig{
		ServerConfig: exchange.ServerConfig{
			Log: slog.New(slog.DiscardHandler),
		},
		HTTP2: func(c *sock.Conn, tk *Takeover) {
			close(began)
			rest, _ := io.ReadAll(c.NetConn())
			_ = c.Close()
			got <- &takenOver{*tk, rest}
		},
	}, sock.NewSweeper(), nil)
	done := make(chan struct{})
	go func() { srv.ServeConn(sock.Wrap(server, nil), nil); close(done) }()
	read := make(chan string, 1)
	go func() { b, _ := io.ReadAll(client); read <- string(b) }()
	_ = client.SetDeadline(time.Now().Add(10 * time.Second))
	for _, p := range pieces {
		if _, err := io.WriteString(client, p); err != nil {
			break
		}
	}
	// The pipe has no half-close: HTTP/2 ends when the client does.
	select {
	case <-done:
	case <-began:
	case <-time.After(10 * time.Second):
		t.Error("neither ended nor taken over")
	}
	_ = client.Close()
	<-done
	answer := <-read
	select {
	case h := <-got:
		return h, answer
	default:
		return nil, answer
	}
}

func TestTakeoverByPreface(t *testing.T) {
	whole := preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for cut := range len(preface) {
		var h *takenOver
		if cut == 0 {
			h, _ = offer(t, whole)
		} else {
			h, _ = offer(t, whole[:cut], whole[cut:])
		}
		if h == nil {
			t.Fatalf("cut at %d: not taken over", cut)
		}
		if all := string(h.Unread) + string(h.rest); all != whole || h.Request != nil {
			t.Errorf("cut at %d: HTTP/2 got %q", cut, all)
		}
	}
}

func TestTakeoverByUpgrade(t *testing.T) {
	h, answer := offer(t, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAA\r\n\r\n"+preface)
	if h == nil || h.Request == nil {
		t.Fatalf("not taken over, answer %q", answer)
	}
	if h.Request.Path != "/a" || h.Request.Host != "h" || h.Request.Header.Has("HTTP2-Settings") {
		t.Errorf("first stream: %+v", h.Request)
	}
	if !bytes.Equal(h.Settings, []byte{0, 3, 0, 0, 0, 100, 0, 4, 0, 160, 0, 0}) {
		t.Errorf("settings %v", h.Settings)
	}
	if answer != string(switchToHTTP2) || string(h.Unread) != preface {
		t.Errorf("answer %q, unread %q", answer, h.Unread)
	}
}

func TestNoTakeover(t *testing.T) {
	for what, in := range map[string]string{
		"second request":      "GET / HTTP/1.1\r\nHost: h\r\n\r\n" + preface,
		"almost the preface":  "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n",
		"no settings":         "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n",
		"two settings":        "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		"no connection field": "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		"bad settings":        "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
		"with a body":         "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 1\r\n\r\nx",
	} {
		if h, answer := offer(t, in); h != nil || len(answer) < 12 {
			t.Errorf("%s: taken over %v, answer %q", what, h != nil, answer)
		}
	}
}

// TestNeitherVersion checks that what is neither HTTP/1 nor HTTP/2 gets no answer
// where both are spoken.
func TestNeitherVersion(t *testing.T) {
	for in, answered := range map[string]bool{
		"INVALID CONNECTION PREFACE\r\n\r\n":   false,
		"\x00\x00\x04\x04\x00\x00\x00\x00\x00": false,
		"GET / HTTP/1.1\r\n\r\n":               true,
		"GET  / HTTP/1.1\r\nHost: h\r\n\r\n":   true,
		"GET / HTTP/3.0\r\n\r\n":               true,
	} {
		if h, answer := offer(t, in); h != nil || (len(answer) > 0) != answered {
			t.Errorf("%q: answer %q", in, answer)
		}
	}
}
