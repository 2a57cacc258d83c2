package http3

import (
	"log/slog"
	"sync"
	"time"
)

// A client can make us work with little of its own: by frames that carry nothing,
// by streams it gives up at once or that are malformed. Each costs points of a
// budget that fills with time and with useful work; who has none left is
// disconnected (RFC 9114 10.5).
type flood struct {
	mu      sync.Mutex
	at      int64 // when the budgets were filled last, on the sweeper's clock
	chatter budget
	resets  budget
}

// budget is a number of points that fills with time.
type budget struct {
	points, most float64
	rate         float64 // points a second
}

func (f *flood) begin(now int64) {
	f.at = now
	f.chatter = budget{points: 4000, most: 4000, rate: 400}
	f.resets = budget{points: 400, most: 400, rate: 50}
}

// spend takes n points of b; false when there are not so many.
func (f *flood) spend(b *budget, n int, now int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	passed := float64(now-f.at) / float64(time.Second)
	f.at = now
	for _, b := range [...]*budget{&f.chatter, &f.resets} {
		b.points = min(b.points+b.rate*passed, b.most)
	}
	b.points -= float64(n)
	return b.points >= 0
}

// earn gives what a response is worth: who gets them may also send some frames
// without a use, and give up every second request.
func (f *flood) earn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chatter.points = min(f.chatter.points+8, f.chatter.most)
	f.resets.points = min(f.resets.points+1, f.resets.most)
}

// chat pays for frames that carry nothing.
func (c *conn) chat(n int, what string) error {
	if c.flood.spend(&c.flood.chatter, n, c.srv.sweeper.Now()) {
		return nil
	}
	return connError(CodeExcessiveLoad, "too many frames without a use, the last was %s", what)
}

// gaveUp pays for a stream that ended without a good request or a response.
func (c *conn) gaveUp(what string) {
	if !c.flood.spend(&c.flood.resets, 1, c.srv.sweeper.Now()) {
		c.ended(connError(CodeExcessiveLoad, "too many streams without a response, the last was %s", what))
	}
}

// answered earns for a response.
func (c *conn) answered() { c.flood.earn() }

// attackLog logs what clients did wrong, without letting them fill the log.
type attackLog struct {
	log *slog.Logger
	now func() int64

	mu         sync.Mutex
	second     int64
	lines      int
	suppressed int
}

// linesPerSecond bounds what is logged about clients.
const linesPerSecond = 5

// may reports whether there may be a line now, and how many there were not since
// the last.
func (l *attackLog) may() (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.now() / int64(time.Second); s != l.second {
		l.second, l.lines = s, 0
	}
	if l.lines++; l.lines > linesPerSecond {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed = l.suppressed, 0
	return suppressed, true
}

// ended logs why a connection was ended from here.
func (l *attackLog) ended(client string, e *ConnError) {
	if n, ok := l.may(); ok {
		l.log.Warn("HTTP/3 connection ended", "client", client, "code", e.Code.String(), "detail", e.Detail, "not_logged_before", n)
	}
}

// refused logs why a connection was not served.
func (l *attackLog) refused(client string, err error) {
	if n, ok := l.may(); ok {
		l.log.Warn("HTTP/3 connection refused", "client", client, "error", err, "not_logged_before", n)
	}
}
