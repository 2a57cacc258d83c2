package http2

import (
	"io"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

// Accept implements exchange.Downstream: an extended CONNECT is answered with
// 200 (RFC 8441 5), and without the fields that belong to HTTP/1.
func (s *stream) Accept(resp *message.Response) (exchange.Pipe, error) {
	if s.replied {
		return nil, exchange.ErrReplied
	}
	if s.head.protocol == "" {
		return nil, exchange.ErrNoUpgrade
	}
	s.replied, s.status = true, 200
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.open(); err != nil {
		return nil, err
	}
	c.w.reserve(headRoom)
	b := c.w.out
	start := beginBlock(&b, c.first)
	c.first = false
	b = appendStatus(b, 200)
	for _, f := range resp.Header.Fields() {
		if f.Kind == message.KindOther && !message.EqualName(f.Name, "Sec-WebSocket-Accept") {
			b = appendField(b, f.Name, f.Value)
		}
	}
	c.w.out = endBlock(b, start, s.id, false)
	c.w.flush(c.running > 1)
	return (*pipe)(s), nil
}

// pipe is the client's end of a tunnel in DATA frames.
type pipe stream

// Read implements exchange.Pipe.
func (p *pipe) Read(b []byte) (int, error) { return p.body.Read(b) }

// Next returns what has come, waiting when there is nothing; io.EOF is the end.
// It stays valid until Consume.
func (p *pipe) Next(size int) ([]byte, error) { return p.body.Next(size) }

// Consume says that n bytes of what Next returned were used.
func (p *pipe) Consume(n int) { p.body.Consume(n) }

// Write implements exchange.Pipe.
func (p *pipe) Write(b []byte) (int, error) {
	s := (*stream)(p)
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	before := s.sent
	err := s.put(b, false)
	s.c.w.flush(s.c.running > 1)
	return int(s.sent - before), err
}

// CloseWrite implements exchange.Pipe.
func (p *pipe) CloseWrite() error {
	s := (*stream)(p)
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.end(nil)
	s.c.w.flush(s.c.running > 1)
	return nil
}

// Interrupt implements exchange.Pipe.
func (p *pipe) Interrupt() { (*stream)(p).interrupt() }

// Close implements exchange.Pipe. The stream ends with its exchange.
func (p *pipe) Close() error { return nil }

var (
	_ io.Reader           = (*body)(nil)
	_ exchange.Body       = (*body)(nil)
	_ exchange.BodySource = (*body)(nil)
	_ exchange.Downstream = (*stream)(nil)
	_ exchange.Pipe       = (*pipe)(nil)
	_ Conn                = (*sock.Conn)(nil)
)
