package header

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "Cookie",
	Params:  []arg.Param{{Name: "name", Type: arg.Text}, {Name: "expression", Type: arg.Regexp}},
	Doc:     "the client sent this cookie and its value matches the expression",
	Example: `alpha: Cookie("alpha", /^enabled$/) -> "http://alpha.example.org";`,
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		if err := checkName(v.Text(0)); err != nil {
			return nil, err
		}
		return cookie{name: v.Text(0), expr: env.Regexp(v.Text(1))}, nil
	},
})

type cookie struct {
	name string
	expr *predicate.Regexp
}

// Match implements predicate.Predicate. Of several cookies with the name the
// first counts.
func (c cookie) Match(r *message.Request) bool {
	value, ok := message.Cookie(&r.Header, c.name)
	return ok && c.expr.MatchString(value)
}
