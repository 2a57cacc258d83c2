package app

import (
	"slices"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/breaker"
	"fairlead.dev/fairlead/filter/limit"
)

// always returns the filters that routes begin with because an option says so. The
// error says what is wrong with the options.
func always(env *filter.Env) (func(has func(name string) bool) []filter.Filter, error) {
	limits := limit.Always(env)
	breakers, err := breaker.Always(env)
	if err != nil {
		return nil, err
	}
	return func(has func(string) bool) []filter.Filter { return slices.Concat(limits(has), breakers(has)) }, nil
}
