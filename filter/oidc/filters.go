package oidc

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

const differs = "answers 403 instead of 401 when claims are missing, 401 instead of a redirect to requests that are no navigation, 503 while the provider does not answer, " +
	"because scripts follow no login; the callback is the whole path and not a part of it, and the session is renewed with a refresh token if there is one; " +
	"refresh tokens are not told to the backend; without -oidc-secrets-file sessions end with the process; cookies are encrypted otherwise: users log in once more"

var _ = filter.Define(filter.Def{
	Name:    "oauthOidcUserInfo",
	Params:  params(),
	Doc:     "logs people in with OpenID Connect; user info and ID token together must have all of the claims",
	Example: `* -> oauthOidcUserInfo("https://id.example.org", "my-id", "my-secret", "https://www.example.org/callback", "email profile", "name email", "", "X-Auth-Email:userInfo.email", "0") -> "http://127.0.0.1:8080"`,
	Differs: differs,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return newOIDC("userinfo", allClaims, v, env)
	},
})

var _ = filter.Define(filter.Def{
	Name:    "oauthOidcAnyClaims",
	Params:  params(),
	Doc:     "logs people in with OpenID Connect; the ID token must have one of the claims, if any are named",
	Example: `* -> oauthOidcAnyClaims("https://id.example.org", "my-id", "my-secret", "https://www.example.org/callback", "email groups", "groups roles", "prompt=login") -> "http://127.0.0.1:8080"`,
	Differs: differs,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return newOIDC("claims", anyClaim, v, env)
	},
})

var _ = filter.Define(filter.Def{
	Name:    "oauthOidcAllClaims",
	Params:  params(),
	Doc:     "logs people in with OpenID Connect; the ID token must have all of the claims",
	Example: `* -> oauthOidcAllClaims("https://id.example.org", "my-id", "my-secret", "https://www.example.org/callback", "email", "email", "", "X-Auth-Email:claims.email X-Auth-Subject:subject") -> "http://127.0.0.1:8080"`,
	Differs: differs,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		return newOIDC("claims", allClaims, v, env)
	},
})
