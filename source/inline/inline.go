package inline

import (
	"context"
	"strings"

	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/source"
)

// Options of the source.
var Options = option.Define("source/inline", Values{})

// Values are the options of the source, spec 1.8.
type Values struct {
	Routes string `flag:"inline-routes" doc:"routes, written here"`
}

var _ = source.Define(source.Def{
	Name: "inline",
	Doc:  "routes on the command line",
	Open: func(env *source.Env) ([]source.Source, error) {
		text := Options.From(env.Options).Routes
		if strings.TrimSpace(text) == "" {
			return nil, nil
		}
		set, err := source.NewDocument("inline-routes").Read(strings.NewReader(text))
		if err != nil {
			return nil, err
		}
		return []source.Source{inline{set}}, nil
	},
})

// inline is a set that never changes.
type inline struct{ set source.Set }

// Name returns what the source is to people.
func (inline) Name() string { return "inline routes" }

// Routes returns the set.
func (i inline) Routes(context.Context) (source.Set, error) { return i.set, nil }

// Watch waits for the end of ctx.
func (inline) Watch(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}
