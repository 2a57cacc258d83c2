package http1

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// lateEnd is a body of HTTP/2 without a Content-Length whose end arrives just
// after the head for HTTP/1 was written: its length was unknown and is known.
type lateEnd struct{ left []byte }

func (b *lateEnd) Read(p []byte) (int, error) {
	n := copy(p, b.left)
	b.left = b.left[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (b *lateEnd) Next(int) ([]byte, error) { return b.Arrived() }
func (b *lateEnd) Arrived() ([]byte, error) {
	if len(b.left) == 0 {
		return nil, io.EOF
	}
	return b.left, nil
}
func (b *lateEnd) Consume(n int)         { b.left = b.left[n:] }
func (b *lateEnd) Whole() ([]byte, bool) { return b.left, true }
func (b *lateEnd) Left() int64           { return message.Unknown }
func (b *lateEnd) Ends(n int) bool       { return n == len(b.left) }

// TestLateEndIsChunked checks that a body whose head promised chunks is sent in
// chunks although all of it is there when it is sent: bare, its bytes would be
// read as chunks, and what is behind them as a request of its own.
func TestLateEndIsChunked(t *testing.T) {
	const smuggled = "0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n"
	ours, theirs := net.Pipe()
	var backend sync.WaitGroup
	got, err := "", error(nil)
	backend.Go(func() {
		defer theirs.Close()
		var req *http.Request
		r := bufio.NewReader(theirs)
		if req, err = http.ReadRequest(r); err != nil {
			return
		}
		var body []byte
		body, err = io.ReadAll(req.Body)
		got = string(body)
		_, _ = io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	c := NewClient(sock.Wrap(ours, nil), exchange.Limits{})
	req := &message.Request{Method: "POST", Path: "/", RawPath: "/", Host: "a", Major: 1, Minor: 1, ContentLength: message.Unknown}
	req.Body = &lateEnd{left: []byte(smuggled)}
	resp := &message.Response{}
	if err := c.Do(req, resp, &exchange.SendOptions{}); err != nil {
		t.Error(err)
	}
	_ = c.Close()
	backend.Wait()
	if err != nil || got != smuggled {
		t.Errorf("the backend read the body %q, %v", got, err)
	}
}
