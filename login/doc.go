// Package login is what the filters share that log people in with a browser: the
// session in cookies, the attempt to log in, and the calls to the token endpoint.
//
// The walk of a login: a request without a session that is a navigation (Navigates)
// begins an Attempt. Its state, nonce and PKCE verifier (RFC 7636) and the page to
// come back to are sealed in a cookie of ten minutes, and the browser goes to the
// provider. It comes back with code and state; Jar.Finish finds the cookie that
// belongs to the state; Client.Exchange turns the code into tokens; Visit.Keep puts
// the session into cookies, and the browser goes to the page. Later requests show
// the session: Jar.Visit reads it and takes our cookies off the request, so that
// no backend sees them.
//
// It promises: state and code count only in the browser that began the login
// (login CSRF, RFC 6819 4.4.1.8) and once, as far as the browser goes: the attempt
// is deleted with its first answer. Cookies are sealed for one purpose with
// secrets that can be rotated while the process runs (Jar.Box); they are Secure,
// HttpOnly and SameSite=Lax, and their names begin with __Host- where no domain is
// asked for. A session counts on the hosts that its cookies are for, also if somebody
// carries them elsewhere. One that is too long for one cookie is split into up to six. A
// page to come back to is one of the host that was asked, or of its cookie domain.
// Refresh tokens are used once, also when several tabs come at a time.
//
// It keeps no sessions itself: whoever has the cookies has the session until it
// expires or all secrets are replaced. It does not verify ID tokens.
//
// Start reading at Jar, then Attempt, then Client.
package login
