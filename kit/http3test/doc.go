// Package http3test is an HTTP/3 client for tests: one that behaves (Transport),
// and bytes as they are sent on a stream (Send). Tests outside of package http3
// use it, so that QUIC stays there.
//
// It does no more than that and is linked into tests only.
//
// Start reading at NewTransport.
package http3test
