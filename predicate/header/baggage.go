package header

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "OTelBaggage",
	Params:  []arg.Param{{Name: "key", Type: arg.Text}, {Name: "value", Type: arg.Text, Optional: true}},
	Doc:     "the baggage of the request has this member, and with this value if one is given",
	Example: `canary: OTelBaggage("cohort", "canary") -> "http://canary.example.org";`,
	Differs: `The header field itself is read, whether traces are kept or not. Members that are well formed count although others are not.`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		if !message.IsToken(v.Text(0)) {
			return nil, v.Wrong(0, "found %q, expected the key of a member: letters, digits and some signs", v.Text(0))
		}
		return carried{key: v.Text(0), value: v.Text(1), any: !v.Has(1)}, nil
	},
})

// carried asks for a member of the baggage.
type carried struct {
	key, value string
	any        bool // value does not count
}

// Match implements predicate.Predicate.
func (c carried) Match(r *message.Request) bool {
	value, ok := message.Baggage(&r.Header, c.key)
	return ok && (c.any || value == c.value)
}
