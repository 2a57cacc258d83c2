package fixed

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "Tee",
	Params:  []arg.Param{{Name: "label", Type: arg.Text}},
	Doc:     "the request is a copy that teeLoopback made under this label; no client can send one",
	Example: `shadow: Path("/pay") && Tee("new") -> "http://new.example.org";`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		if v.Text(0) == "" {
			return nil, v.Wrong(0, `found "", expected the label of a teeLoopback`)
		}
		return tee(strings.Clone(v.Text(0))), nil
	},
})

type tee string

// Match implements predicate.Predicate.
func (t tee) Match(r *message.Request) bool { return r.Tee == string(t) }
