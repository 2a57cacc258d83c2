// Package oidc holds the filters that log people in with OpenID Connect (OpenID
// Connect Core 1.0), and the one that asks about their claims.
//
// The walk of a request: fields that the filter itself writes are taken off, the
// session is read from the cookies. A request with one that is good goes on, with
// what the backend is told about the user. A session that is over is renewed with
// its refresh token. Without a session a navigation is sent to the provider, and
// anything else is answered 401. The request that comes back to the callback
// brings code and state; the code becomes tokens, the ID token is verified, the
// session goes into cookies, and the browser to the page it asked for.
//
// It promises, beyond package login: an ID token counts when its signature, issuer,
// audience, times and nonce are right, and never with a symmetric or without a
// signature (package issuer); the response is of the issuer that was asked (RFC
// 9207); user info is that of the same subject. A provider that does not answer
// lets nobody in: 503, reason auth-unavailable. It is asked for the first time by
// the first login, and not when routes are made. Tokens are in no log.
//
// Answers: no session, a login that fails: 401, unauthorized. A session without the
// claims that the route asks for: 403, forbidden.
//
// It does not log out: sessions end with their ID token, or with the provider's
// answer to a refresh token.
//
// Start reading at oidc.Request, then finish in callback.go.
package oidc
