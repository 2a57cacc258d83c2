package issuer

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// complaints logs that a service fails, and not once for each request.
type complaints struct {
	log  *slog.Logger
	last atomic.Int64 // unix nanoseconds
}

// complaintPause is between two lines about one service.
const complaintPause = 10 * time.Second

func (c *complaints) of(service string, err error) {
	now, last := time.Now().UnixNano(), c.last.Load()
	if now-last < int64(complaintPause) || !c.last.CompareAndSwap(last, now) {
		return
	}
	c.log.Error("tokens cannot be checked: requests with tokens that are not remembered are refused", "service", service, "why", err)
}
