package auth

import (
	"errors"
	"strings"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/message"
)

// States that routes can refer to by name, as with Skipper.
const (
	stateUser   = "auth-user"
	stateReason = "auth-reject-reason"
)

// rejection is why a request was refused, in Skipper's words: the value of
// auth-reject-reason.
type rejection string

const (
	missingBearerToken rejection = "missing-bearer-token"
	missingToken       rejection = "missing-token"
	authServiceAccess  rejection = "auth-service-access"
	invalidSub         rejection = "invalid-sub-in-token"
	inactiveToken      rejection = "inactive-token"
	invalidToken       rejection = "invalid-token"
	invalidScope       rejection = "invalid-scope"
	invalidClaim       rejection = "invalid-claim"
	invalidAccess      rejection = "invalid-access"
)

// challengeDiffers says how answers of 401 and 403 differ for all filters of the
// family.
const challengeDiffers = "WWW-Authenticate is a challenge as RFC 6750 has it, not a bare host name; when it cannot be found out whether a token is good the answer is 503, not 401, so that clients keep their tokens"

// credentials returns what follows scheme in the Authorization field. More than
// one such field is as good as none: others may read another one.
func credentials(h *message.Header, scheme string) (string, bool) {
	found, n := "", 0
	for v := range h.Values("Authorization") {
		found = v
		n++
	}
	if n != 1 || len(found) <= len(scheme) || found[len(scheme)] != ' ' || !message.EqualName(found[:len(scheme)], scheme) {
		return "", false
	}
	found = strings.Trim(found[len(scheme):], " ")
	return found, found != ""
}

// bearer returns the token of a request (RFC 6750 2.1).
func bearer(c *filter.Context) (string, bool) { return credentials(&c.Request.Header, "Bearer") }

// accept notes who sent the request.
func accept(c *filter.Context, user string) { filter.SetState(c, stateUser, user) }

// refuse answers a request for a reason, and notes it.
func refuse(c *filter.Context, why message.Reason, user string, r rejection) *message.Response {
	filter.SetState(c, stateUser, user)
	filter.SetState(c, stateReason, string(r))
	return c.Refuse(why)
}

// unauthorized answers 401 with a challenge for a token (RFC 6750 3).
func unauthorized(c *filter.Context, user string, r rejection) *message.Response {
	challenge := `Bearer realm="` + realmOf(c.Request.Host) + `"`
	if r != missingToken && r != missingBearerToken {
		challenge += `, error="invalid_token"`
	}
	resp := refuse(c, message.ReasonUnauthorized, user, r)
	resp.Header.Add("WWW-Authenticate", challenge)
	return resp
}

// forbidden answers 403: the token is good and not enough.
func forbidden(c *filter.Context, user string, r rejection) {
	resp := refuse(c, message.ReasonForbidden, user, r)
	resp.Header.Add("WWW-Authenticate", `Bearer realm="`+realmOf(c.Request.Host)+`", error="insufficient_scope"`)
}

// unavailable answers 503: it could not be found out.
func unavailable(c *filter.Context) { refuse(c, message.ReasonAuthUnavailable, "", authServiceAccess) }

// failed answers a request whose token could not be verified because of err.
func failed(c *filter.Context, err error) {
	if errors.Is(err, issuer.ErrToken) {
		unauthorized(c, "", invalidToken)
		return
	}
	unavailable(c)
}

// realmOf is a host as it may stand between quotes.
func realmOf(host string) string {
	if strings.ContainsAny(host, "\"\\") || !filter.ValidFieldValue(host) {
		return ""
	}
	return host
}
