package token

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "JWTPayloadAllKV",
	Params:  params("value"),
	Doc:     "the bearer token, which nobody has verified yet, has all of these claims",
	Example: `staff: JWTPayloadAllKV("iss", "https://login.example.org", "realm", "staff") -> "http://staff.example.org";`,
	Differs: differs,
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		return newPayload(v, env, true, false)
	},
})

var _ = predicate.Define(predicate.Def{
	Name:    "JWTPayloadAllKVRegexp",
	Params:  params("expression"),
	Doc:     "the bearer token, which nobody has verified yet, has all of these claims and each matches its expression",
	Example: `staff: JWTPayloadAllKVRegexp("email", /@example[.]org$/, "realm", "^staff") -> "http://staff.example.org";`,
	Differs: differs,
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		return newPayload(v, env, true, true)
	},
})
