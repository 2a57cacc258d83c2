package note

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "comment",
	Params:    []arg.Param{{Name: "text", Type: arg.Text}},
	Doc:       "does nothing; the text is for people",
	Example:   `* -> comment("moved in May") -> redirectTo(308, "/new") -> <shunt>`,
	Shareable: true,
	New: func(arg.Values, *filter.Env) (filter.Filter, error) {
		return comment{}, nil
	},
})

type comment struct{}

func (comment) Request(*filter.Context)  {}
func (comment) Response(*filter.Context) {}

// Phases says that there is nothing to call.
func (comment) Phases() filter.Phase { return 0 }
