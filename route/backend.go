package route

import (
	"errors"
	"fmt"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/kit/suggest"
)

// backend resolves the backend of def. Mistakes in it belong to the start of
// the definition: the language keeps no place for backends.
func (b *builder) backend(def *eskip.Route) {
	to := &b.route.Backend
	to.Type = def.Backend.Type
	switch def.Backend.Type {
	case eskip.Network:
		b.acquire(def, def.Backend.Address, "")
	case eskip.Forward:
		to.Type = eskip.Network
		if b.ForwardURL == "" {
			b.fail(Other, at(def.Pos, errors.New("backend <forward>: there is nothing to forward to, set the option forward-backend-url")))
			return
		}
		b.acquire(def, b.ForwardURL, "")
	case eskip.LB:
		b.balanced(def)
	}
}

func (b *builder) balanced(def *eskip.Route) {
	lb := &def.Backend
	algorithm := b.algorithm(def)
	if len(lb.Endpoints) == 0 {
		b.fail(FailedBackendSplit, at(def.Pos, errors.New("a load balanced backend without endpoints")))
		return
	}
	b.route.Backend.Endpoints = make([]*backend.Endpoint, 0, len(lb.Endpoints))
	for _, e := range lb.Endpoints {
		b.acquire(def, e.Address, e.Zone)
	}
	all := b.route.Backend.Endpoints
	for _, e := range all {
		if e.Scheme != all[0].Scheme {
			b.fail(FailedBackendSplit, at(def.Pos, fmt.Errorf("a load balanced backend with endpoints of the schemes %q and %q: all must have the same", all[0].Scheme, e.Scheme)))
			break
		}
	}
	if algorithm == nil || len(b.faults) > 0 {
		return
	}
	if err := protect(func() { b.route.Backend.Algorithm = algorithm.New(all) }); err != nil {
		b.fail(Other, at(def.Pos, fmt.Errorf("load balancing algorithm %q: %w", algorithm.Name, err)))
	}
}

func (b *builder) acquire(def *eskip.Route, address, zone string) {
	e, err := b.Endpoints.Acquire(address, zone)
	if err != nil {
		b.fail(FailedBackendSplit, at(def.Pos, err))
		return
	}
	if b.route.Backend.Endpoints == nil {
		b.route.Backend.Endpoints = b.route.Backend.one[:0]
	}
	b.route.Backend.Endpoints = append(b.route.Backend.Endpoints, e)
}

// defaultAlgorithm is that of spec 1.4.
const defaultAlgorithm = "roundRobin"

func (b *builder) algorithm(def *eskip.Route) *backend.AlgorithmDef {
	name := def.Backend.Algorithm
	if name == "" {
		name = b.DefaultAlgorithm
	}
	if name == "" {
		name = defaultAlgorithm
	}
	if a := backend.LookupAlgorithm(name); a != nil {
		return a
	}
	var known []string
	for _, a := range backend.Algorithms() {
		known = append(known, a.Name)
	}
	hint := fmt.Sprintf("expected one of %q", known)
	if n := suggest.Nearest(name, known); n != "" {
		hint = fmt.Sprintf("did you mean %q?", n)
	}
	b.fail(Other, at(def.Pos, fmt.Errorf("unknown load balancing algorithm %q, %s", name, hint)))
	return nil
}
