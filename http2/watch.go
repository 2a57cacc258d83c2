package http2

import (
	"time"

	"fairlead.dev/fairlead/kit/sock"
)

// watchEvery is how often the time limits of connections and streams are looked
// at: they may be so much late.
const watchEvery = 250 * time.Millisecond

// settingsTimeout is how long the acknowledgement of our SETTINGS may take (RFC
// 9113 6.5.3).
const settingsTimeout = 30 * time.Second

// watch looks at the time limits of all connections as long as there are any.
func (s *Server) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	s.workers.begin()
	var conns []*conn
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-s.wakeup:
		}
		if s.unwatched() {
			return
		}
		now := s.now()
		conns = s.snapshot(conns[:0])
		for _, c := range conns {
			c.check(now)
		}
		clear(conns)
		if n%4 == 0 {
			s.log.refill()
			s.workers.trim(false)
		}
	}
}

// unwatched ends the watch when there are no connections.
func (s *Server) unwatched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) > 0 {
		return false
	}
	s.workers.trim(true)
	s.watching = false
	return true
}

// check ends what took too long.
func (c *conn) check(now int64) {
	c.mu.Lock()
	c.flood.pass(time.Duration(now - c.times.checked))
	c.times.checked = now
	gone, cut := c.checkTimes(now)
	if !c.w.closed {
		c.streams.each(func(s *stream) { gone = s.check(now, gone) })
	}
	c.w.kick()
	c.mu.Unlock()
	gone.tell()
	if cut {
		c.nc.Interrupt()
	}
}

// checkTimes looks at the limits of the connection. cut says that it has to end
// without more words.
func (c *conn) checkTimes(now int64) (gone departures, cut bool) {
	cfg, t := &c.srv.cfg, &c.times
	late := func(since int64, limit time.Duration) bool {
		return since != 0 && limit > 0 && now-since >= int64(limit)
	}
	switch {
	case late(c.w.begun, cfg.WriteTimeout):
		return nil, true // the client takes nothing at all
	case c.w.closed:
		return nil, t.linger != 0 && now >= t.linger || late(c.w.endedAt, lingerTime)
	case late(t.head, cfg.HeadTimeout):
		return c.shut(&ConnError{Code: CodeNone, Detail: "the head did not arrive in time"}), false
	case late(t.settings, settingsTimeout):
		return c.shut(&ConnError{Code: CodeSettingsTimeout, Detail: "SETTINGS were not acknowledged"}), false
	case c.drain == drainAsked && now >= t.linger:
		return c.lastGoAway(), false
	case late(t.idle, cfg.IdleTimeout):
		c.beginDrain()
		return c.lastGoAway(), false
	case late(t.born, cfg.MaxAge):
		return c.beginDrain(), false
	}
	return nil, false
}

// begun starts the time limits of a stream.
func (s *stream) begun() {
	if t := s.c.srv.cfg.ReadTimeout; t > 0 && !s.remoteEnded && s.head.protocol == "" {
		s.readBy = s.record.Begun + int64(t)
	}
}

// check ends what of a stream took too long.
func (s *stream) check(now int64, gone departures) departures {
	if s.over {
		return gone
	}
	cfg := &s.c.srv.cfg
	switch {
	case s.lingers > 0:
		if now >= s.lingers {
			s.lingers = -1
			s.canSend.Broadcast()
		}
	case s.readBy != 0 && now >= s.readBy, s.tooSlow(now):
		s.readBy = 0
		s.body.abort(sock.ErrTimeout)
	case s.stalled != 0 && cfg.WriteTimeout > 0 && now-s.stalled >= int64(cfg.WriteTimeout), s.writeBy != 0 && now >= s.writeBy && !s.localEnded:
		s.err = sock.ErrTimeout
		s.canSend.Broadcast()
	}
	return gone
}

// tooSlow reports whether the body comes below the lowest rate. Only the time in
// which it was waited for counts.
func (s *stream) tooSlow(now int64) bool {
	cfg := &s.c.srv.cfg
	if cfg.MinBodyRate <= 0 || s.remoteEnded || s.head.protocol != "" {
		return false
	}
	waited := time.Duration(s.body.waited)
	if s.body.wanted {
		waited += time.Duration(now - s.body.wantedAt)
	}
	return waited > cfg.BodyPatience(s.body.got)
}
