// Package proxyproto reads and writes headers of the PROXY protocol, versions 1
// and 2 (proxy-protocol.txt of HAProxy, revision of 2020): what a load balancer
// says about its client before the first byte of the connection.
//
// The walk: Parse looks at the first bytes of a connection and says whether they
// are a header, the beginning of one, or something else. Append writes one.
//
// It promises: a header is taken as a whole or not at all. Lengths are checked
// against each other, additional fields (TLVs) must fill the rest exactly, a
// checksum that is present must be right, and nothing is read behind the end
// that the header names. What is doubtful is ErrMalformed. Input never panics.
//
// It does not read from connections, and it does not decide who may send a
// header: package listen does.
//
// Start reading at Parse.
package proxyproto
