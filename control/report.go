package control

import (
	"time"
)

// maxLogged bounds how many routes and how many problems one update logs.
const maxLogged = 20

// report makes the Status known and logs what changed.
func (l *Loop) report(start time.Time, c *change) {
	before, now := l.status.Load(), l.snapshot()
	l.status.Store(now)
	if before.Generation != now.Generation {
		l.logUpdate(start, c, now)
	}
	l.logProblems(now.Invalid)
	if now.Loaded && now.Generation > 0 {
		l.all.Do(func() { close(l.loaded) })
	}
	if l.Observe != nil {
		l.Observe(now)
	}
}

func (l *Loop) logUpdate(start time.Time, c *change, now *Status) {
	l.Log.Info("routes updated", "generation", now.Generation, "routes", now.Len(), "invalid", len(now.Invalid),
		"added", c.added.n, "changed", c.changed.n, "removed", c.removed.n, "took", time.Since(start))
	if l.Quiet || now.Generation == 1 {
		return
	}
	left := maxLogged
	for _, kind := range []struct {
		what string
		ids  []string
	}{{"route added", c.added.first}, {"route changed", c.changed.first}, {"route removed", c.removed.first}} {
		for _, id := range kind.ids[:min(left, len(kind.ids))] {
			l.Log.Info(kind.what, "route", id) //nolint:sloglint // one of three constants
			left--
		}
	}
}

// logProblems logs those problems that were not there before.
func (l *Loop) logProblems(problems []Invalid) {
	said := make(map[string]bool, len(problems))
	fresh := 0
	for _, p := range problems {
		text := p.Err.Error()
		key := p.Source + "\x00" + p.RouteID + "\x00" + text
		if said[key] = true; l.said[key] {
			continue
		}
		if fresh++; fresh <= maxLogged {
			l.Log.Error("route is not valid", "route", p.RouteID, "source", p.Source, "reason", p.Reason, "still_serving", p.Serving, "error", text)
		}
	}
	if fresh > maxLogged {
		l.Log.Error("more routes are not valid", "count", fresh-maxLogged)
	}
	l.said = said
}

// logErrors logs errors of sources.
func (l *Loop) logErrors(errs []error) {
	for _, err := range errs {
		l.Log.Error("routes cannot be read, those read before keep serving", "error", err)
	}
}
