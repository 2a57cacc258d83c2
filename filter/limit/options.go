package limit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/suggest"
	"fairlead.dev/fairlead/option"
)

// Values are the options of rate limits (spec 1.8).
type Values struct {
	Enable bool     `flag:"enable-ratelimits" doc:"has no effect: filters that limit always do"`
	Global []Global `flag:"ratelimits" repeat:"true" type:"limit" doc:"limit all routes without disableRatelimit: type=client,max-hits=20,time-window=60s; type service counts all clients together, disabled nothing; each use adds one"`
}

// Options declares the options of rate limits.
var Options = option.Define("ratelimits", Values{})

// Global is a limit for all routes, a value of -ratelimits.
type Global struct {
	Type  string // client, service or disabled
	N     int
	Every time.Duration
	Group string
}

// kinds are the values of type; those of a cluster are known and not built.
func kinds() []string { return []string{"client", "service", "disabled"} }

// UnmarshalText reads type=...,max-hits=...,time-window=...,group=...
func (g *Global) UnmarshalText(text []byte) error {
	*g = Global{Type: "disabled"}
	for pair := range strings.SplitSeq(string(text), ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("found %q, expected name=value", pair)
		}
		if err := g.set(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return err
		}
	}
	switch {
	case g.Type == "disabled":
		return nil
	case g.N <= 0:
		return errors.New("max-hits is missing, expected a number above zero")
	case g.Every <= 0:
		return errors.New("time-window is missing, expected a duration above zero")
	}
	return nil
}

func (g *Global) set(name, value string) (err error) {
	switch name {
	case "type":
		return g.setType(value)
	case "max-hits":
		if g.N, err = strconv.Atoi(value); err != nil || g.N <= 0 || g.N > 1e9 {
			return fmt.Errorf("max-hits: found %q, expected a number from 1 to 1000000000", value)
		}
	case "time-window":
		if g.Every, err = time.ParseDuration(value); err != nil || g.Every <= 0 {
			return fmt.Errorf("time-window: found %q, expected a duration above zero such as 60s", value)
		}
	case "group":
		g.Group = value
	default:
		known := []string{"type", "max-hits", "time-window", "group"}
		if n := suggest.Nearest(name, known); n != "" {
			return fmt.Errorf("unknown name %q, did you mean %q?", name, n)
		}
		return fmt.Errorf("unknown name %q, expected one of %q", name, known)
	}
	return nil
}

func (g *Global) setType(value string) error {
	switch value {
	case "local": // the deprecated word
		value = "client"
	case "client", "service", "disabled":
	case "clusterClient", "clusterService":
		return fmt.Errorf("type %q counts together with other processes, which is not there yet: take client or service, which count in this process alone", value)
	default:
		return fmt.Errorf("type: found %q, expected one of %q", value, kinds())
	}
	g.Type = value
	return nil
}

// String writes g as UnmarshalText reads it.
func (g *Global) String() string {
	s := "type=" + g.Type
	if g.N > 0 {
		s += ",max-hits=" + strconv.Itoa(g.N)
	}
	if g.Every > 0 {
		s += ",time-window=" + g.Every.String()
	}
	if g.Group != "" {
		s += ",group=" + g.Group
	}
	return s
}

// Always returns the filters of -ratelimits, which every route begins with that has
// no disableRatelimit; has tells of a route's filters by name.
func Always(env *filter.Env) func(has func(name string) bool) []filter.Filter {
	var all []filter.Filter
	for i, g := range Options.From(env.Options).Global {
		s, answer := settings{by: fmt.Sprintf("-ratelimits %d", i), n: g.N, every: g.Every}, newRefusal(g.N, g.Every, 0)
		switch g.Type {
		case "service":
			s.kind = inAll
			all = append(all, always{&everything{take(env, s), answer}})
		case "client":
			s.kind = perClient
			all = append(all, always{&clients{take(env, s), answer, identity{}}})
		}
	}
	return func(has func(string) bool) []filter.Filter {
		if len(all) == 0 || has("disableRatelimit") {
			return nil
		}
		return all
	}
}

// always is a filter of all routes: none of them closes it.
type always struct{ filter.Filter }

// Phases returns InRequest.
func (always) Phases() filter.Phase { return filter.InRequest }
