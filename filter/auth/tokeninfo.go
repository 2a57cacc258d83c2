package auth

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
)

const tokeninfoDiffers = challengeDiffers + "; a scope may also be one string with spaces; a tokeninfo is looked up once at a time for all that wait"

var (
	_ = defineTokeninfo("oauthTokeninfoAnyScope", "lets tokens pass that have one of these scopes, as the service of -oauth2-tokeninfo-url says", anyScope,
		`* -> oauthTokeninfoAnyScope("read", "write") -> "http://127.0.0.1:8080"`)
	_ = defineTokeninfo("oauthTokeninfoAllScope", "lets tokens pass that have all of these scopes, as the service of -oauth2-tokeninfo-url says", allScopes,
		`* -> oauthTokeninfoAllScope("read", "write") -> "http://127.0.0.1:8080"`)
	_ = defineTokeninfo("oauthTokeninfoAnyKV", "lets tokens pass of which one of these keys has its value, as the service of -oauth2-tokeninfo-url says", anyPair,
		`* -> oauthTokeninfoAnyKV("realm", "/employees", "realm", "/services") -> "http://127.0.0.1:8080"`)
	_ = defineTokeninfo("oauthTokeninfoAllKV", "lets tokens pass of which all of these keys have their values, as the service of -oauth2-tokeninfo-url says", allPairs,
		`* -> oauthTokeninfoAllKV("realm", "/employees", "client_id", "shop") -> "http://127.0.0.1:8080"`)
)

// want makes what a filter asks for of the arguments from number i on.
type want func(v arg.Values, i int) (wanted, error)

func anyScope(v arg.Values, i int) (wanted, error) {
	n, err := newNames(v, i, false)
	return &scopes{n}, err
}

func allScopes(v arg.Values, i int) (wanted, error) {
	n, err := newNames(v, i, true)
	return &scopes{n}, err
}

func anyClaim(v arg.Values, i int) (wanted, error) {
	n, err := newNames(v, i, false)
	return &claimed{n}, err
}

func allClaims(v arg.Values, i int) (wanted, error) {
	n, err := newNames(v, i, true)
	return &claimed{n}, err
}

func anyPair(v arg.Values, i int) (wanted, error)  { return newPairs(v, i, false) }
func allPairs(v arg.Values, i int) (wanted, error) { return newPairs(v, i, true) }

func defineTokeninfo(name, doc string, newWanted want, example string) *filter.Def {
	return filter.Define(filter.Def{
		Name: name, Doc: doc, Example: example, Differs: tokeninfoDiffers, Shareable: true,
		Params: []arg.Param{{Name: "wanted", Type: arg.Text, Many: true}},
		New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
			w, err := newWanted(v, 0)
			if err != nil {
				return nil, err
			}
			s, err := tokeninfoService(env)
			return &tokeninfo{service: s, wanted: w}, err
		},
	})
}

// tokeninfoService returns the service to ask; nil where routes are only checked.
func tokeninfoService(env *filter.Env) (*issuer.Service, error) {
	s, err := issuer.TokeninfoIn(env)
	if err != nil && env.Offline {
		return nil, nil
	}
	return s, err
}

type tokeninfo struct {
	filter.RequestOnly
	service *issuer.Service
	wanted  wanted
}

func (f *tokeninfo) Request(c *filter.Context) {
	claims, ok := issuer.Tokeninfo.Get(c)
	if !ok {
		token, there := bearer(c)
		if !there {
			unauthorized(c, "", missingBearerToken)
			return
		}
		var err error
		if claims, err = ask(c, f.service, token); err != nil {
			failed(c, err)
			return
		}
	}
	user := subject(claims, f.service)
	if !f.wanted.in(claims) {
		forbidden(c, user, invalidScope)
		return
	}
	accept(c, user)
	issuer.Tokeninfo.Set(c, claims)
}

// ask asks s, which is nil where routes are only checked.
func ask(c *filter.Context, s *issuer.Service, token string) (issuer.Claims, error) {
	if s == nil {
		return nil, errOffline
	}
	return s.Ask(c.Context(), token)
}

// subject returns who somebody is, "" if the tokeninfo does not say.
func subject(claims issuer.Claims, s *issuer.Service) string {
	if s == nil {
		return ""
	}
	user, _ := claims.Text(s.SubjectKey())
	return user
}
