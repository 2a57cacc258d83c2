// Package peer knows the proxies that are measured: where to get each, how to
// configure it for a benchmark and how to tell it that its files changed.
//
// The walk: [All] lists the kinds; [Store] finds or builds their programs;
// [Kind.Write] writes the configuration that a [Setup] asks for and returns
// the command to start.
//
// A [Setup] says what clients speak (plain HTTP/1.1, TLS, HTTP/2 with prior
// knowledge) and whether the backends answer gRPC calls; a kind that lacks one
// of them answers with [Cannot], and has no row there.
//
// It promises that every peer does the same work (one request header set, one
// response header set, keep-alive to the origins) with the tuning its manual
// advises for this: one worker, no access log, unlimited requests a
// connection, buffers that hold a 10 KB body, no temporary files; over TLS the
// same certificate, version, key exchange and cipher suite.
//
// Adding a proxy is one file with one function of type Kind and its line in
// All. Start reading at Kind.
package peer
