// Package diag holds the filters for tests and diagnosis: they delay, they slow
// down, they make content up, they swallow it and they log what passes.
//
// The walk: latency.go and jitter.go wait between request and response, pace.go
// while a body passes; content.go, wrap.go and tarpit.go make bodies, absorb.go
// reads them, loghead.go and logbody.go write them to the log.
//
// It promises that a filter that waits stops when the client goes away, that
// nothing takes more memory than one piece of a body, and that credentials of a
// head are not logged. Bodies are logged as they are.
//
// Start reading at latency.go.
package diag
