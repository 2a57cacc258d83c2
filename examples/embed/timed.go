package main

import (
	"fmt"
	"net/http"
	"time"

	"fairlead.dev/fairlead/embed"
)

// timed is a middleware as any Go program has them; in a route it is a filter.
var (
	_ = embed.Middleware("timed", timed)
	_ = embed.Handler("clock", http.HandlerFunc(clock))
)

func timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&stopwatch{ResponseWriter: w, begun: time.Now()}, r)
	})
}

// stopwatch says in the head of the response how long it took to come.
type stopwatch struct {
	http.ResponseWriter
	begun time.Time
}

func (s *stopwatch) WriteHeader(status int) {
	s.Header().Set("Server-Timing", fmt.Sprintf("route;dur=%.3f", float64(time.Since(s.begun).Microseconds())/1000))
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the writer below.
func (s *stopwatch) Unwrap() http.ResponseWriter { return s.ResponseWriter }
