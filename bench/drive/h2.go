package drive

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"fairlead.dev/fairlead/bench/frame"
	"fairlead.dev/fairlead/bench/sock"
)

// prepareH2 makes the header of every request.
func (p *plan) prepareH2(u *url.URL) error {
	p.H2 = true
	switch {
	case p.Mode != Get && p.Mode != GRPC:
		return fmt.Errorf("mode %s over HTTP/2: only %s and %s are known", p.Mode, Get, GRPC)
	case p.Streams < 1:
		return fmt.Errorf("%d streams: at least 1 is needed", p.Streams)
	case p.Hosts > 0 || len(p.Paths) > 0:
		return errors.New("several hosts or paths over HTTP/2: only one of each is known")
	case p.expect > streamWindow/2:
		return fmt.Errorf("answers of %d bytes over HTTP/2: at most %d are known", p.expect, streamWindow/2)
	}
	if p.tls != nil {
		p.tls = clientTLS("h2")
	}
	host := p.Host
	if host == "" {
		host = u.Host
	}
	if p.Mode == GRPC {
		p.fields = frame.Fields(":method", "POST", ":scheme", u.Scheme, ":path", u.RequestURI(), ":authority", host,
			"content-type", "application/grpc", "user-agent", "fairlead-bench", "te", "trailers")
		return nil
	}
	p.fields = frame.Fields(":method", "GET", ":scheme", u.Scheme, ":path", u.RequestURI(), ":authority", host,
		"user-agent", "fairlead-bench", "accept", "*/*")
	return nil
}

// beginStreams starts HTTP/2 on a new connection; requests follow when the
// server's settings are known.
func (l *loop) beginStreams(c *client) error {
	c.mux = newMux(l.plan, l.answered)
	c.busy, c.begun = true, l.now()
	l.busy++
	c.out = c.mux.take()
	return l.send(c)
}

// answered counts a complete answer.
func (l *loop) answered(latency int64) {
	l.counted.Requests++
	l.latency.Add(time.Duration(latency))
}

// moveStreams reads everything there is, answers what must be answered, begins
// new exchanges for those that ended, and writes all of it at once.
func (l *loop) moveStreams(c *client) error {
	if c.step != nil {
		err := l.send(c)
		if err != nil || c.step != nil || l.clients[c.fd] != c {
			return err
		}
	}
	for {
		n, err := c.read(l.buf)
		if err == sock.ErrAgain {
			break
		}
		if err == nil && n == 0 {
			err = errAnswer("connection closed")
		}
		if err == nil {
			l.counted.Bytes += uint64(n)
			err = c.mux.feed(l.buf[:n], l.now())
		}
		if err != nil {
			return l.endStreams(c, err)
		}
		if c.tls == nil && n < len(l.buf) {
			break
		}
	}
	if c.mux.ended() {
		return l.endStreams(c, nil)
	}
	c.mux.fill(l.now())
	if len(c.out) == 0 {
		c.out = c.mux.take()
	}
	return l.send(c)
}

// endStreams gives a connection up, without a fault when the server had said
// that it takes no more requests and answered those it took.
func (l *loop) endStreams(c *client, err error) error {
	if c.mux.ended() {
		l.counted.Reconnects++
		l.forget(c)
		return l.open()
	}
	return l.broken(c, err)
}

// oldest is when the longest exchange that still goes on began.
func (c *client) oldest() int64 {
	if c.mux == nil || len(c.mux.streams) == 0 {
		return c.begun
	}
	oldest := int64(1<<63 - 1)
	for _, s := range c.mux.streams {
		oldest = min(oldest, s.begun)
	}
	return oldest
}
