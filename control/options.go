package control

import (
	"errors"
	"fmt"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
)

// Options of the loop.
var Options = option.Define("control", Values{})

// Values are the options of the loop, spec 1.8.
type Values struct {
	WaitFirstLoad bool `flag:"wait-first-route-load" doc:"listen only when every source has delivered its routes"`
	Quiet         bool `flag:"suppress-route-update-logs" doc:"log how many routes changed, not which"`
	Created       bool `flag:"route-creation-metrics" doc:"measure how old the objects that originMarker names are when their routes begin to serve"`
}

// Open returns the sources that the options ask for, in the order in which they
// take precedence: by the name of their kind (file, inline, remote), then as
// the option lists them.
func Open(env *source.Env) ([]source.Source, error) {
	var all []source.Source
	var errs []error
	for _, def := range source.All() {
		opened, err := def.Open(env)
		if err != nil {
			errs = append(errs, fmt.Errorf("open %s: %w", def.Doc, err))
		}
		all = append(all, opened...)
	}
	return all, errors.Join(errs...)
}
