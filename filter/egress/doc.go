// Package egress holds the filters for requests that leave the house: to services
// of others, through proxies, with credentials of ours.
//
// It promises: a credential is never logged and never sent on in the form in which
// it came; a request that cannot be given its credentials is refused and not sent
// without.
//
// Start reading at aws_sigv4.go.
package egress
