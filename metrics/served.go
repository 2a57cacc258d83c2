package metrics

import (
	"sync"
	"time"
)

// idleAfter is how long a host must not have been asked for before it makes
// room for others.
const idleAfter = 10 * time.Minute

// servedHost is a host that clients ask for. Spellings of a host that give the
// same label share one.
type servedHost struct {
	label               string
	served, servedCount codeTable
	size                lazy

	// For the eviction of idle hosts.
	counted uint64
	since   time.Time
}

func (h *servedHost) count() uint64 {
	return h.served.count() + h.servedCount.count() + h.size.count()
}

// servedHosts are the hosts that clients ask for, found by spelling and told
// apart by label. Clients choose them, so their number is bounded: further
// ones are counted together, and when there is no room those that nobody asks
// for any more make some.
type servedHosts struct {
	bySpelling *table[servedHost]
	rest       servedHost // everything above the bound

	mu      sync.Mutex
	byLabel map[string]*servedHost
}

func (t *servedHosts) make(limit int) {
	t.bySpelling = newTable[servedHost](limit)
	t.byLabel = map[string]*servedHost{}
	t.rest.label = otherLabel
}

func (t *servedHosts) get(host string) *servedHost {
	if h := t.bySpelling.get(host); h != nil {
		return h
	}
	if len(host) > maxLabel {
		return &t.rest
	}
	if h := t.bySpelling.add(host, func() *servedHost { return t.labelled(hostLabel(host)) }); h != nil {
		return h
	}
	return &t.rest
}

func (t *servedHosts) labelled(label string) *servedHost {
	if label == otherLabel {
		return &t.rest
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.byLabel[label]
	if h == nil {
		h = &servedHost{label: label, since: time.Now()}
		t.byLabel[label] = h
	}
	return h
}

// list returns the hosts, and the rest when it was used.
func (t *servedHosts) list() []*servedHost {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*servedHost, 0, len(t.byLabel)+1)
	for _, h := range t.byLabel {
		all = append(all, h)
	}
	return append(all, &t.rest)
}

// makeRoom drops idle hosts when the table is full. It is called at every
// scrape. A request that is being counted for a host at that moment may be
// lost.
func (t *servedHosts) makeRoom() {
	idle := t.idle(time.Now())
	if len(idle) == 0 || !t.bySpelling.full() {
		return
	}
	t.mu.Lock()
	for h := range idle {
		delete(t.byLabel, h.label)
	}
	t.mu.Unlock()
	t.bySpelling.retain(func(h *servedHost) bool { return !idle[h] })
}

// idle returns the hosts that were not asked for since idleAfter.
func (t *servedHosts) idle(now time.Time) map[*servedHost]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	idle := map[*servedHost]bool{}
	for _, h := range t.byLabel {
		if n := h.count(); n != h.counted {
			h.counted, h.since = n, now
		} else if now.Sub(h.since) > idleAfter {
			idle[h] = true
		}
	}
	return idle
}

// ObserveServe reports a whole exchange: its route, the host that the client
// asked for, what it was answered and how long it took. r may be nil.
func (m *Metrics) ObserveServe(r *Route, host, method string, status int, d time.Duration) {
	if m == nil {
		return
	}
	on := &m.on
	if r != nil && (on.ServeRoute || on.ServeRouteCounter) {
		u := r.used()
		if on.ServeRoute {
			u.served.get(m.families.serveRoute, m.serveCode(status, method)).observe(int64(d))
		}
		if on.ServeRouteCounter {
			u.servedCount.get(m.families.serveRouteCount, codeOf(status, method)).add(1)
		}
	}
	if on.ServeHost || on.ServeHostCounter {
		h := m.served.get(host)
		if on.ServeHost {
			h.served.get(m.families.serveHost, m.serveCode(status, method)).observe(int64(d))
		}
		if on.ServeHostCounter {
			h.servedCount.get(m.families.serveHostCount, codeOf(status, method)).add(1)
		}
	}
}

// ObserveResponseSize reports the size in bytes of a response body that was
// sent to a client who asked for host.
func (m *Metrics) ObserveResponseSize(host string, size int64) {
	if m != nil {
		m.served.get(host).size.get(m.families.responseSize).observe(size)
	}
}

// serveCode is codeOf without the parts that the options leave out.
func (m *Metrics) serveCode(status int, method string) code {
	if !m.on.ServeStatusMetric {
		status = 0
	}
	if !m.on.ServeMethodMetric {
		method = ""
	}
	return codeOf(status, method)
}
