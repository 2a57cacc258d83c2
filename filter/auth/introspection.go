package auth

import (
	"os"
	"strings"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/kit/httpcall"
	"fairlead.dev/fairlead/secrets"
)

const (
	introspectionDiffers = challengeDiffers + "; the metadata of the issuer are fetched when the first token comes and not when the route is built, so that claims_supported is not checked; claims are looked for at the top, as RFC 7662 has them, where there is no object \"claims\""
	secureDiffers        = introspectionDiffers + "; id and secret may be secretRef: and the name of a secret of -credentials-paths"
)

var (
	_ = defineIntrospection("oauthTokenintrospectionAnyClaims", "lets tokens pass that have one of these claims, as their issuer says (RFC 7662)", anyClaim, `"group", "email"`)
	_ = defineIntrospection("oauthTokenintrospectionAllClaims", "lets tokens pass that have all of these claims, as their issuer says (RFC 7662)", allClaims, `"group", "email"`)
	_ = defineIntrospection("oauthTokenintrospectionAnyKV", "lets tokens pass of which one of these keys has its value, as their issuer says (RFC 7662)", anyPair, `"client_id", "shop", "client_id", "cart"`)
	_ = defineIntrospection("oauthTokenintrospectionAllKV", "lets tokens pass of which all of these keys have their values, as their issuer says (RFC 7662)", allPairs, `"client_id", "shop", "realm", "eu"`)
	_ = defineSecure("secureOauthTokenintrospectionAnyClaims", "is oauthTokenintrospectionAnyClaims for an issuer that wants to know who asks", anyClaim, `"group", "email"`)
	_ = defineSecure("secureOauthTokenintrospectionAllClaims", "is oauthTokenintrospectionAllClaims for an issuer that wants to know who asks", allClaims, `"group", "email"`)
	_ = defineSecure("secureOauthTokenintrospectionAnyKV", "is oauthTokenintrospectionAnyKV for an issuer that wants to know who asks", anyPair, `"client_id", "shop", "client_id", "cart"`)
	_ = defineSecure("secureOauthTokenintrospectionAllKV", "is oauthTokenintrospectionAllKV for an issuer that wants to know who asks", allPairs, `"client_id", "shop", "realm", "eu"`)
)

func defineIntrospection(name, doc string, newWanted want, args string) *filter.Def {
	return filter.Define(filter.Def{
		Name: name, Doc: doc, Differs: introspectionDiffers, Shareable: true,
		Params:  []arg.Param{{Name: "issuer", Type: arg.Text}, {Name: "wanted", Type: arg.Text, Many: true}},
		Example: `* -> ` + name + `("https://accounts.example.org", ` + args + `) -> "http://127.0.0.1:8080"`,
		New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
			return newIntrospection(v, env, 1, newWanted)
		},
	})
}

func defineSecure(name, doc string, newWanted want, args string) *filter.Def {
	return filter.Define(filter.Def{
		Name: name, Doc: doc + ": id and secret, if empty those of the environment (OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET)", Differs: secureDiffers, Shareable: true,
		Params: []arg.Param{
			{Name: "issuer", Type: arg.Text}, {Name: "id", Type: arg.Text}, {Name: "secret", Type: arg.Text},
			{Name: "wanted", Type: arg.Text, Many: true},
		},
		Example: `* -> ` + name + `("https://accounts.example.org", "proxy", "secretRef:/etc/fairlead/secrets/proxy", ` + args + `) -> "http://127.0.0.1:8080"`,
		New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
			f, err := newIntrospection(v, env, 3, newWanted)
			if err != nil {
				return nil, err
			}
			for i, name := range []string{"OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET"} {
				if f.client[i], err = newCredential(v, env, i+1, name); err != nil {
					return nil, err
				}
			}
			return f, nil
		},
	})
}

// credential is a text of the route or a secret that may change.
type credential struct {
	text    string
	secrets *secrets.Store // nil: text is it
}

// newCredential takes argument i, or the environment variable called name.
func newCredential(v arg.Values, env *filter.Env, i int, name string) (credential, error) {
	text := v.Text(i)
	if text == "" {
		text = os.Getenv(name)
	}
	ref, ok := strings.CutPrefix(text, "secretRef:")
	if !ok {
		if text == "" && !env.Offline {
			return credential{}, v.Wrong(i, "found nothing, and nothing in the environment variable %s", name)
		}
		return credential{text: text}, nil
	}
	s := secrets.In(env)
	if err := s.Check(ref); err != nil && !env.Offline {
		return credential{}, v.Wrong(i, "%w", err)
	}
	return credential{text: ref, secrets: s}, nil
}

func (c credential) get() (string, bool) {
	if c.secrets == nil {
		return c.text, true
	}
	return c.secrets.Get(c.text)
}

func newIntrospection(v arg.Values, env *filter.Env, first int, newWanted want) (*introspection, error) {
	if _, err := httpcall.CheckURL(v.Text(0)); err != nil {
		return nil, v.Wrong(0, "%w", err)
	}
	w, err := newWanted(v, first)
	if err != nil {
		return nil, err
	}
	return &introspection{
		provider: issuer.In(env).Provider(v.Text(0)), wanted: w,
		timeout: issuer.Options.From(env.Options).IntrospectTimeout,
	}, nil
}

type introspection struct {
	filter.RequestOnly
	provider *issuer.Provider
	client   [2]credential // id and secret
	wanted   wanted
	timeout  time.Duration
}

// introspected is what a provider said in this exchange: of a token, to a client.
type introspected struct {
	by     *issuer.Provider
	client issuer.Client
	token  string // of the request: it ends with the exchange, too
	claims issuer.Claims
}

// lastIntrospected spares a second question to the same issuer in one exchange.
var lastIntrospected = filter.NewKey[introspected]("introspected")

func (f *introspection) Request(c *filter.Context) {
	token, ok := bearer(c)
	if !ok {
		unauthorized(c, "", missingToken)
		return
	}
	claims, err := f.ask(c, token)
	if err != nil {
		failed(c, err)
		return
	}
	user, ok := claims.Text("sub")
	active, _ := claims["active"].(bool)
	switch {
	case !active:
		unauthorized(c, user, inactiveToken)
	case !ok:
		unauthorized(c, "", invalidSub)
	case !f.wanted.in(claims):
		unauthorized(c, user, invalidClaim)
	default:
		accept(c, user)
		issuer.Introspection.Set(c, claims)
	}
}

func (f *introspection) ask(c *filter.Context, token string) (issuer.Claims, error) {
	id, ok := f.client[0].get()
	secret, ok2 := f.client[1].get()
	if !ok || !ok2 {
		return nil, errMissing
	}
	client := issuer.Client{ID: id, Secret: secret}
	if last, ok := lastIntrospected.Get(c); ok && last.by == f.provider && last.client == client && last.token == token {
		return last.claims, nil
	}
	claims, err := f.provider.Introspect(c.Context(), f.timeout, client, token)
	if err == nil {
		lastIntrospected.Set(c, introspected{f.provider, client, token, claims})
	}
	return claims, err
}
