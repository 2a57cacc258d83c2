package http1

import (
	"io"
	"net"
	"sync"

	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/message"
)

// Tunnel answers with resp, the backend's 101, and then passes bytes both ways
// until both sides ended or one failed (RFC 9110 7.8). Both connections end
// with it. It returns the bytes that went to the backend and to the client.
func (x *Exchange) Tunnel(resp *message.Response, c *Client) (up, down int64, err error) {
	if x.replied {
		return 0, 0, ErrReplied
	}
	x.replied, x.close, x.status, x.released = true, true, resp.Status, true
	out := buf.Get(buf.Small)
	head := appendSwitch(out[:0], resp)
	x.conn.s.SetTimeout(0, 0)
	c.s.SetTimeout(0, 0)
	err = x.write(head, nil)
	if cap(head) == cap(out) {
		buf.Put(out)
	}
	if err != nil {
		return 0, 0, err
	}
	var wg sync.WaitGroup
	wg.Go(func() { up = pipe(&x.conn.in, c.s) })
	down = pipe(&c.in, x.conn.s)
	wg.Wait()
	x.sent = down
	return up, down, nil
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

// pipe passes on what comes in until the end, then ends that direction of to.
// An error ends both connections, so that the other direction ends too.
func pipe(in *input, to Stream) (total int64) {
	defer func() { _ = to.CloseWrite() }()
	if data := in.unread(); len(data) > 0 {
		if to.WriteTwo(data, nil) != nil {
			cut(in.s, to)
			return 0
		}
		total = int64(len(data))
		in.r = in.w
	}
	src, dst := in.s.NetConn(), to.NetConn()
	var n int64
	var err error
	if tcp, ok := dst.(*net.TCPConn); ok {
		n, err = tcp.ReadFrom(src)
	} else {
		n, err = io.Copy(dst, src)
	}
	if err != nil {
		cut(in.s, to)
	}
	return total + n
}

func cut(a, b Stream) {
	a.Interrupt()
	b.Interrupt()
}
