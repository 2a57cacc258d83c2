package metrics

import "time"

// maxRefusals bounds the series of refused connections: reasons are constants
// of the code, each once for each listener.
const maxRefusals = 200

// refusal is the counter of one reason at one listener.
type refusal struct {
	listener, reason string
	series           *series
}

// ConnRefused counts a connection that listener ended before it was served.
func (m *Metrics) ConnRefused(listener, reason string) {
	if m == nil {
		return
	}
	named(m.refusals, listener+"/"+reason, func(name string) *refusal {
		if name == otherLabel {
			listener, reason = otherLabel, otherLabel
		}
		return &refusal{listener, reason, m.families.connRefused.newSeries()}
	}).series.add(1)
}

// ObserveHandshake reports how long a TLS handshake with a client took, its
// round trips included.
func (m *Metrics) ObserveHandshake(d time.Duration) {
	if m != nil {
		m.shared.handshakes.observe(int64(d))
	}
}
