package metrics

import "time"

// maxZones bounds how many availability zones are told apart.
const maxZones = 1000

// Host is the handle of one backend address. Get it with Metrics.Host when the
// endpoint is made, Drop it when it goes.
type Host struct {
	metrics *Metrics
	host    *backendHost
	zone    *zone
}

// backendHost is what the handles of equal addresses share.
type backendHost struct {
	label   string
	refs    int32
	backend lazy
	header  lazy
}

func (h *backendHost) users() *int32 { return &h.refs }

// zone is one availability zone.
type zone struct {
	name    string
	backend lazy
}

// Host returns a handle for the backend address (host:port) in the availability
// zone, "" when that is unknown. m keeps neither string.
func (m *Metrics) Host(address, zoneName string) *Host {
	if m == nil {
		return nil
	}
	h := &Host{metrics: m}
	label := hostLabel(address)
	if host, ok := m.hosts.acquire(label, func() *backendHost { return &backendHost{label: label} }); ok {
		h.host = host
	} else {
		h.host = &m.restHost
	}
	if zoneName != "" && m.on.BackendZone {
		h.zone = named(m.zones, zoneName, func(name string) *zone { return &zone{name: name} })
	}
	return h
}

// Drop gives the handle back. The last one of an address removes what was
// counted for it. Call it once.
func (h *Host) Drop() {
	if h != nil && h.host != &h.metrics.restHost {
		h.metrics.hosts.release(h.host.label, h.host)
	}
}

func (h *Host) observe(m *Metrics, d time.Duration) {
	if m.on.BackendHost {
		h.host.backend.get(m.families.backend).observe(int64(d))
	}
	if h.zone != nil {
		h.zone.backend.get(m.families.backend).observe(int64(d))
	}
}

// ObserveHeader reports the size in bytes of the header section of a request
// that was sent to the backend.
func (h *Host) ObserveHeader(size int) {
	if h != nil {
		h.host.header.get(h.metrics.families.backendHeader).observe(int64(size))
	}
}
