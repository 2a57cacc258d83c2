package grant

import (
	"errors"
	"fmt"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "grantCallback",
	Doc:     "completes the logins that oauthGrant began; -enable-oauth2-grant-flow adds a route with it",
	Example: `Path("/.well-known/oauth2-callback") -> grantCallback() -> <shunt>`,
	Differs: "answers 401 to a login that this browser has not begun, 503 when the provider does not answer",
	New: func(_ arg.Values, env *filter.Env) (filter.Filter, error) {
		c, err := configOf(env)
		return &callback{c}, err
	},
})

// callback is the filter; its config is nil where routes are only checked.
type callback struct{ *config }

var errNoCode = errors.New("there is no code")

// Request takes the browser back from the provider.
func (f *callback) Request(c *filter.Context) {
	if f.config == nil {
		c.Refuse(message.ReasonAuthUnavailable)
		return
	}
	login.HideAnswer(c)
	visit := f.jar.Visit(c)
	if c.Original.Method != "GET" {
		f.refuse(c, fmt.Errorf("found the method %q at the callback, expected GET", c.Original.Method))
		return
	}
	answer := func(name string) string {
		v, _ := message.QueryValue(c.Original.Query, name)
		return strings.Clone(v)
	}
	attempt, err := visit.Finish(answer("state"))
	if err != nil {
		f.refuse(c, err)
		return
	}
	if code := answer("error"); code != "" {
		err := fmt.Errorf("the provider answers with the error %q", code[:min(len(code), 64)])
		if code == "access_denied" {
			f.refuse(c, err)
		} else {
			f.unavailable(c, "complete a login", err)
		}
		return
	}
	s, err := f.exchange(c, attempt, answer("code"))
	if err == nil {
		err = s.keep(visit)
	}
	switch {
	case errors.Is(err, login.ErrRefused), errors.Is(err, errNoCode):
		f.refuse(c, err)
	case err != nil:
		f.unavailable(c, "complete a login", err)
	default:
		login.Redirect(c, visit.SafeReturn(attempt.Return, c.Original.Host))
	}
}

func (f *callback) exchange(c *filter.Context, attempt *login.Attempt, code string) (*session, error) {
	if code == "" {
		return nil, errNoCode
	}
	client, err := f.client(c.Original.Host)
	if err != nil {
		return nil, err
	}
	t, err := client.Exchange(c.Context(), attempt, code, f.authParam)
	if err != nil {
		return nil, err
	}
	return newSession(t), nil
}

// Response tells the browser what to keep.
func (f *callback) Response(c *filter.Context) {
	if f.config != nil {
		f.jar.Visit(c).Tell(&c.Response.Header)
	}
}

// refuse answers that a login failed, and says at level debug why.
func (c *config) refuse(x *filter.Context, why error) {
	c.log.Debug("a login was refused", "reason", why)
	filter.SetState(x, "auth-reject-reason", "invalid-token")
	login.Failed(x)
}
