package main

import (
	"strings"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// Weekday is a predicate: the route serves on these days only.
var _ = predicate.Define(predicate.Def{
	Name:    "Weekday",
	Params:  []arg.Param{{Name: "day", Type: arg.Text, Many: true}},
	Doc:     "the request came on one of these days (UTC)",
	Example: `* && Weekday("Saturday", "Sunday") -> <shunt>`,
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		var days weekdays
		for i, name := range v.Texts(0) {
			day, ok := dayOf(name)
			if !ok {
				return nil, v.Wrong(i, "found %q, expected the English name of a day", name)
			}
			days[day] = true
		}
		return days, nil
	},
})

func dayOf(name string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), name) {
			return d, true
		}
	}
	return 0, false
}

type weekdays [7]bool

// Match implements predicate.Predicate.
func (w weekdays) Match(r *message.Request) bool { return w[r.Received.UTC().Weekday()] }
