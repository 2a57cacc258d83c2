// Package host holds the predicates on the host that a request asks for: Host
// with a regular expression and HostAny with a list of names.
//
// The host is compared as the client sent it, with the port if there is one
// (spec 1.2). The routing table understands both and seldom asks them.
//
// Start reading at matching.
package host
