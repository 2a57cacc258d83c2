// Command origin is the backend that the benchmarks put behind a proxy: an
// HTTP/1.1 server so cheap that the proxy is what saturates.
//
// The walk: main parses the flags, server.run waits for sockets, conn.feed
// cuts requests out of what was read and answer picks a prepared response.
//
//	GET /10k...    10,240 bytes
//	GET /100m...   100,000,000 bytes from a static buffer
//	GET anything   100 bytes
//	POST anything  reads the body (Content-Length), answers 100 bytes
//	HTTP/2         with prior knowledge: gRPC, a message of 100 bytes for one of
//	               100 bytes, whatever the method
//
// It promises keep-alive, pipelined requests in order and bounded memory. It
// does not validate beyond the length of a gRPC message: it trusts the proxy in front of it, knows only
// Content-Length and answers 411 to a chunked request body.
//
// Start reading at server.run.
package main
