package login

import "fairlead.dev/fairlead/option"

// Values are the options that several packages need: the filters of the OAuth 2
// grant flow and the source of their callback route (spec 1.8: auth).
type Values struct {
	GrantFlow    bool   `flag:"enable-oauth2-grant-flow" doc:"allow the filters oauthGrant, grantCallback and grantLogout, and add the callback route"`
	CallbackPath string `flag:"oauth2-callback-path" doc:"path where the OAuth 2 provider sends browsers back to"`
}

// Options declares these options.
var Options = option.Define("login", Values{CallbackPath: "/.well-known/oauth2-callback"})

// CallbackRoute is the id of the route that is added for the callback.
const CallbackRoute = "__oauth2_grant_callback"
