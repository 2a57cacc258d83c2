package issuer

import (
	"time"

	"fairlead.dev/fairlead/option"
)

// Values are the options of services that know tokens (spec 1.8: auth).
type Values struct {
	TokeninfoURL      string        `flag:"oauth2-tokeninfo-url" doc:"service that oauthTokeninfo* filters and oauthGrant ask about tokens"`
	TokeninfoTimeout  time.Duration `flag:"oauth2-tokeninfo-timeout" doc:"time for an answer of -oauth2-tokeninfo-url"`
	TokeninfoSize     int           `flag:"oauth2-tokeninfo-cache-size" doc:"most tokens whose tokeninfo is remembered; 0: none"`
	TokeninfoTTL      time.Duration `flag:"oauth2-tokeninfo-cache-ttl" doc:"longest time a tokeninfo is remembered; 0: until the token expires"`
	SubjectKey        string        `flag:"oauth2-tokeninfo-subject-key" doc:"field of a tokeninfo that says who somebody is"`
	IntrospectTimeout time.Duration `flag:"oauth2-tokenintrospect-timeout" doc:"time for an answer of the introspection service of an issuer"`
}

// Options declares the options of issuers.
var Options = option.Define("issuer", Values{
	TokeninfoTimeout:  2 * time.Second,
	SubjectKey:        "uid",
	IntrospectTimeout: 2 * time.Second,
})
