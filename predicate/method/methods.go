package method

import (
	"slices"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "Methods",
	Params:  []arg.Param{{Name: "method", Type: arg.Text, Many: true}},
	Doc:     "the method is one of these standard ones, written in any case",
	Example: `read: Path("/orders") && Methods("GET", "HEAD") -> "http://orders.example.org";`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		var s set
		for _, name := range v.Texts(0) {
			i := slices.Index(standard[:], strings.ToUpper(name))
			if i < 0 {
				return nil, unknown(name)
			}
			s |= 1 << i
		}
		return s, nil
	},
})

// set has a bit for each method of standard.
type set uint16

// Match implements predicate.Predicate.
func (s set) Match(r *message.Request) bool {
	for i, name := range standard {
		if s&(1<<i) != 0 && name == r.Method {
			return true
		}
	}
	return false
}
