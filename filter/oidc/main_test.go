package oidc_test

import (
	"testing"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/eskip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call is oauthOidcAnyClaims for a provider.
func call(url string) eskip.Call {
	c := eskip.Call{Name: "oauthOidcAnyClaims"}
	for _, a := range []string{url, clientID, clientSecret, callback, "", ""} {
		c.Args = append(c.Args, eskip.String(a))
	}
	return c
}
