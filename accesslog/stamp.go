package accesslog

import (
	"sync/atomic"
	"time"
)

// stamps formats times and remembers the last second: there are many lines in
// one.
type stamps struct{ last atomic.Pointer[stamp] }

type stamp struct {
	second int64
	zone   *time.Location
	text   string
}

func (s *stamps) append(b []byte, t time.Time) []byte {
	second, last := t.Unix(), s.last.Load()
	if last != nil && last.second == second && last.zone == t.Location() {
		return append(b, last.text...)
	}
	from := len(b)
	b = t.AppendFormat(b, dateLayout)
	// Requests that took long come with old times: they do not replace a newer.
	if last == nil || second > last.second || last.zone != t.Location() {
		s.last.Store(&stamp{second: second, zone: t.Location(), text: string(b[from:])})
	}
	return b
}
