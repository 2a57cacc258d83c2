// Package network holds the predicates on the address of the client: Source,
// SourceFromLast and ClientIP.
//
// Source and SourceFromLast believe the field X-Forwarded-For, which anybody can
// write: they route, they do not protect. An entry that is no address matches
// no network.
//
// Start reading at define.
package network
