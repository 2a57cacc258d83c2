package method

import (
	"fmt"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/kit/suggest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "Method",
	Params:  []arg.Param{{Name: "method", Type: arg.Text}},
	Once:    true,
	Doc:     "the method is this one, written in the same case",
	Example: `orders: Path("/orders") && Method("POST") -> "http://orders.example.org";`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		if !message.IsToken(v.Text(0)) {
			return nil, fmt.Errorf(`found %q, expected a method such as "GET"`, v.Text(0))
		}
		return exactly(v.Text(0)), nil
	},
})

type exactly string

// Match implements predicate.Predicate.
func (m exactly) Match(r *message.Request) bool { return r.Method == string(m) }

// standard are the methods of RFC 9110 9.3 and RFC 5789, in the order of their
// bits in set.
var standard = [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}

// unknown says that name is no standard method.
func unknown(name string) error {
	if n := suggest.Nearest(name, standard[:]); n != "" {
		return fmt.Errorf("unknown method %q, did you mean %q?", name, n)
	}
	return fmt.Errorf("unknown method %q, expected one of %q; Method takes any", name, standard)
}
