package host

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "Host",
	Params:  []arg.Param{{Name: "expression", Type: arg.Regexp}},
	Doc:     "the host, port included when the client sent one, matches the expression",
	Example: `www: Host(/^www[.]example[.]org(:[0-9]+)?$/) -> "http://www.example.org";`,
	New: func(v arg.Values, env *predicate.Env) (predicate.Predicate, error) {
		return matching{env.Regexp(v.Text(0))}, nil
	},
})

type matching struct{ expr *predicate.Regexp }

// HostPattern implements predicate.Host.
func (m matching) HostPattern() (expr string, exact []string) { return m.expr.String(), nil }

// Match implements predicate.Predicate.
func (m matching) Match(r *message.Request) bool { return m.expr.MatchString(r.Host) }
