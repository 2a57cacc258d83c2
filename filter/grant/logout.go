package grant

import (
	"context"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "grantLogout",
	Doc:     "revokes the tokens of oauthGrant's session, if -oauth2-revoke-token-url is there, and deletes its cookies",
	Example: `Path("/logout") -> grantLogout() -> redirectTo(302, "/") -> <shunt>`,
	Differs: "answers 503 instead of 500 when the tokens cannot be revoked, and keeps the cookies then",
	New: func(_ arg.Values, env *filter.Env) (filter.Filter, error) {
		c, err := configOf(env)
		return &logout{c}, err
	},
})

// logout is the filter; its config is nil where routes are only checked.
type logout struct{ *config }

// Request ends the session.
func (f *logout) Request(c *filter.Context) {
	if f.config == nil {
		c.Refuse(message.ReasonAuthUnavailable)
		return
	}
	visit := f.jar.Visit(c)
	s := parseSession(visit.Session)
	if s == nil {
		filter.SetState(c, "auth-reject-reason", "missing-token")
		c.Refuse(message.ReasonUnauthorized)
		return
	}
	if f.opts.RevokeURL != "" {
		client, err := f.client(c.Original.Host)
		if err == nil {
			err = f.revoke(c.Context(), client, s)
		}
		if err != nil {
			f.unavailable(c, "revoke tokens", err)
			return
		}
	}
	visit.Forget()
}

// revoke revokes the refresh token first: with it goes the access token, with many
// providers.
func (f *logout) revoke(ctx context.Context, client *login.Client, s *session) error {
	if s.Refresh != "" {
		if err := client.Revoke(ctx, f.opts.RevokeURL, s.Refresh, "refresh_token"); err != nil {
			return err
		}
	}
	return client.Revoke(ctx, f.opts.RevokeURL, s.Access, "access_token")
}

// Response tells the browser to forget the session.
func (f *logout) Response(c *filter.Context) {
	if f.config != nil {
		f.jar.Visit(c).Tell(&c.Response.Header)
	}
}

// HandlesErrors: the tokens are revoked, whatever else fails.
func (f *logout) HandlesErrors() bool { return true }
