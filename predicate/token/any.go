package token

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "JWTPayloadAnyKV",
	Params:  params("value"),
	Doc:     "the bearer token, which nobody has verified yet, has one of these claims at least",
	Example: `staff: JWTPayloadAnyKV("iss", "https://login.example.org", "realm", "staff") -> "http://staff.example.org";`,
	Differs: differs,
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		return newPayload(v, env, false, false)
	},
})

var _ = predicate.Define(predicate.Def{
	Name:    "JWTPayloadAnyKVRegexp",
	Params:  params("expression"),
	Doc:     "the bearer token, which nobody has verified yet, has one claim at least that matches its expression",
	Example: `staff: JWTPayloadAnyKVRegexp("email", /@example[.]org$/, "realm", "^staff") -> "http://staff.example.org";`,
	Differs: differs,
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		return newPayload(v, env, false, true)
	},
})
