package grant

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name:    "oauthGrant",
	Doc:     "logs people in with OAuth 2 at the provider of -oauth2-auth-url, with the authorization code grant",
	Example: `* -> oauthGrant() -> grantClaimsQuery("/:uid") -> "http://127.0.0.1:8080"`,
	Differs: "answers 401 instead of a redirect to requests that are no navigation and 503 while the provider or the tokeninfo service does not answer, because scripts follow no login; " +
		"PKCE is used; without -oauth2-secret-file sessions end with the process; cookies are encrypted otherwise: users log in once more",
	New: func(_ arg.Values, env *filter.Env) (filter.Filter, error) {
		c, err := configOf(env)
		return &grant{c}, err
	},
})

// keptAge is how long a browser keeps tokens: when the access token is over, the
// refresh token is still of use.
const keptAge = 30 * 24 * time.Hour

// usualLife of an access token of which the provider does not say it.
const usualLife = time.Hour

// session is kept by the browser, sealed.
type session struct {
	Access  string `json:"a"`
	Refresh string `json:"r,omitempty"`
	Expires int64  `json:"e"` // Unix seconds
}

func newSession(t *oauth2.Token) *session {
	s := &session{Access: t.AccessToken, Refresh: t.RefreshToken, Expires: t.Expiry.Unix()}
	if t.Expiry.IsZero() {
		s.Expires = time.Now().Add(usualLife).Unix()
	}
	return s
}

// parseSession returns nil when there is none.
func parseSession(plain []byte) *session {
	s := &session{}
	if plain == nil || json.Unmarshal(plain, s) != nil || s.Access == "" {
		return nil
	}
	return s
}

// keep puts the session into cookies.
func (s *session) keep(visit *login.Visit) error {
	plain, err := json.Marshal(s)
	if err != nil {
		return err
	}
	age := time.Until(time.Unix(s.Expires, 0))
	if s.Refresh != "" {
		age = max(age, keptAge)
	}
	return visit.Keep(plain, age)
}

// grant is the filter oauthGrant; its config is nil where routes are only checked.
type grant struct{ *config }

// Request lets requests with a session pass, and logs the others in.
func (f *grant) Request(c *filter.Context) {
	if f.config == nil {
		c.Refuse(message.ReasonAuthUnavailable)
		return
	}
	if f.opts.TokenHeader != "" {
		c.Request.Header.DelVariants(f.opts.TokenHeader)
	}
	visit := f.jar.Visit(c)
	s := parseSession(visit.Session)
	if s != nil && time.Now().Unix() >= s.Expires {
		var err error
		if s, err = f.renew(c, visit, s); err != nil {
			f.unavailable(c, "renew a session", err)
			return
		}
	}
	if s == nil {
		f.begin(c, visit)
		return
	}
	claims, err := f.info.Ask(c.Context(), s.Access)
	switch {
	case errors.Is(err, issuer.ErrToken): // revoked, for instance
		visit.Forget()
		f.begin(c, visit)
	case err != nil:
		f.unavailable(c, "ask about a token", err)
	default:
		f.pass(c, s, claims)
	}
}

// Response tells the browser what to keep.
func (f *grant) Response(c *filter.Context) {
	if f.config != nil {
		f.jar.Visit(c).Tell(&c.Response.Header)
	}
}

// HandlesErrors: a session that was renewed must not be lost with an answer.
func (f *grant) HandlesErrors() bool { return true }

// pass tells others who it is.
func (f *grant) pass(c *filter.Context, s *session, claims issuer.Claims) {
	user, ok := claims.Text(f.info.SubjectKey())
	if !ok || user == "" {
		f.log.Debug("the tokeninfo does not name the user", "key", f.info.SubjectKey())
		filter.SetState(c, "auth-reject-reason", "invalid-subject")
		c.Refuse(message.ReasonForbidden)
		return
	}
	if keys := f.opts.TokeninfoKeys; len(keys) > 0 {
		some := issuer.Claims{}
		for _, k := range keys {
			if v, ok := claims[k]; ok {
				some[k] = v
			}
		}
		claims = some
	}
	text, err := json.Marshal(claims)
	if err != nil {
		f.unavailable(c, "ask about a token", err)
		return
	}
	issuer.Tokeninfo.Set(c, claims)
	login.SetIdentity(c, &login.Identity{Subject: user, Claims: text})
	if f.opts.TokenHeader != "" {
		c.Request.Header.Set(f.opts.TokenHeader, "Bearer "+s.Access)
	}
}

// renew returns a new session for one that is over, nil when the user has to log
// in again. The error says that it is not known. Those who come with the same
// refresh token at the same time, or a moment later, get the same new session.
func (f *grant) renew(c *filter.Context, visit *login.Visit, old *session) (*session, error) {
	if old.Refresh == "" {
		return nil, nil
	}
	client, err := f.client(c.Original.Host)
	if err != nil {
		return nil, err
	}
	s, err := f.renewed.Get(c.Context(), sha256.Sum256([]byte(old.Refresh)), func(ctx context.Context) (*session, time.Time, error) {
		t, err := client.Refresh(ctx, old.Refresh)
		if err != nil {
			return nil, time.Time{}, err
		}
		return newSession(t), time.Now().Add(rememberRenewed), nil
	})
	switch {
	case errors.Is(err, login.ErrRefused):
		f.log.Debug("a session was not renewed", "reason", err)
		visit.Forget()
		return nil, nil
	case err != nil:
		return nil, err
	}
	return s, s.keep(visit)
}

// stubAnnotation is what annotate() calls a page that is shown in place of the
// redirect to the login; {authCodeURL} in it is where to go.
const stubAnnotation = "oauthGrant.loginRedirectStub"

// begin sends a browser to the provider.
func (f *grant) begin(c *filter.Context, visit *login.Visit) {
	filter.SetState(c, "auth-reject-reason", "missing-token")
	if !login.Navigates(c.Request) || !filter.ValidHost(c.Original.Host) {
		c.Refuse(message.ReasonUnauthorized)
		return
	}
	callback := f.opts.AuthParams[redirectURI]
	if callback == "" {
		callback = f.scheme() + "://" + strings.Clone(c.Original.Host) + f.common.CallbackPath
	}
	if u, err := url.Parse(callback); err != nil || !visit.Reaches(c, u.Host) {
		f.log.Warn("nobody can log in: the host of the request and that of the callback share no cookies; change redirect_uri or -oauth2-token-cookie-remove-subdomains",
			"host", c.Original.Host, "callback", callback, "remove", f.opts.RemoveSubdomains)
		c.Refuse(message.ReasonUnauthorized)
		return
	}
	client, err := f.client(c.Original.Host)
	if err != nil {
		f.unavailable(c, "begin a login", err)
		return
	}
	attempt, err := visit.Begin(callback, login.ReturnURL(c, f.scheme()))
	if err != nil {
		f.unavailable(c, "begin a login", err)
		return
	}
	to := client.AuthURL(attempt, f.authParam)
	stub, ok := filter.Annotation(c, stubAnnotation)
	if !ok {
		login.Redirect(c, to)
		return
	}
	c.ServeText(200, "text/html; charset=utf-8", strings.NewReplacer("{{authCodeURL}}", to, "{authCodeURL}", to).Replace(stub))
	c.Response.Header.Add("X-Auth-Code-Url", to)
	c.Response.Header.Add("Cache-Control", "no-store")
}

// unavailable answers that nobody can be let in now, and logs why.
func (c *config) unavailable(x *filter.Context, what string, err error) {
	if errors.Is(err, context.Canceled) && x.Context().Err() != nil {
		c.log.Debug("the client went away during a login", "during", what)
	} else if c.mayLog() {
		c.log.Error("nobody can be logged in now", "during", what, "error", err)
	}
	filter.SetState(x, "auth-reject-reason", "auth-service-access")
	x.Refuse(message.ReasonAuthUnavailable).Header.Add("Retry-After", "5")
}
