package query

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name: "QueryParam",
	Params: []arg.Param{
		{Name: "name", Type: arg.Text},
		{Name: "expression", Type: arg.Regexp, Optional: true, Default: "any value"},
	},
	Doc:     "the query has this parameter, and one of its values matches the expression when there is one",
	Example: `beta: Path("/search") && QueryParam("version", /^2([.]|$)/) -> "http://beta.example.org";`,
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		p := parameter{name: v.Text(0)}
		if v.Has(1) {
			p.expr = env.Regexp(v.Text(1))
		}
		return p, nil
	},
})

type parameter struct {
	name string
	// expr is nil when any value will do.
	expr *predicate.Regexp
}

// Match implements predicate.Predicate. It allocates when a value is written
// with escapes and must be compared with an expression.
func (p parameter) Match(r *message.Request) bool {
	if p.expr == nil {
		return message.QueryHas(r.Query, p.name)
	}
	for value := range message.QueryValues(r.Query, p.name) {
		if p.expr.MatchString(value) {
			return true
		}
	}
	return false
}
