package auth

import (
	"strconv"
	"strings"
	"sync"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "jwtMetrics",
	Params:  []arg.Param{{Name: "config", Type: arg.Text, Optional: true}},
	Doc:     "counts requests without a token (JWT), or with one that is none, of another issuer or without the claims asked for, and lets all pass; the argument is YAML with issuers, claims, optOutAnnotations, optOutStateBag and optOutHosts",
	Example: `* -> jwtMetrics("{issuers: ['https://accounts.example.org'], optOutHosts: ['^public[.]']}") -> "http://127.0.0.1:8080"`,
	Differs: "unknown keys of the YAML are errors; hosts above the first 500, and methods that are none of HTTP, are counted together as _other_, for they come from clients",
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		f := &jwtMetrics{
			metrics:  env.Metrics,
			counters: env.Shared(countersKey{}, func() any { return &counters{known: map[countKey]filter.Counter{}, hosts: map[string]bool{}} }).(*counters),
		}
		return f, readYAML(v, &f.config, &f.config.optOut)
	},
})

type jwtMetrics struct {
	filter.ResponseOnly
	metrics  filter.Metrics
	counters *counters
	config   struct {
		optOut  `yaml:",inline"`
		Issuers []string            `yaml:"issuers"`
		Claims  []map[string]string `yaml:"claims"`
	}
}

func (f *jwtMetrics) Response(c *filter.Context) {
	if s := c.Response.Status; s >= 400 && s < 500 || f.config.applies(c) {
		return
	}
	what := f.look(&c.Request.Header)
	if what == "" {
		return
	}
	f.counters.of(f.metrics, countKey{c.Request.Method, c.Request.Host, c.Response.Status, what}).Add(1)
	c.Trace.SetTag("jwt", what)
}

// look says what is wrong with the token, "" if nothing is.
func (f *jwtMetrics) look(h *message.Header) string {
	value := h.Get("Authorization")
	if value == "" {
		return "missing-token"
	}
	token, ok := strings.CutPrefix(value, "Bearer ")
	if !ok {
		return "invalid-token-type"
	}
	if len(f.config.Issuers) == 0 && len(f.config.Claims) == 0 {
		return ""
	}
	claims, err := issuer.Unverified(token)
	if err != nil {
		return "invalid-token"
	}
	if len(f.config.Claims) > 0 && !f.hasClaims(claims) {
		return "invalid-claims"
	}
	if len(f.config.Issuers) == 0 {
		return ""
	}
	iss, ok := claims.Text("iss")
	if !ok {
		return "missing-issuer"
	}
	for _, good := range f.config.Issuers {
		if iss == good {
			return ""
		}
	}
	return "invalid-issuer"
}

// hasClaims reports whether one of the sets of claims is there.
func (f *jwtMetrics) hasClaims(claims issuer.Claims) bool {
next:
	for _, set := range f.config.Claims {
		for key, value := range set {
			if v, ok := claims.Text(key); !ok || v != value {
				continue next
			}
		}
		return true
	}
	return false
}

// counters are those of all instances. What clients choose is bounded.
type counters struct {
	mu    sync.RWMutex
	known map[countKey]filter.Counter
	hosts map[string]bool
}

type countersKey struct{}

type countKey struct {
	method, host string
	status       int
	what         string
}

const (
	mostHosts    = 500
	mostCounters = 20_000
	other        = "_other_"
)

// of returns the counter of k, made when it is first asked for.
func (c *counters) of(m filter.Metrics, k countKey) filter.Counter {
	k.method, k.host = methodOf(k.method), escape(k.host)
	c.mu.RLock()
	found := c.known[k]
	c.mu.RUnlock()
	if found != nil {
		return found
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k.host = strings.Clone(k.host) // it is kept
	switch {
	case c.hosts[k.host]:
	case len(c.hosts) >= mostHosts:
		k.host = other
	default:
		c.hosts[k.host] = true
	}
	if len(c.known) >= mostCounters {
		k = countKey{other, other, 0, k.what}
	}
	if found = c.known[k]; found == nil {
		found = m.Counter("jwtMetrics.custom." + k.method + "." + k.host + "." + strconv.Itoa(k.status) + "." + k.what)
		c.known[k] = found
	}
	return found
}

// methodOf returns a method as a constant, so that nothing of the request is kept.
func methodOf(m string) string {
	for _, known := range [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"} {
		if m == known {
			return known
		}
	}
	return other
}

// escape replaces what may not stand in a segment of a key.
func escape(host string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, host)
}
