package grant

import (
	"context"
	"fmt"
	"strings"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/source"
)

var _ = source.Define(source.Def{
	Name: "grant",
	Doc:  "the callback route of the OAuth 2 grant flow",
	Open: func(env *source.Env) ([]source.Source, error) {
		o := login.Options.From(env.Options)
		if !o.GrantFlow {
			return nil, nil
		}
		if !strings.HasPrefix(o.CallbackPath, "/") || strings.ContainsAny(o.CallbackPath, ":*?# ") {
			return nil, fmt.Errorf("option -oauth2-callback-path: found %q, expected a path such as /.well-known/oauth2-callback", o.CallbackPath)
		}
		return []source.Source{callback{o.CallbackPath}}, nil
	},
})

// callback is a set with one route that never changes.
type callback struct{ path string }

// Name returns what the source is to people.
func (callback) Name() string { return "oauth2 callback" }

// Routes returns the route.
func (c callback) Routes(context.Context) (source.Set, error) {
	return source.Set{Routes: []*eskip.Route{{
		ID:         login.CallbackRoute,
		Predicates: []eskip.Call{{Name: "Path", Args: []eskip.Arg{eskip.String(c.path)}}},
		Filters:    []eskip.Call{{Name: "grantCallback"}},
		Backend:    eskip.Backend{Type: eskip.Shunt},
	}}}, nil
}

// Watch waits for the end of ctx.
func (callback) Watch(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}
