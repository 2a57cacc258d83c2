// Package breaker holds the filters that keep requests from endpoints that fail:
// circuit breakers.
//
// # The walk
//
// A filter puts a filter.Guard into the exchange. Before each attempt the guard asks
// the breaker (kit/circuit) of the endpoint's address; an open one refuses, and the
// next endpoint is asked. When there is none the answer is 503 with X-Circuit-Open:
// true (circuit-open). Responses with status 500 and above and missing responses are
// failures; that a client went away is nothing.
//
// Routes with equal settings share the breaker of an address, from one set of routes to
// the next. Settings that a route leaves out come from those for the host (-breaker
// with host), and then from those for all (-breaker without). Always makes the filter of
// -breaker, which package app puts before those of each route: the last breaker filter
// of a route decides.
//
// # What it promises
//
//   - What one endpoint does never opens the breaker of another.
//   - At most 4096 addresses have a breaker under the same settings: those without a
//     failure make room first. An address that finds no room is not guarded.
//
// Start reading at guard.go.
package breaker
