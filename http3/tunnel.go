package http3

import (
	"time"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// Accept implements exchange.Downstream (RFC 9220, RFC 8441 5).
func (st *stream) Accept(resp *message.Response) (exchange.Pipe, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.replied {
		return nil, exchange.ErrReplied
	}
	st.replied, st.status = true, resp.Status
	if err := st.write(st.enc.appendSwitch(nil, resp)); err != nil {
		return nil, &exchange.ReplyError{Err: err}
	}
	_ = st.q.SetWriteDeadline(time.Time{}) // never fails
	return &pipe{st: st}, nil
}

// pipe is the client's end of a tunnel: what DATA frames carry.
type pipe struct{ st *stream }

// Read implements exchange.Pipe.
func (p *pipe) Read(b []byte) (int, error) { return p.st.body.Read(b) }

// Next returns what has come, waiting when there is nothing: without memory.
func (p *pipe) Next(size int) ([]byte, error) { return p.st.body.Next(size) }

// Consume says that n bytes of what Next returned were used.
func (p *pipe) Consume(n int) { p.st.body.Consume(n) }

// Write implements exchange.Pipe.
func (p *pipe) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	out := buf.Get(buf.Small)
	defer buf.Put(out)
	head := appendFrame(out[:0], frameData, uint64(len(b)))
	if len(b) <= copyBelow-len(head) {
		head = append(head, b...)
		if _, err := p.st.q.Write(head); err != nil {
			return 0, clientError(err)
		}
	} else {
		if _, err := p.st.q.Write(head); err != nil {
			return 0, clientError(err)
		}
		if _, err := p.st.q.Write(b); err != nil {
			return 0, clientError(err)
		}
	}
	p.st.sent += int64(len(b))
	return len(b), nil
}

// CloseWrite implements exchange.Pipe.
func (p *pipe) CloseWrite() error {
	p.st.watch.end()
	return p.st.q.Close()
}

// Interrupt implements exchange.Pipe.
func (p *pipe) Interrupt() {
	p.st.body.HoldRead(true)
	_ = p.st.q.SetWriteDeadline(past()) // never fails
}

// Close implements exchange.Pipe. A direction that did not end properly is
// reset, as a connection would be.
func (p *pipe) Close() error {
	st := p.st
	if !st.body.done || st.body.held.Load() {
		st.reset(CodeRequestCancelled)
	}
	return nil
}
