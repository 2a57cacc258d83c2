// Package egress holds the filters for requests that leave the house: to services
// of others, through proxies, with credentials of ours.
//
// The walk of a secret: a filter looks it up in package secrets when a route is
// built, and again for each request, so that a rotated one counts at once.
//
// It promises: a credential is never logged and never sent on in the form in which
// it came; a request that cannot be given its credentials is refused and not sent
// without.
//
// It does not obtain tokens.
//
// Start reading at secret_header.go and aws_sigv4.go.
package egress
