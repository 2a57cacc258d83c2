package http1

import (
	"io"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// Accept implements exchange.Downstream (RFC 9110 7.8). The connection ends with
// the tunnel.
func (x *Exchange) Accept(resp *message.Response) (exchange.Pipe, error) {
	if x.replied {
		return nil, exchange.ErrReplied
	}
	x.replied, x.close, x.status, x.released = true, true, resp.Status, true
	out := buf.Get(buf.Small)
	head := appendSwitch(out[:0], resp)
	x.conn.s.SetTimeout(0, 0)
	err := x.write(head, nil)
	if cap(head) == cap(out) {
		buf.Put(out)
	}
	if err != nil {
		return nil, err
	}
	return &pipe{in: &x.conn.in, s: x.conn.s, sent: &x.sent}, nil
}

// appendSwitch appends the head of a 101 response, connection fields included.
func appendSwitch(b []byte, resp *message.Response) []byte {
	b = appendStatus(b, resp.Status, resp.Reason)
	for _, f := range resp.Header.Fields() {
		switch f.Kind {
		case message.KindOther, message.KindUpgrade:
			b = appendField(b, f.Name, f.Value)
		}
	}
	return append(b, "Connection: Upgrade\r\n\r\n"...)
}

// Tunnel implements exchange.Upstream.
func (c *Client) Tunnel() exchange.Pipe {
	c.s.SetTimeout(0, 0)
	return &pipe{in: &c.in, s: c.s, sent: new(int64)}
}

// pipe is one end of a tunnel. What was read behind the head comes first.
type pipe struct {
	in   *input
	s    Stream
	sent *int64 // bytes written to s; of the goroutine that writes
}

// Read implements exchange.Pipe.
func (p *pipe) Read(b []byte) (int, error) {
	if data := p.in.unread(); len(data) > 0 {
		n := copy(b, data)
		p.in.r += n
		return n, nil
	}
	n, err := p.s.Read(b)
	if n == 0 && err == nil && len(b) > 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements exchange.Pipe.
func (p *pipe) Write(b []byte) (int, error) {
	if err := p.s.WriteTwo(b, nil); err != nil {
		return 0, err
	}
	*p.sent += int64(len(b))
	return len(b), nil
}

// Next returns what has come, waiting when there is nothing: without memory.
// io.EOF is the end. It stays valid until Consume.
func (p *pipe) Next(size int) ([]byte, error) {
	if len(p.in.unread()) == 0 {
		end, err := p.in.fill(size)
		if err != nil {
			return nil, err
		}
		if end {
			return nil, io.EOF
		}
	}
	return p.in.unread(), nil
}

// Consume says that n bytes of what Next returned were used.
func (p *pipe) Consume(n int) { p.in.r += n }

// CloseWrite implements exchange.Pipe.
func (p *pipe) CloseWrite() error { return p.s.CloseWrite() }

// Interrupt implements exchange.Pipe.
func (p *pipe) Interrupt() { p.s.Interrupt() }

// Close implements exchange.Pipe. The connection is closed by who owns it.
func (p *pipe) Close() error { return nil }
