package breaker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fairlead.dev/fairlead/kit/circuit"
	"fairlead.dev/fairlead/kit/suggest"
)

// Type is what a breaker counts.
type Type uint8

// The types. Unset takes the type of the settings below.
const (
	Unset Type = iota
	Consecutive
	Rate
	Disabled
)

// Settings are those of a route, of a host, or of all: a value of -breaker. What is
// zero comes from the settings below.
type Settings struct {
	Type     Type
	Host     string // of the endpoints they are for; "": all
	Failures int
	Window   int
	Timeout  time.Duration
	HalfOpen int
	IdleTTL  time.Duration
}

// Bounds and what holds where nothing is said.
const (
	mostWindow      = 100000
	standardTimeout = time.Minute
	standardTries   = 1
	standardIdle    = time.Hour
)

// over returns s where it says something, and below where it does not.
func (s Settings) over(below Settings) Settings {
	if s.Type == Unset {
		s.Type = below.Type
	}
	if s.Type == below.Type {
		s.Failures, s.Window = or(s.Failures, below.Failures), or(s.Window, below.Window)
	}
	s.Timeout = or(s.Timeout, below.Timeout)
	s.HalfOpen = or(s.HalfOpen, below.HalfOpen)
	s.IdleTTL = or(s.IdleTTL, below.IdleTTL)
	return s
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// check says what is missing for a breaker.
func (s Settings) check() error {
	switch {
	case s.Type == Unset || s.Type == Disabled:
		return nil
	case s.Failures < 1:
		return errors.New("failures is missing, expected a number above zero")
	case s.Type == Rate && s.Window < 1:
		return errors.New("window is missing, expected a number above zero")
	case s.Type == Rate && s.Failures > s.Window:
		return fmt.Errorf("found %d failures in a window of %d, which never open it: expected no more than the window", s.Failures, s.Window)
	}
	return nil
}

// circuit returns the settings of a breaker.
func (s Settings) circuit() circuit.Settings {
	c := circuit.Settings{
		Failures: s.Failures, Timeout: or(s.Timeout, standardTimeout), Tries: or(s.HalfOpen, standardTries), Idle: or(s.IdleTTL, standardIdle),
	}
	if s.Type == Rate {
		c.Window = s.Window
	}
	return c
}

// UnmarshalText reads type=...,host=...,failures=... as -breaker has it.
func (s *Settings) UnmarshalText(text []byte) error {
	*s = Settings{}
	for pair := range strings.SplitSeq(string(text), ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("found %q, expected name=value", pair)
		}
		name = strings.TrimSpace(name)
		if err := s.set(name, strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if s.Type == Unset && s.Host == "" {
		s.Type = Consecutive
	}
	if s.Host == "" {
		return s.check()
	}
	return nil
}

func (s *Settings) set(name, value string) (err error) {
	switch name {
	case "type":
		s.Type, err = parseType(value)
	case "host":
		if s.Host = strings.ToLower(value); value == "" {
			err = errors.New(`found "", expected a host`)
		}
	case "failures":
		s.Failures, err = parseCount(value, mostWindow)
	case "window":
		s.Window, err = parseCount(value, mostWindow)
	case "timeout":
		s.Timeout, err = parseDuration(value)
	case "half-open-requests":
		s.HalfOpen, err = parseCount(value, mostWindow)
	case "idle-ttl", "idleTTL":
		s.IdleTTL, err = parseDuration(value)
	default:
		known := []string{"type", "host", "failures", "window", "timeout", "half-open-requests", "idle-ttl"}
		if n := suggest.Nearest(name, known); n != "" {
			return fmt.Errorf("unknown name, did you mean %q?", n)
		}
		return fmt.Errorf("unknown name, expected one of %q", known)
	}
	return err
}

func types() []string { return []string{"", "consecutive", "rate", "disabled"} }

func parseType(value string) (Type, error) {
	for i, t := range types() {
		if t == value && t != "" {
			return Type(i), nil
		}
	}
	return Unset, fmt.Errorf("found %q, expected one of %q", value, types()[1:])
}

func parseCount(value string, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("found %q, expected a number from 1 to %d", value, most)
	}
	return n, nil
}

// parseDuration reads a duration, or milliseconds.
func parseDuration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		d, err = time.ParseDuration(value + "ms")
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("found %q, expected a duration above zero such as 10s, or milliseconds", value)
	}
	return d, nil
}

// String writes s as UnmarshalText reads it.
func (s *Settings) String() string {
	var parts []string
	add := func(name, value string, is bool) {
		if is {
			parts = append(parts, name+"="+value)
		}
	}
	add("type", types()[s.Type], s.Type != Unset)
	add("host", s.Host, s.Host != "")
	add("failures", strconv.Itoa(s.Failures), s.Failures > 0)
	add("window", strconv.Itoa(s.Window), s.Window > 0)
	add("timeout", s.Timeout.String(), s.Timeout > 0)
	add("half-open-requests", strconv.Itoa(s.HalfOpen), s.HalfOpen > 0)
	add("idle-ttl", s.IdleTTL.String(), s.IdleTTL > 0)
	return strings.Join(parts, ",")
}
