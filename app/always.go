package app

import (
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/limit"
)

// always returns the filters that routes begin with because an option says so.
func always(env *filter.Env) func(has func(name string) bool) []filter.Filter {
	limits := limit.Always(env)
	return func(has func(string) bool) []filter.Filter { return limits(has) }
}
