package health

// endPeriod looks at what became of the requests of the period that has ended
// (-passive-health-check, spec 1.4).
func (m *Monitor) endPeriod() {
	m.mu.Lock()
	all := make([]*watch, 0, len(m.watched))
	for w := range m.watched {
		all = append(all, w)
	}
	m.mu.Unlock()
	for _, w := range all {
		drop, weight := m.passive.judge(w.requests.Swap(0), w.failed.Swap(0))
		if drop != w.ep.Drop() {
			w.ep.SetDrop(drop)
		}
		if weight != w.ep.Weight() {
			w.ep.SetWeight(weight)
		}
	}
}

// judge returns the probability with which requests are to avoid an endpoint, and its
// weight: the part of the requests that it answered, but never nothing, so that it is
// noticed when it is well again.
func (p *passive) judge(requests, failed int64) (drop, weight float64) {
	if requests == 0 || requests < int64(p.minRequests) {
		return 0, 1
	}
	share := float64(failed) / float64(requests)
	weight = max(1-share, 1-p.most)
	if share <= p.least {
		return 0, weight
	}
	return min(share, p.most), weight
}
