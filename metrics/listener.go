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

// maxEndings bounds the series of ended connections: codes are those of the
// protocols.
const maxEndings = 100

// ending is the counter of one code of one protocol.
type ending struct {
	protocol, code string
	series         *series
}

// ConnEnded counts a connection that speaks protocol, such as HTTP/2, and was
// ended with a code because of what the client did.
func (m *Metrics) ConnEnded(protocol, code string) {
	if m == nil {
		return
	}
	named(m.endings, protocol+" "+code, func(name string) *ending {
		if name == otherLabel {
			protocol, code = otherLabel, otherLabel
		}
		return &ending{protocol, code, m.families.connEnded.newSeries()}
	}).series.add(1)
}

// ObserveHandshake reports how long a TLS handshake with a client took, its
// round trips included.
func (m *Metrics) ObserveHandshake(d time.Duration) {
	if m != nil {
		m.shared.handshakes.observe(int64(d))
	}
}
