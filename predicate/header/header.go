package header

import (
	"fmt"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "Header",
	Params:  []arg.Param{{Name: "name", Type: arg.Text}, {Name: "value", Type: arg.Text}},
	Doc:     "one of the values of the header field is this one",
	Example: `json: Header("Accept", "application/json") -> "http://api.example.org";`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		if err := checkName(v.Text(0)); err != nil {
			return nil, err
		}
		return exactly{name: v.Text(0), value: v.Text(1)}, nil
	},
})

type exactly struct{ name, value string }

// Match implements predicate.Predicate.
func (e exactly) Match(r *message.Request) bool {
	for value := range r.Header.Values(e.name) {
		if value == e.value {
			return true
		}
	}
	return false
}

// checkName makes sure that name is a token: no header field has any other
// name, and no cookie (RFC 9110 5.1, RFC 6265 4.1.1).
func checkName(name string) error {
	if !message.IsToken(name) {
		return fmt.Errorf("found the name %q, expected letters, digits and dashes", name)
	}
	return nil
}
