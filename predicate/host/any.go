package host

import (
	"slices"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "HostAny",
	Params:  []arg.Param{{Name: "host", Type: arg.Text, Many: true}},
	Doc:     "the host, port included when the client sent one, is one of these",
	Example: `www: HostAny("example.org", "www.example.org") -> "http://www.example.org";`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		hosts := v.Texts(0)
		slices.Sort(hosts)
		return list(slices.Compact(hosts)), nil
	},
})

// list is sorted.
type list []string

// HostPattern implements predicate.Host.
func (l list) HostPattern() (expr string, exact []string) { return "", l }

// Match implements predicate.Predicate.
func (l list) Match(r *message.Request) bool {
	_, found := slices.BinarySearch(l, r.Host)
	return found
}
