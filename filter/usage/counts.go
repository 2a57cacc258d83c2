package usage

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/filter"
)

// prefix begins all keys.
const prefix = "apiUsageMonitoring.custom."

// unknown stands where nothing is known.
const unknown = "{unknown}"

// methods are those that have keys of their own.
func methods() [9]string {
	return [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"}
}

// classes are the counters by the first digit of the status.
func classes() [6]string {
	return [...]string{"httpxxx_count", "http1xx_count", "http2xx_count", "http3xx_count", "http4xx_count", "http5xx_count"}
}

func class(status int) int {
	if c := status / 100; c >= 1 && c <= 5 {
		return c
	}
	return 0
}

// endpoint is what is counted of one template and method.
type endpoint struct {
	all     filter.Counter
	classes [6]filter.Counter
	latency filter.Timer
}

// endpoints are those of one template by method; the last is for all methods that
// are not known. They are made when they are needed.
type endpoints struct {
	metrics filter.Metrics
	before  string // of the key, before the method
	name    string // of the template
	byName  [10]atomic.Pointer[endpoint]
}

func (e *endpoints) of(method string) *endpoint {
	known := methods()
	i := 0
	for i < len(known) && known[i] != method {
		i++
	}
	if found := e.byName[i].Load(); found != nil {
		return found
	}
	if i == len(known) {
		method = unknown
	} else {
		method = known[i]
	}
	key := e.before + method + "." + e.name + ".*.*."
	made := &endpoint{all: e.metrics.Counter(key + "http_count"), latency: e.metrics.Timer(key + "latency")}
	for c, name := range classes() {
		made.classes[c] = e.metrics.Counter(key + name)
	}
	e.byName[i].Store(made)
	return made
}

// client is what is counted of one client.
type client struct {
	metrics filter.Metrics
	key     string
	all     filter.Counter
	latency filter.Gauge
	classes [6]atomic.Pointer[filter.Counter]
}

func (c *client) add(status int, took time.Duration) {
	c.all.Add(1)
	c.latency.Add(took.Seconds())
	at := &c.classes[class(status)]
	counter := at.Load()
	if counter == nil {
		made := c.metrics.Counter(c.key + classes()[class(status)])
		counter = &made
		at.Store(counter)
	}
	(*counter).Add(1)
}

// mostClients is how many clients have keys of their own.
const mostClients = 500

// clients are those of the process.
type clients struct {
	mu  sync.RWMutex
	all map[clientName]*client
}

// clientName is a client of one API.
type clientName struct {
	before string // of the key, before the realm
	who
}

type clientsKey struct{}

// of returns the client, or the one that all share for whom there is no room.
func (c *clients) of(m filter.Metrics, n clientName) *client {
	c.mu.RLock()
	found := c.all[n]
	c.mu.RUnlock()
	if found != nil {
		return found
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.all[n]; found != nil {
		return found
	}
	if nobody := (who{unknown, unknown}); len(c.all) >= mostClients && n.who != nobody {
		n.who = nobody // one for each API: their number is that of the configuration
		if found := c.all[n]; found != nil {
			return found
		}
	}
	n.realm, n.client = strings.Clone(n.realm), strings.Clone(n.client)
	key := n.before + "*.*." + n.realm + "." + n.client + "."
	made := &client{metrics: m, key: key, all: m.Counter(key + "http_count"), latency: m.Gauge(key + "latency_sum")}
	c.all[n] = made
	return made
}
