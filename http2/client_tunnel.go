package http2

import (
	"fmt"
	"io"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/websocket"
	"fairlead.dev/fairlead/message"
)

// awaitConnect waits until it is known whether the backend takes extended
// CONNECT (RFC 8441 3).
func (s *ClientStream) awaitConnect(o *exchange.SendOptions) error {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.settled && c.err == nil && s.err == nil {
		c.clock.arm(0) // the wait for SETTINGS is bounded
		c.settling.Wait()
	}
	switch {
	case c.err != nil:
		return &exchange.SendError{Err: fmt.Errorf("ask for %q: %w", o.Upgrade, c.err), Unsent: true}
	case s.err != nil:
		return &exchange.SendError{Err: fmt.Errorf("ask for %q: %w", o.Upgrade, s.err)}
	case !c.connect:
		return &exchange.SendError{Err: fmt.Errorf("ask for %q: %w", o.Upgrade, exchange.ErrNoUpgrade), Unsent: true}
	}
	return nil
}

// handshakeField reports whether a field belongs to the handshake of a WebSocket
// under HTTP/1 alone (RFC 8441 5).
func handshakeField(name string) bool {
	return message.EqualName(name, "Sec-WebSocket-Key")
}

// switched makes of a 2xx answer to extended CONNECT what HTTP/1 calls it: 101,
// with the fields that an HTTP/1 client expects.
func (s *ClientStream) switched(req *message.Request, resp *message.Response, o *exchange.SendOptions) {
	if resp.Status < 200 || resp.Status > 299 {
		return
	}
	resp.Status, resp.ContentLength, resp.Body = 101, message.Unknown, nil
	resp.Header.Add("Upgrade", o.Upgrade)
	key := req.Header.Get("Sec-WebSocket-Key")
	if key != "" && message.EqualName(o.Upgrade, "websocket") && !resp.Header.Has("Sec-WebSocket-Accept") {
		resp.Header.Add("Sec-WebSocket-Accept", websocket.Accept(key))
	}
}

// Tunnel implements exchange.Upstream.
func (s *ClientStream) Tunnel() exchange.Pipe {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.bodyIdle, s.bodyBy = 0, 0
	s.pipe.s = s
	return &s.pipe
}

// upPipe is the backend's end of a tunnel: DATA frames both ways.
type upPipe struct{ s *ClientStream }

// Read implements exchange.Pipe.
func (p *upPipe) Read(b []byte) (int, error) { return p.s.body.Read(b) }

// Next returns what has come, waiting when there is nothing; io.EOF is the end.
// It stays valid until Consume.
func (p *upPipe) Next(size int) ([]byte, error) { return p.s.body.Next(size) }

// Consume says that n bytes of what Next returned were used.
func (p *upPipe) Consume(n int) { p.s.body.Consume(n) }

// Write implements exchange.Pipe.
func (p *upPipe) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	c := p.s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.s.sentEnd {
		return 0, io.ErrClosedPipe
	}
	if err := p.s.put(b, false, 0); err != nil {
		return 0, err
	}
	c.w.flush(true)
	return len(b), nil
}

// CloseWrite implements exchange.Pipe.
func (p *upPipe) CloseWrite() error {
	c := p.s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.s.sentEnd {
		return nil
	}
	if err := p.s.put(nil, true, 0); err != nil {
		return err
	}
	c.w.flush(true)
	return nil
}

// Interrupt implements exchange.Pipe.
func (p *upPipe) Interrupt() { p.s.Interrupt() }

// Close implements exchange.Pipe. The stream is given back by who owns it.
func (p *upPipe) Close() error { return nil }
