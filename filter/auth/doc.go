// Package auth holds the filters that ask a request who sends it, by what it
// carries: a password, or a token.
//
// The walk: a filter takes the credentials from the Authorization field (refuse.go),
// finds out what they are worth (package issuer for tokens, htpasswd.go for
// passwords, a service for webhook), and lets the request pass or answers it. What
// it learned it tells the filters behind it: the keys of package issuer have what
// tokens say, the states auth-user and auth-reject-reason who it was and why not.
//
// It promises: what cannot be found out is refused, with 503 where it is not the
// client's fault; fields that say who the client is are taken from what was found
// out and never from the client; comparisons of secrets take the same time whatever
// is wrong; passwords and tokens are in no log and no error; a service is asked once
// at a time about a token, within its timeout, and who leaves harms nobody.
//
// It does not log browsers in: that is filter/oidc and filter/grant.
//
// Start reading at tokeninfo.go, then refuse.go.
package auth
