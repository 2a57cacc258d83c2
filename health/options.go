package health

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead.dev/fairlead/kit/pairs"
	"fairlead.dev/fairlead/option"
)

// Values are the options of health checks.
type Values struct {
	Check   string            `flag:"health-check" doc:"when endpoints of load balanced routes leave and come back, as name=value: failures= in a row, statuses= that are failures, max-down= share of a route's endpoints, interval=, timeout= and path= of checks; off: no endpoint leaves"`
	Passive map[string]string `flag:"passive-health-check" doc:"avoid endpoints of which requests fail, as name=value: period=, min-requests=, max-drop-probability=, and if wanted min-drop-probability= and max-unhealthy-endpoints-ratio="`
}

// Options declares the options of health checks.
var Options = option.Define("health", Values{Check: usual})

// usual is what holds unless the option says something else.
const usual = "failures=3,statuses=none,max-down=75%,interval=3s,timeout=1s"

// settings are the options as they are used.
type settings struct {
	off      bool
	failures int
	statuses pairs.Statuses
	maxDown  float64
	interval time.Duration
	timeout  time.Duration
	path     string
	passive  passive
}

// passive are the settings of -passive-health-check; the zero value is off.
type passive struct {
	period       time.Duration
	minRequests  int
	most, least  float64
	maxUnhealthy float64
}

func read(o *Values) (settings, error) {
	var s settings
	fields := []pairs.Field{
		pairs.Int("failures", &s.failures, 1, 1000), pairs.Codes("statuses", &s.statuses, 400, 599), pairs.Share("max-down", &s.maxDown),
		pairs.Duration("interval", &s.interval, 100*time.Millisecond, time.Hour), pairs.Duration("timeout", &s.timeout, 10*time.Millisecond, time.Minute),
		{Name: "path", Read: func(v string) error { return readPath(v, &s.path) }},
	}
	if err := pairs.Read(usual, fields...); err != nil {
		return s, err
	}
	if o.Check == "off" {
		s.off = true
	} else if err := pairs.Read(o.Check, fields...); err != nil {
		return s, fmt.Errorf(`option health-check: %w, or "off"`, err)
	}
	if err := s.passive.read(o.Passive); err != nil {
		return s, fmt.Errorf("option passive-health-check: %w", err)
	}
	return s, nil
}

// readPath reads the path and query of a check.
func readPath(v string, path *string) error {
	if !ValidPath(v) {
		return fmt.Errorf("found %q, expected a path such as /healthz", v)
	}
	*path = strings.Clone(v)
	return nil
}

// ValidPath reports whether v can be asked for: it begins with a slash and has
// nothing that ends a request line.
func ValidPath(v string) bool {
	if !strings.HasPrefix(v, "/") || len(v) > 1000 {
		return false
	}
	return !strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' })
}

func (p *passive) read(text map[string]string) error {
	if len(text) == 0 {
		return nil
	}
	p.maxUnhealthy = 1
	fields := []pairs.Field{
		pairs.Duration("period", &p.period, time.Millisecond, 24*time.Hour), pairs.Int("min-requests", &p.minRequests, 0, 1<<40),
		pairs.Share("max-drop-probability", &p.most), pairs.Share("min-drop-probability", &p.least), pairs.Share("max-unhealthy-endpoints-ratio", &p.maxUnhealthy),
	}
	for _, name := range slices.Sorted(maps.Keys(text)) {
		if err := pairs.Read(name+"="+text[name], fields...); err != nil {
			return err
		}
	}
	for _, name := range []string{"period", "min-requests", "max-drop-probability"} {
		if _, ok := text[name]; !ok {
			return fmt.Errorf("%s is missing: period, min-requests and max-drop-probability are needed", name)
		}
	}
	if p.least >= p.most {
		return errors.New("min-drop-probability must be less than max-drop-probability")
	}
	return nil
}
