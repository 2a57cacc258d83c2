package exchange

import (
	"log/slog"
	"time"
)

// ServerConfig says how clients are treated, whatever version of HTTP they speak.
// Zero values mean "no limit", but for Limits and where a default is named.
type ServerConfig struct {
	Limits
	HeadTimeout  time.Duration // from the first byte of a head to its end
	IdleTimeout  time.Duration // of a connection without requests
	ReadTimeout  time.Duration // from the end of the head to the end of the body
	WriteTimeout time.Duration // a response must make progress within
	MaxRequests  int           // of one connection
	MaxAge       time.Duration // of one connection
	// MinBodyRate is how many bytes a second of a request's body have to come
	// while they are waited for, after MinBodyGrace (default 10 s).
	MinBodyRate  int
	MinBodyGrace time.Duration
	Log          *slog.Logger
	// ConnMoved is told what connections do; may be nil.
	ConnMoved func(from, to ConnState)
}

// OrDefault returns c with defaults in place of what has to be there.
func (c ServerConfig) OrDefault() ServerConfig {
	c.Limits = c.Limits.OrDefault()
	if c.MinBodyGrace <= 0 {
		c.MinBodyGrace = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// BodyPatience returns how long a body of which got bytes came may have been
// waited for in all, by MinBodyRate. It is to be asked only where there is one.
func (c *ServerConfig) BodyPatience(got int64) time.Duration {
	rate := float64(max(c.MinBodyRate, 1))
	return max(c.MinBodyGrace, time.Duration(float64(got)/rate*float64(time.Second)))
}
