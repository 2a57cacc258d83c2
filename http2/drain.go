package http2

import (
	"context"
	"time"

	"fairlead.dev/fairlead/exchange"
)

// drainState is how far a connection is with ending gracefully (RFC 9113 6.8).
type drainState uint8

const (
	drainNot   drainState = iota
	drainAsked            // GOAWAY for streams to come, and a PING to learn that it has arrived
	drainLast             // GOAWAY with the last stream
)

// drainPing is the content of the PING behind the first GOAWAY.
func drainPing() [8]byte { return [8]byte{'f', 'a', 'i', 'r', 'l', 'e', 'a', 'd'} }

// drainWait is how long an answer to it is waited for.
const drainWait = time.Second

// beginDrain asks the client to use another connection. Streams that are on
// their way are still served.
func (c *conn) beginDrain() departures {
	if c.drain != drainNot || c.ended || !c.greeted {
		return nil
	}
	c.drain = drainAsked
	b := appendGoAway(c.w.roomFor(64), maxID, CodeNone, "")
	c.w.out = appendPing(b, false, drainPing())
	c.times.linger = c.srv.now() + int64(drainWait)
	return nil
}

// pingAnswered goes on with draining.
func (c *conn) pingAnswered(data [8]byte) departures {
	if c.drain != drainAsked || data != drainPing() {
		return nil
	}
	return c.lastGoAway()
}

// lastGoAway says which streams are served.
func (c *conn) lastGoAway() departures {
	if c.w.closed {
		return nil
	}
	c.drain, c.ended, c.lastID, c.times.linger = drainLast, true, c.maxID, 0
	c.w.out = appendGoAway(c.w.roomFor(64), c.lastID, CodeNone, "")
	return c.endIfDone()
}

// endIfDone ends the connection when nothing is to be served any more.
func (c *conn) endIfDone() departures {
	if c.drain != drainLast || c.running > 0 || c.opening || c.w.closed {
		return nil
	}
	return c.sayGoodbye()
}

// streamEnded is called when a handler has ended.
func (c *conn) streamEnded() departures {
	if c.running == 0 && !c.w.closed {
		c.times.idle = c.srv.now()
		c.moved(exchange.ConnIdle)
	}
	return c.endIfDone()
}

// done is called when a handler has ended and its stream was given back.
func (c *conn) done() {
	if c.busy--; c.busy == 0 {
		c.quiet.Broadcast()
	}
}

// Stop asks all clients to go elsewhere. Connections may still come: they are
// told, too, and what they have on their way is served.
func (s *Server) Stop() {
	s.stopping.Store(true)
	for _, c := range s.snapshot(nil) {
		c.mu.Lock()
		gone := c.beginDrain()
		c.w.kick()
		c.mu.Unlock()
		gone.tell()
	}
}

// Drain is Stop; then it lets streams finish until ctx ends and waits for all
// connections; what is left then is cut off. No connection may come any more.
func (s *Server) Drain(ctx context.Context) error {
	s.Stop()
	done := s.live.None()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		for _, c := range s.snapshot(nil) {
			c.nc.Interrupt()
		}
		select {
		case <-done:
			return ctx.Err()
		case <-again.C:
		}
	}
}
