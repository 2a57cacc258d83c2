package http2

import (
	"log/slog"
	"sync"
)

// attackLog logs why connections were ended, without letting a client fill the
// log.
type attackLog struct {
	log *slog.Logger

	mu         sync.Mutex
	spent      int // lines since the last refill
	suppressed int
}

// linesPerRefill bounds what is logged between two refills.
const linesPerRefill = 5

// connEnded logs why a connection was ended from here.
func (l *attackLog) connEnded(client string, e *ConnError) {
	l.mu.Lock()
	l.spent++
	if l.spent > linesPerRefill {
		l.suppressed++
		l.mu.Unlock()
		return
	}
	more := l.suppressed
	l.suppressed = 0
	l.mu.Unlock()
	l.log.Warn("HTTP/2 connection ended", "client", client, "code", e.Code.String(), "detail", e.Detail, "not_logged_before", more)
}

// refill is called about once a second.
func (l *attackLog) refill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spent = 0
}
