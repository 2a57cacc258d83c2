package acme

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// host is one name and its certificate. mu guards the first block; the second
// belongs to tend alone.
type host struct {
	name string

	mu       sync.Mutex
	cert     *tls.Certificate // nil: none yet
	next     time.Time
	failures int
	err      string
	obtained int

	since   time.Time // when cert came into use; zero: when we started
	due     time.Time // when it is to be renewed
	askAt   time.Time // when the CA is asked about that
	unsaved []byte    // a certificate that could not be stored
	saveAt  time.Time // when that is tried again
	lucky   string    // the challenge that worked
}

func (h *host) use(cert *tls.Certificate) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cert = cert
}

func (h *host) inUse() *tls.Certificate {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cert
}

func (h *host) state() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Status{Host: h.name, Next: h.next, Failures: h.failures, Err: h.err, Obtained: h.obtained}
	if h.cert != nil {
		s.NotBefore, s.NotAfter = h.cert.Leaf.NotBefore, h.cert.Leaf.NotAfter
	}
	return s
}

// tend keeps the certificate of one host good until ctx ends.
func (m *Manager) tend(ctx context.Context, h *host) {
	if cert := h.inUse(); cert != nil {
		h.due = renewAt(cert.Leaf, time.Time{}, rand.Float64())
	}
	for {
		next := m.step(ctx, h)
		h.mu.Lock()
		h.next = next
		h.mu.Unlock()
		if !waitUntil(ctx, next) {
			return
		}
	}
}

// step does what is due and returns when to come again.
func (m *Manager) step(ctx context.Context, h *host) time.Time {
	if h.unsaved != nil && !time.Now().Before(h.saveAt) {
		m.saveLate(ctx, h)
	}
	if cert := h.inUse(); cert != nil && time.Now().Before(h.due) {
		m.ask(ctx, h, cert)
	}
	if h.inUse() == nil || !time.Now().Before(h.due) {
		if pause := m.renew(ctx, h); pause > 0 {
			return time.Now().Add(pause)
		}
	}
	next := earlier(h.due, h.askAt)
	if h.unsaved != nil {
		next = earlier(next, h.saveAt)
	}
	return next
}

// ask asks the CA when to renew, if it is time to ask (RFC 9773 section 4). A CA
// that cannot say so leaves our own time.
func (m *Manager) ask(ctx context.Context, h *host, cert *tls.Certificate) {
	now := time.Now()
	if now.Before(h.askAt) || !m.enter(ctx) {
		return
	}
	defer m.leave()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	h.askAt = now.Add(ariPeriod)
	info, err := m.newOrder(h.name, nil).client.GetRenewalInfo(ctx, cert.Leaf)
	if err != nil {
		m.log.Debug("the CA does not say when to renew", "host", h.name, "ca", m.values.Directory, "error", shown(err))
		return
	}
	if info.RetryAfter != nil {
		h.askAt = now.Add(min(max(info.RetryAfter.Sub(now), ariShortest), ariLongest))
	}
	due := h.notBefore(renewAt(cert.Leaf, info.SelectedTime, 0))
	if due.Before(now) && now.Before(h.due) {
		m.log.Warn("the CA wants the certificate renewed now", "host", h.name, "ca", m.values.Directory, "explanation", info.ExplanationURL)
	}
	h.due = due
}

// renew gets a better certificate, from another process by way of the storage or
// from the CA. It returns how long to wait before the next try, 0 after success.
func (m *Manager) renew(ctx context.Context, h *host) time.Duration {
	before := h.inUse()
	from, stayAway, err := m.better(ctx, h)
	cert := h.inUse()
	if cert != before {
		m.publish()
	}
	switch {
	case err == nil:
		h.tried("")
		if from != fromStorage {
			h.count() // after OnChange: who sees the count sees the certificate
		}
		m.log.Info("certificate in use", "host", h.name, "from", from, "not_after", cert.Leaf.NotAfter, "renew_at", h.due)
		return 0
	case ctx.Err() != nil:
		return longestSleep // nobody waits for it
	}
	failures := h.tried(shown(err))
	pause := max(m.retry(failures, !unreachable(err)), stayAway, time.Millisecond)
	serves := "no certificate"
	if cert != nil {
		serves = "the one that ends " + cert.Leaf.NotAfter.UTC().Format(time.RFC3339)
	}
	m.log.Error("certificate not obtained", "host", h.name, "ca", m.values.Directory, "error", shown(err),
		"do", advice(err), "failures", failures, "next_try", time.Now().Add(pause), "serves_meanwhile", serves)
	return pause
}

// tried remembers how a try ended and returns how many in a row have failed.
func (h *host) tried(err string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err = err; err == "" {
		h.failures = 0
	} else {
		h.failures++
	}
	return h.failures
}

func (h *host) count() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.obtained++
}

// fromStorage is where a certificate is from that another process obtained.
const fromStorage = "storage"

// better puts a better certificate in use and says where it is from. stayAway is
// how long the CA asked for peace.
func (m *Manager) better(ctx context.Context, h *host) (from string, stayAway time.Duration, err error) {
	unlock, err := m.lock(ctx, m.bundleKey(h.name))
	if err != nil {
		return "", 0, err
	}
	defer unlock()
	stored, err := m.loadBundle(ctx, h.name)
	if err != nil {
		return "", 0, err
	}
	if isNewer(stored, h.inUse()) {
		h.unsaved = nil
		if m.adopt(h, stored); time.Now().Before(h.due) {
			return fromStorage, 0, nil
		}
	}
	if !m.enter(ctx) {
		return "", 0, context.Cause(ctx)
	}
	defer m.leave()
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	o := m.newOrder(h.name, h.inUse())
	cert, text, err := o.obtain(ctx, m.challenges(h))
	if err != nil {
		return "", o.guard.pause(), err
	}
	h.unsaved, h.lucky = text, o.kind
	m.save(ctx, h)
	m.adopt(h, cert)
	return "ca, " + o.kind, 0, nil
}

// lock takes a lock of the storage. That it cannot be given back is worth a
// line, but fails nothing.
func (m *Manager) lock(ctx context.Context, name string) (func(), error) {
	unlock, err := m.storage.Lock(ctx, name)
	if err != nil {
		return nil, err
	}
	return func() {
		if err := unlock(context.WithoutCancel(ctx)); err != nil {
			m.log.Warn("lock not given back", "lock", name, "error", shown(err))
		}
	}, nil
}

// adopt puts a certificate in use. The CA is asked next when to renew it.
func (m *Manager) adopt(h *host, cert *tls.Certificate) {
	h.use(cert)
	h.since, h.askAt = time.Now(), time.Now()
	h.due = h.notBefore(renewAt(cert.Leaf, time.Time{}, rand.Float64()))
}

// notBefore puts off a renewal that would come right after the last: a CA whose
// certificates are due when they arrive would make us order without end.
func (h *host) notBefore(due time.Time) time.Time {
	if h.since.IsZero() {
		return due
	}
	leaf := h.inUse().Leaf
	earliest := h.since.Add(min(time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/6))
	if due.Before(earliest) {
		return earliest
	}
	return due
}

// challenges returns the challenges to try, what worked before first. After a
// failure they take turns, one for each try: failed ones count.
func (m *Manager) challenges(h *host) []string {
	kinds := slices.Clone(m.values.Challenges)
	if i := slices.Index(kinds, h.lucky); i > 0 {
		kinds[0], kinds[i] = kinds[i], kinds[0]
	}
	if failures := h.state().Failures; failures > 0 {
		return kinds[failures%len(kinds):][:1]
	}
	return kinds
}

// saveLate stores a certificate that could not be stored before, unless another
// process has stored a better one.
func (m *Manager) saveLate(ctx context.Context, h *host) {
	unlock, err := m.lock(ctx, m.bundleKey(h.name))
	if err != nil {
		h.saveAt = time.Now().Add(savePeriod)
		return
	}
	defer unlock()
	if stored, err := m.loadBundle(ctx, h.name); err == nil && isNewer(stored, h.inUse()) {
		h.unsaved = nil
		return
	}
	m.save(ctx, h)
}

// save stores a new certificate. When that fails it is in use all the same, and
// storing is tried again.
func (m *Manager) save(ctx context.Context, h *host) {
	h.saveAt = time.Now().Add(savePeriod)
	err := m.storage.Store(ctx, m.bundleKey(h.name), h.unsaved)
	if err == nil {
		h.unsaved = nil
		return
	}
	m.log.Error("certificate not stored: it serves, but a restart would obtain another", "host", h.name,
		"error", shown(err), "do", "check that acme-storage can be written and is not full")
}

// enter waits for a place among the orders in progress.
func (m *Manager) enter(ctx context.Context) bool {
	select {
	case m.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (m *Manager) leave() { <-m.slots }
