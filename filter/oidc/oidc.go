package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/kit/seal"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/secrets"
)

// infoField tells the backend all about the user, if the route names no fields.
const infoField = "Skipper-Oidc-Info"

// oidc is the filter.
type oidc struct {
	*config
	kind     string
	allowed  func(s *session, claims []string) bool
	jar      *login.Jar
	provider *issuer.Provider
	house    *house
	file     *secrets.File[*seal.Box] // nil: the secret is made up
	opts     *Values
	log      *slog.Logger
	graph    string // where groups are asked for
}

func newOIDC(kind string, allowed func(*session, []string) bool, v arg.Values, env *filter.Env) (filter.Filter, error) {
	cfg, err := newConfig(kind, v, env)
	if err != nil {
		return nil, err
	}
	f := &oidc{
		config: cfg, kind: kind, allowed: allowed, provider: issuer.In(env).Provider(cfg.provider), house: houseOf(env),
		opts: Options.From(env.Options), graph: microsoftGraph,
		log: env.Log.With("filter", "oidc", "provider", cfg.provider, "route", env.RouteID),
	}
	f.jar = &login.Jar{Name: cfg.cookie, Purpose: cfg.purpose, Remove: cfg.remove, Secure: cfg.callback.Scheme == "https"}
	if f.opts.SecretsFile == "" {
		f.jar.Box = f.house.ownBox
		return f, nil
	}
	if f.file, err = secrets.Open(secrets.In(env), f.opts.SecretsFile, login.ParseBox); err != nil {
		return nil, fmt.Errorf("option oidc-secrets-file: %w", err)
	}
	f.jar.Box = func() *seal.Box { return *f.file.Get() }
	return f, nil
}

// Close lets go of the secrets file.
func (f *oidc) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Request lets requests with a session pass, and logs the others in.
func (f *oidc) Request(c *filter.Context) {
	f.stripFields(c)
	visit := f.jar.Visit(c)
	if f.isCallback(&c.Original) {
		f.finish(c, visit)
		return
	}
	s := parseSession(visit.Session)
	if s != nil && s.over(time.Now()) {
		var err error
		if s, err = f.renew(c, visit, s); err != nil {
			f.unavailable(c, "renew a session", err)
			return
		}
	}
	switch {
	case s == nil:
		f.begin(c, visit)
	case !f.allowed(s, f.claims):
		filter.SetState(c, "auth-reject-reason", "invalid-claim")
		c.Refuse(message.ReasonForbidden)
	default:
		f.pass(c, s)
	}
}

// pass tells others who it is.
func (f *oidc) pass(c *filter.Context, s *session) {
	text := s.claims()
	claims, err := issuer.ParseClaims(text)
	if err != nil {
		f.unavailable(c, "read a session", err)
		return
	}
	issuer.Identity.Set(c, claims)
	login.SetIdentity(c, &login.Identity{Subject: s.Subject, Claims: text})
	f.tellBackend(c, s)
}

// Response tells the browser what to keep.
func (f *oidc) Response(c *filter.Context) { f.jar.Visit(c).Tell(&c.Response.Header) }

// HandlesErrors: a session that was renewed must not be lost with an answer.
func (f *oidc) HandlesErrors() bool { return true }

// isCallback reports whether the provider sent the browser here.
func (f *oidc) isCallback(r *filter.Original) bool {
	return r.Path == f.callback.Path && strings.EqualFold(login.HostName(r.Host), login.HostName(f.callback.Host))
}

// begin sends a browser to the provider.
func (f *oidc) begin(c *filter.Context, visit *login.Visit) {
	filter.SetState(c, "auth-reject-reason", "missing-token")
	if !login.Navigates(c.Request) {
		c.Refuse(message.ReasonUnauthorized)
		return
	}
	if !visit.Reaches(c, f.callback.Host) {
		f.log.Warn("nobody can log in: the host of the request and that of the callback share no cookies; ask for the page by another host, or change the callback or the subdomains to remove",
			"host", c.Original.Host, "callback", f.callback.Host, "remove", f.remove)
		c.Refuse(message.ReasonUnauthorized)
		return
	}
	client, err := f.client(c.Context())
	if err != nil {
		f.unavailable(c, "begin a login", err)
		return
	}
	params := url.Values{}
	for _, p := range f.params {
		value := p.value
		if value == fromQuery {
			if value, _ = message.QueryValue(c.Original.Query, p.name); value == "" {
				continue
			}
		}
		params.Set(p.name, value)
	}
	attempt, err := visit.Begin(f.callback.String(), login.ReturnURL(c, f.callback.Scheme))
	if err != nil {
		f.unavailable(c, "begin a login", err)
		return
	}
	params.Set("nonce", attempt.Nonce)
	login.Redirect(c, client.AuthURL(attempt, params))
}

// client returns what speaks to the provider.
func (f *oidc) client(ctx context.Context) (*login.Client, error) {
	m, err := f.provider.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	if m.AuthorizationEndpoint == "" || m.TokenEndpoint == "" {
		return nil, fmt.Errorf("the issuer %q names no endpoints for logins (authorization_endpoint, token_endpoint)", f.provider.URL())
	}
	id, ok := f.id()
	secret, ok2 := f.secret()
	if !ok || !ok2 || id == "" {
		return nil, errNoCredentials
	}
	return &login.Client{
		Config: oauth2.Config{
			ClientID: id, ClientSecret: secret, Scopes: f.scopes,
			Endpoint: oauth2.Endpoint{AuthURL: m.AuthorizationEndpoint, TokenURL: m.TokenEndpoint, AuthStyle: authStyle(m, secret)},
		},
		Calls: f.house.calls, Timeout: f.opts.ProviderTimeout,
	}, nil
}

// unavailable answers that nobody can be let in now, and logs why.
func (f *oidc) unavailable(c *filter.Context, what string, err error) {
	if errors.Is(err, context.Canceled) && c.Context().Err() != nil {
		f.log.Debug("the client went away during a login", "during", what)
	} else if f.house.mayLog() {
		f.log.Error("nobody can be logged in now", "during", what, "error", err)
	}
	filter.SetState(c, "auth-reject-reason", "auth-service-access")
	c.Refuse(message.ReasonAuthUnavailable).Header.Add("Retry-After", "5")
}

// refuse answers that a login failed, and says at level debug why.
func (f *oidc) refuse(c *filter.Context, why error) {
	f.log.Debug("a login was refused", "reason", why)
	filter.SetState(c, "auth-reject-reason", "invalid-token")
	login.Failed(c)
}
