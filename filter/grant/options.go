package grant

import "fairlead.dev/fairlead/option"

// Values are the options of the filters (spec 1.8: auth).
type Values struct {
	AuthURL          string            `flag:"oauth2-auth-url" doc:"where people log in with OAuth 2"`
	AuthParams       map[string]string `flag:"oauth2-auth-url-parameters" doc:"more parameters of logins and of requests for tokens; redirect_uri replaces the callback on the host of the request"`
	TokenURL         string            `flag:"oauth2-token-url" doc:"where codes and refresh tokens become tokens"`
	RevokeURL        string            `flag:"oauth2-revoke-token-url" doc:"where grantLogout revokes tokens"`
	ClientID         string            `flag:"oauth2-client-id" env:"OAUTH2_CLIENT_ID" secret:"true" doc:"client id at the OAuth 2 provider"`
	ClientIDFile     string            `flag:"oauth2-client-id-file" doc:"file with the client id; {host} in its path is the host of the request"`
	ClientSecret     string            `flag:"oauth2-client-secret" env:"OAUTH2_CLIENT_SECRET" secret:"true" doc:"client secret at the OAuth 2 provider"`
	ClientSecretFile string            `flag:"oauth2-client-secret-file" doc:"file with the client secret; {host} in its path is the host of the request"`
	SecretFile       string            `flag:"oauth2-secret-file" doc:"file with the secrets that sessions of oauthGrant are encrypted with, one in each line or separated by commas, 16 random bytes or more each: the first encrypts, all decrypt. Without it a secret is made up at the start, and sessions end with the process"`
	CookieName       string            `flag:"oauth2-token-cookie-name" doc:"name of the session's cookie; __Host- is put before it where no domain is"`
	RemoveSubdomains int               `flag:"oauth2-token-cookie-remove-subdomains" doc:"how many labels of the host are left away to get the domain of the session's cookies; 0: the host alone gets them"`
	TokenHeader      string            `flag:"oauth2-access-token-header-name" doc:"header field in which the backend gets the access token, as Bearer; none if empty"`
	TokeninfoKeys    []string          `flag:"oauth2-grant-tokeninfo-keys" doc:"what filters behind oauthGrant see of the tokeninfo; all if empty"`
	Insecure         bool              `flag:"oauth2-grant-insecure" doc:"let the callback and the cookies go without TLS"`
}

// Options declares the options of the filters.
var Options = option.Define("grant", Values{CookieName: "oauth2-grant", RemoveSubdomains: 1})
