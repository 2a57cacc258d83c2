package proxy

import (
	"log/slog"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/message"
)

// mostLines bounds the lines per second about requests that failed or were
// refused for one reason: clients decide how many there are. The access log has
// every request.
const mostLines = 5

// rations has one for each message.Reason, so that what one client does hides
// nothing of another kind.
type rations []ration

func newRations() rations { return make(rations, len(message.Reasons())+1) }

func (r rations) of(why message.Reason) *ration {
	if int(why) >= len(r) {
		why = message.ReasonNone
	}
	return &r[why]
}

// ration lets so many lines pass in each second.
type ration struct{ second, given, withheld atomic.Int64 }

// take reports whether one more line may be written at now, a point on the
// sweeper's clock, and how many were withheld before it.
func (r *ration) take(now int64) (withheld int64, ok bool) {
	s := now / int64(time.Second)
	if old := r.second.Load(); old != s && r.second.CompareAndSwap(old, s) {
		r.given.Store(0)
	}
	if r.given.Add(1) > mostLines {
		r.withheld.Add(1)
		return 0, false
	}
	return r.withheld.Swap(0), true
}

// logSome logs what clients can make happen as often as they like.
func (e *passage) logSome(level slog.Level, why message.Reason, what string, args ...any) {
	withheld, ok := e.p.lines.of(why).take(e.now())
	if !ok {
		return
	}
	if withheld > 0 {
		args = append(args, "withheld", withheld)
	}
	e.p.log.Log(e.p.base, level, what, args...) //nolint:sloglint // the callers say it in literals
}
