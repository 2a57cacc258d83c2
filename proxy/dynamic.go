package proxy

import (
	"fmt"
	"sync"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/pool"
)

// mostDynamic bounds how many addresses of dynamic backends are remembered.
const mostDynamic = 1024

// dynamicEndpoints remembers the endpoints that filters chose.
type dynamicEndpoints struct {
	set    *backend.Set
	dialer *pool.Dialer // nil: that of all routes
	mu     sync.Mutex
	known  map[string]*backend.Endpoint
}

// dynamicEndpoint returns the target that the filters chose; what they did not
// choose is taken from the request (spec 1.4). Targets that come from requests
// have endpoints of their own, so that none of their connections is one that only
// routes may use.
func (p *Proxy) dynamicEndpoint(c *filter.Context) (*backend.Endpoint, error) {
	scheme, address := c.Upstream.Scheme, c.Upstream.Address
	if scheme == "" {
		scheme = c.Request.Scheme
	}
	if address == "" {
		address = c.Request.Host
	}
	if address == "" {
		return nil, fmt.Errorf("dynamic backend of route %q: neither a filter nor the request names a host", c.RouteID)
	}
	d := &p.guarded
	if c.Upstream.Configured || p.guard.allowsName(address) {
		d = &p.dynamic
	}
	ep, err := d.endpoint(scheme+"://"+address, p)
	if err != nil {
		return nil, fmt.Errorf("dynamic backend of route %q: %w", c.RouteID, err)
	}
	return ep, nil
}

func (d *dynamicEndpoints) endpoint(key string, p *Proxy) (*backend.Endpoint, error) {
	d.mu.Lock()
	ep := d.known[key]
	d.mu.Unlock()
	if ep != nil {
		return ep, nil
	}
	ep, err := d.set.Acquire(key, "")
	if err != nil {
		return nil, err
	}
	if d.dialer != nil && ep.Transport() == nil {
		p.newTransport(ep, d.dialer)
	}
	for _, old := range d.remember(key, ep) {
		_ = d.set.Release(old)
	}
	return ep, nil
}

// remember keeps ep and returns what has to be released for it.
func (d *dynamicEndpoints) remember(key string, ep *backend.Endpoint) (old []*backend.Endpoint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[string]*backend.Endpoint{}
	}
	if d.known[key] != nil {
		return []*backend.Endpoint{ep} // another request was faster
	}
	if len(d.known) >= mostDynamic {
		for k, e := range d.known {
			old = append(old, e)
			delete(d.known, k)
		}
	}
	d.known[key] = ep
	return old
}
