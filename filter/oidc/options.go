package oidc

import (
	"time"

	"fairlead.dev/fairlead/option"
)

// Values are the options of the filters (spec 1.8: auth).
type Values struct {
	SecretsFile        string        `flag:"oidc-secrets-file" doc:"file with the secrets that sessions of the oauthOidc filters are encrypted with, one in each line or separated by commas, 16 random bytes or more each: the first encrypts, all decrypt. Without it a secret is made up at the start, and sessions end with the process"`
	CookieValidity     time.Duration `flag:"oidc-cookie-validity" doc:"life of a session whose ID token ends within a minute"`
	RemoveSubdomains   int           `flag:"oidc-cookie-remove-subdomains" doc:"how many labels of the host are left away to get the domain of the session's cookies; 0: the host alone gets them"`
	DistributedTimeout time.Duration `flag:"oidc-distributed-claims-timeout" doc:"time for a service to answer which groups somebody is in, when the ID token leaves that to it"`
	ProviderTimeout    time.Duration `flag:"oidc-provider-timeout" doc:"time for an OpenID provider to answer"`
	ClientID           string        `flag:"oidc-client-id" env:"OIDC_CLIENT_ID" secret:"true" doc:"client id of filters that have none"`
	ClientSecret       string        `flag:"oidc-client-secret" env:"OIDC_CLIENT_SECRET" secret:"true" doc:"client secret of filters that have none"`
}

// Options declares the options of the filters.
var Options = option.Define("oidc", Values{
	CookieValidity:     time.Hour,
	RemoveSubdomains:   1,
	DistributedTimeout: 2 * time.Second,
	ProviderTimeout:    10 * time.Second,
})
