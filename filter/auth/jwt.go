package auth

import (
	"context"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/kit/httpcall"
)

const jwtDiffers = challengeDiffers + "; keys are fetched when the first token comes and not when the route is built; tokens without an expiry are refused, only signatures with public keys count, and a token is verified even if a filter before has found out who sends the request"

var _ = filter.Define(filter.Def{
	Name:      "jwtValidation",
	Params:    []arg.Param{{Name: "issuer", Type: arg.Text}},
	Doc:       "lets tokens (JWT) pass that this issuer signed; its keys are where its metadata say",
	Example:   `* -> jwtValidation("https://accounts.example.org") -> "http://127.0.0.1:8080"`,
	Differs:   jwtDiffers + "; the token must say that it is of this issuer (iss)",
	Shareable: true,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		if _, err := httpcall.CheckURL(v.Text(0)); err != nil {
			return nil, v.Wrong(0, "%w", err)
		}
		return &jwtValidation{verifier: issuer.In(env).Provider(v.Text(0))}, nil
	},
})

var _ = filter.Define(filter.Def{
	Name:      "jwtValidationKeys",
	Params:    []arg.Param{{Name: "url", Type: arg.Text}},
	Doc:       "lets tokens (JWT) pass that a key of this key set (JWKS) signed, whoever their issuer is",
	Example:   `* -> jwtValidationKeys("https://accounts.example.org/keys") -> "http://127.0.0.1:8080"`,
	Differs:   jwtDiffers,
	Shareable: true,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		if _, err := httpcall.CheckURL(v.Text(0)); err != nil {
			return nil, v.Wrong(0, "%w", err)
		}
		return &jwtValidation{verifier: issuer.In(env).Keys(v.Text(0))}, nil
	},
})

// verifier is an issuer or a key set.
type verifier interface {
	Verify(ctx context.Context, token string, e issuer.Expect) (issuer.Claims, error)
}

type jwtValidation struct {
	filter.RequestOnly
	verifier verifier
}

func (f *jwtValidation) Request(c *filter.Context) {
	token, ok := bearer(c)
	if !ok {
		unauthorized(c, "", missingToken)
		return
	}
	claims, err := f.verifier.Verify(c.Context(), token, issuer.Expect{})
	if err != nil {
		failed(c, err)
		return
	}
	user, ok := claims.Text("sub")
	if !ok {
		unauthorized(c, "", invalidSub)
		return
	}
	accept(c, user)
	issuer.Identity.Set(c, claims)
}
