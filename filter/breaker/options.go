package breaker

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/option"
)

// Values are the options of circuit breakers (spec 1.8).
type Values struct {
	Enable  bool       `flag:"enable-breakers" doc:"has no effect: breakers of routes always work"`
	Breaker []Settings `flag:"breaker" repeat:"true" type:"breaker" doc:"circuit breaker for all endpoints, or with host for those of one: type=rate,host=example.org,failures=30,window=300,timeout=10s,half-open-requests=3,idle-ttl=1h; type is consecutive, rate or disabled; each use adds one"`
}

// Options declares the options of circuit breakers.
var Options = option.Define("breakers", Values{})

// defaults are what -breaker says: for all and for hosts, the latter completed by
// the former.
type defaults struct {
	all   Settings
	hosts map[string]Settings
}

// readDefaults reads -breaker. Of several for the same the last counts.
func readDefaults(set *option.Set) (defaults, error) {
	d := defaults{hosts: map[string]Settings{}}
	given := Options.From(set).Breaker
	for _, s := range given {
		if s.Host == "" {
			d.all = s
		}
	}
	for _, s := range given {
		if s.Host == "" {
			continue
		}
		merged := s
		if s.Type == Unset && (d.all.Type == Unset || d.all.Type == Disabled) {
			merged.Type = Consecutive
		}
		merged = merged.over(d.all)
		if err := merged.check(); err != nil {
			return d, fmt.Errorf("option -breaker for host %q: %w", s.Host, err)
		}
		d.hosts[s.Host] = merged
	}
	return d, nil
}

// below returns the settings for an endpoint at address (host:port) that a route may
// change.
func (d *defaults) below(address string) Settings {
	if s, ok := d.hosts[strings.ToLower(address)]; ok {
		return s
	}
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		if s, ok := d.hosts[strings.ToLower(strings.Trim(address[:i], "[]"))]; ok {
			return s
		}
	}
	return d.all
}

// none reports whether no endpoint has a breaker unless its route says so.
func (d *defaults) none() bool {
	for _, s := range d.hosts {
		if s.Type != Disabled {
			return false
		}
	}
	return d.all.Type == Unset || d.all.Type == Disabled
}

// Always returns the filters of -breaker, which every route begins with; has is not
// asked. The error says what is wrong with the options.
func Always(env *filter.Env) (func(has func(name string) bool) []filter.Filter, error) {
	d, err := readDefaults(env.Options)
	if err != nil {
		return nil, err
	}
	var all []filter.Filter
	if !d.none() {
		all = append(all, always{newGuard(env, Settings{})})
	}
	return func(func(string) bool) []filter.Filter { return all }, nil
}

// always is the filter of all routes: none of them closes it.
type always struct{ filter.Filter }

// Phases returns InRequest.
func (always) Phases() filter.Phase { return filter.InRequest }
