package window

import "time"

// mostTimes is how many times one ring keeps at most.
const mostTimes = 1024

// event is one or several events and the time of the last of them.
type event struct {
	at    time.Duration
	count int32
}

// ring keeps the events of the last d in the order in which they came. It is
// guarded by its owner.
type ring struct {
	events []event // as a ring, oldest at first
	first  int
	used   int
	total  int           // events in it
	begun  time.Duration // when the newest entry had its first event
}

// rule is what rings are asked by.
type rule struct {
	n    int
	d    time.Duration
	near time.Duration // events nearer than this share a time
}

func newRule(n int, d time.Duration) rule {
	r := rule{n: n, d: d}
	if n > mostTimes {
		r.near = d / mostTimes
	}
	return r
}

// allow counts an event at now if it is one of at most n in the last d. If not,
// it returns how long it takes until the next is. grow asks for room for so many
// more times.
func (r *ring) allow(now time.Duration, by *rule, grow func(times int) bool) (ok bool, wait time.Duration) {
	r.expire(now, by.d)
	if r.total >= by.n {
		if r.used == 0 { // n is 0
			return false, by.d
		}
		return false, r.events[r.first].at + by.d - now
	}
	r.total++
	if r.used > 0 {
		newest := &r.events[(r.first+r.used-1)%len(r.events)]
		if by.near > 0 && now-r.begun < by.near || r.used == len(r.events) && !r.enlarge(by, grow) {
			newest.at = max(newest.at, now)
			newest.count++
			return true, 0
		}
	} else if len(r.events) == 0 && !r.enlarge(by, grow) {
		r.total--
		return false, by.d
	}
	r.events[(r.first+r.used)%len(r.events)] = event{now, 1}
	r.used++
	r.begun = now
	return true, 0
}

// expire forgets what is older than d.
func (r *ring) expire(now, d time.Duration) {
	for r.used > 0 && r.events[r.first].at+d <= now {
		r.total -= int(r.events[r.first].count)
		if r.first++; r.first == len(r.events) {
			r.first = 0
		}
		r.used--
	}
}

// enlarge doubles the memory of the ring, if it may.
func (r *ring) enlarge(by *rule, grow func(int) bool) bool {
	most := min(by.n, mostTimes+1)
	size := min(max(2*len(r.events), 1), most)
	if size <= len(r.events) || grow != nil && !grow(size-len(r.events)) {
		return false
	}
	events := make([]event, size)
	for i := range r.used {
		events[i] = r.events[(r.first+i)%len(r.events)]
	}
	r.events, r.first = events, 0
	return true
}

// empty reports whether no event counts any more.
func (r *ring) empty(now, d time.Duration) bool {
	if r.used == 0 {
		return true
	}
	return r.events[(r.first+r.used-1)%len(r.events)].at+d <= now
}
