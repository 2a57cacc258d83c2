package path

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "PathRegexp",
	Params:  []arg.Param{{Name: "expression", Type: arg.Regexp}},
	Doc:     "the path matches the expression, which may be anywhere in it unless it is anchored",
	Example: `colors: PathSubtree("/colors") && PathRegexp(/^\/colors\/(red|green)($|\/)/) -> "http://colors.example.org";`,
	Differs: "The path that is matched, cleaned, is the path that is forwarded.",
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		return matching{env.Regexp(v.Text(0))}, nil
	},
})

type matching struct{ expr *predicate.Regexp }

// Match implements predicate.Predicate.
func (m matching) Match(r *message.Request) bool {
	return m.expr.MatchString(message.CleanPath(r.Path))
}
