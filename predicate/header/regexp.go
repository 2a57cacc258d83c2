package header

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "HeaderRegexp",
	Params:  []arg.Param{{Name: "name", Type: arg.Text}, {Name: "expression", Type: arg.Regexp}},
	Doc:     "one of the values of the header field matches the expression",
	Example: `english: HeaderRegexp("Accept-Language", "^en(-|$)") -> "http://en.example.org";`,
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		if err := checkName(v.Text(0)); err != nil {
			return nil, err
		}
		return matching{name: v.Text(0), expr: env.Regexp(v.Text(1))}, nil
	},
})

type matching struct {
	name string
	expr *predicate.Regexp
}

// WeightKey implements predicate.WeightKeyed: conditions on the same field
// count once.
func (m matching) WeightKey() string { return strings.ToLower(m.name) }

// Match implements predicate.Predicate.
func (m matching) Match(r *message.Request) bool {
	for value := range r.Header.Values(m.name) {
		if m.expr.MatchString(value) {
			return true
		}
	}
	return false
}
