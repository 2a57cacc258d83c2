package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/httpcall"
	"fairlead.dev/fairlead/secrets"
)

// The arguments by position.
const (
	argProvider = iota
	argID
	argSecret
	argCallback
	argScopes
	argClaims
	argAuthOptions
	argHeaders
	argSubdomains
	argCookie
)

func params() []arg.Param {
	return []arg.Param{
		{Name: "provider", Type: arg.Text},
		{Name: "client id", Type: arg.Text},
		{Name: "client secret", Type: arg.Text},
		{Name: "callback", Type: arg.Text},
		{Name: "scopes", Type: arg.Text},
		{Name: "claims", Type: arg.Text},
		{Name: "authorization parameters", Type: arg.Text, Optional: true},
		{Name: "headers", Type: arg.Text, Optional: true},
		{Name: "subdomains to remove", Type: arg.Any, Optional: true},
		{Name: "cookie name", Type: arg.Text, Optional: true},
	}
}

// config is what the arguments say.
type config struct {
	provider   string
	id, secret func() (string, bool)
	// callback is the redirect URI, whole.
	callback *url.URL
	scopes   []string
	claims   []string
	params   []param
	headers  []header
	remove   int
	cookie   string
	// purpose names what must be equal for a session to count.
	purpose string
}

// param is a parameter for the provider's login page.
type param struct{ name, value string }

// fromQuery is the value of a param that is taken from the request.
const fromQuery = "skipper-request-query"

// header is a field for the backend: its value is what query finds in the
// document about the user.
type header struct{ name, query string }

// secretRef marks an id or secret that is kept in a file.
const secretRef = "secretRef:"

func newConfig(kind string, v arg.Values, env *filter.Env) (*config, error) {
	c := &config{provider: v.Text(argProvider), claims: quoted(strings.Fields(v.Text(argClaims)))}
	if u, err := httpcall.CheckURL(c.provider); err != nil {
		return nil, v.Wrong(argProvider, "%w", err)
	} else if u.RawQuery != "" {
		return nil, v.Wrong(argProvider, "found the URL %q with a query, expected that of an issuer", c.provider)
	}
	opts := Options.From(env.Options)
	var err error
	if c.id, err = credential(v, argID, opts.ClientID, env); err != nil {
		return nil, err
	}
	if c.secret, err = credential(v, argSecret, opts.ClientSecret, env); err != nil {
		return nil, err
	}
	if c.callback, err = httpcall.CheckURL(v.Text(argCallback)); err != nil {
		return nil, v.Wrong(argCallback, "%w", err)
	}
	if c.callback.Path == "" || c.callback.RawQuery != "" {
		return nil, v.Wrong(argCallback, "found the URL %q, expected one with a path and without a query", v.Text(argCallback))
	}
	c.scopes = scopes(v.Text(argScopes))
	if c.params, err = authParams(v); err != nil {
		return nil, err
	}
	if c.headers, err = headers(v); err != nil {
		return nil, err
	}
	if c.remove, err = subdomains(v, opts.RemoveSubdomains); err != nil {
		return nil, err
	}
	c.purpose = digest(kind, v)
	if c.cookie = v.Text(argCookie); c.cookie == "" {
		c.cookie = "fairlead-oidc-" + c.purpose[:8]
	}
	if filter.CheckFieldName(c.cookie) != nil || len(c.cookie) > 64 || strings.HasPrefix(c.cookie, "__") {
		return nil, v.Wrong(argCookie, "found the cookie name %q, expected up to 64 letters, digits and any of !#$%%&'*+-.^_`|~, not beginning with __", c.cookie)
	}
	return c, nil
}

// credential returns where to get an id or secret: the argument, a file, or the
// option.
func credential(v arg.Values, i int, fallback string, env *filter.Env) (func() (string, bool), error) {
	text := v.Text(i)
	if name, ok := strings.CutPrefix(text, secretRef); ok {
		store := secrets.In(env)
		if err := store.Check(name); err != nil && !env.Offline {
			return nil, v.Wrong(i, "%w", err)
		}
		return func() (string, bool) { return store.Get(name) }, nil
	}
	if text == "" {
		text = fallback
	}
	if text == "" && i == argID && !env.Offline {
		return nil, v.Wrong(i, "found none, expected one here or in the environment (OIDC_CLIENT_ID)")
	}
	return func() (string, bool) { return text, true }, nil
}

// scopes returns the scopes with openid, which makes it OpenID Connect.
func scopes(text string) []string {
	all := []string{"openid"}
	for _, s := range strings.Fields(text) {
		if s != "openid" {
			all = append(all, s)
		}
	}
	return all
}

// ours are parameters that the login itself needs as it sets them.
var ours = [...]string{
	"client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
	"code_challenge", "code_challenge_method", "request", "request_uri",
}

func authParams(v arg.Values) ([]param, error) {
	var all []param
	for _, pair := range strings.Fields(v.Text(argAuthOptions)) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, v.Wrong(argAuthOptions, `found %q, expected name=value, several separated by spaces`, pair)
		}
		for _, o := range ours {
			if name == o {
				return nil, v.Wrong(argAuthOptions, "found the parameter %q, which the login sets itself", name)
			}
		}
		all = append(all, param{name, value})
	}
	return all, nil
}

func headers(v arg.Values) ([]header, error) {
	var all []header
	for _, pair := range strings.Fields(v.Text(argHeaders)) {
		name, query, ok := strings.Cut(pair, ":")
		if !ok || query == "" {
			return nil, v.Wrong(argHeaders, `found %q, expected header:query, such as X-Email:claims.email, several separated by spaces`, pair)
		}
		if err := filter.CheckSettable(name); err != nil {
			return nil, v.Wrong(argHeaders, "%w", err)
		}
		all = append(all, header{name, query})
	}
	return all, nil
}

func subdomains(v arg.Values, usual int) (int, error) {
	if !v.Has(argSubdomains) || v.Text(argSubdomains) == "" && v.Raw()[argSubdomains].Kind == eskip.StringArg {
		return usual, nil
	}
	n, err := strconv.Atoi(v.Text(argSubdomains))
	if err != nil || n < 0 || n > 100 {
		return 0, v.Wrong(argSubdomains, "found %q, expected a whole number from 0", v.Text(argSubdomains))
	}
	return n, nil
}

// digest is equal for filters whose sessions are the same: what each of them asks
// of the claims, and what it tells the backend, is checked for each request.
func digest(kind string, v arg.Values) string {
	h := sha256.New()
	for _, s := range []string{
		kind, v.Text(argProvider), v.Text(argID), v.Text(argCallback), strings.Join(scopes(v.Text(argScopes)), " "),
		v.Text(argAuthOptions),
	} {
		h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// quoted makes paths of names, in which dots are no steps.
func quoted(names []string) []string {
	for i := range names {
		names[i] = gjson.Escape(names[i])
	}
	return names
}

var errNoCredentials = errors.New("the file with the client id or secret is gone")
