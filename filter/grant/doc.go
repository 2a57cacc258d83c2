// Package grant holds the filters that log people in with the authorization code
// grant of OAuth 2 (RFC 6749 4.1), at one provider that the options name.
//
// The walk: oauthGrant reads the session from the cookies, renews it with the
// refresh token when the access token is over, and asks the tokeninfo service who
// that is; without a session it sends navigations to the provider. The provider
// sends the browser to the callback path, where grantCallback turns the code into
// tokens and puts them into cookies. grantLogout revokes them and deletes the
// cookies. config.go makes of the options what all three share.
//
// It promises, beyond package login: a code counts with the callback, the browser
// and the PKCE verifier of its login. The field for the backend is taken off every
// request before it is set. A provider or tokeninfo service that does not answer
// lets nobody in: 503, reason auth-unavailable. Tokens are in no log.
//
// It adds no route: that is package source/grant. What the claims have to be is
// asked by grantClaimsQuery in package oidc.
//
// Start reading at grant.Request, then callback.go.
package grant
