package filtertest

import (
	"fmt"
	"slices"
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
)

// Build makes an instance of the filter called name. args are strings and
// numbers, as they would be in a route. It fails the test when the arguments
// are wrong. A filter that holds resources is closed when the test ends.
func Build(t testing.TB, name string, args ...any) filter.Filter {
	t.Helper()
	return BuildEnv(t, nil, name, args...)
}

// BuildEnv is Build in an environment of the caller's; nil means default
// options.
func BuildEnv(t testing.TB, env *filter.Env, name string, args ...any) filter.Filter {
	t.Helper()
	f, err := build(t, env, name, args)
	if err != nil {
		t.Fatalf("%s(%v): %v", name, args, err)
	}
	if c, ok := f.(filter.Closer); ok {
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Errorf("close %s: %v", name, err)
			}
		})
	}
	return f
}

// BuildError returns the error that wrong arguments give. It fails the test
// when they are accepted.
func BuildError(t testing.TB, name string, args ...any) error {
	t.Helper()
	f, err := build(t, nil, name, args)
	if err == nil {
		if c, ok := f.(filter.Closer); ok {
			_ = c.Close() // the test failed already
		}
		t.Fatalf("%s(%v) was accepted", name, args)
	}
	return err
}

// BuildCall makes an instance of a filter as it stands in a parsed route.
func BuildCall(env *filter.Env, call eskip.Call) (filter.Filter, error) {
	d := filter.Lookup(call.Name)
	if d == nil {
		return nil, fmt.Errorf("unknown filter %q", call.Name)
	}
	if env == nil {
		env = filter.NewEnv(nil, nil)
	}
	v, err := arg.Check(d.Params, call.Args)
	if err != nil {
		return nil, err
	}
	f, err := d.New(v, env.ForRoute("test"))
	if err == nil && f == nil {
		return nil, fmt.Errorf("filter %q: its constructor gave neither a filter nor an error", call.Name)
	}
	return f, err
}

func build(t testing.TB, env *filter.Env, name string, args []any) (filter.Filter, error) {
	t.Helper()
	if !slices.Contains(filter.Names(), name) {
		t.Fatalf("unknown filter %q: is its package imported?", name)
	}
	call := eskip.Call{Name: name}
	for _, a := range args {
		call.Args = append(call.Args, argument(t, a))
	}
	return BuildCall(env, call)
}

func argument(t testing.TB, a any) eskip.Arg {
	t.Helper()
	switch a := a.(type) {
	case string:
		return eskip.String(a)
	case int:
		return eskip.Number(float64(a))
	case float64:
		return eskip.Number(a)
	}
	t.Fatalf("argument %v: filters take strings and numbers, not a %T", a, a)
	return eskip.Arg{}
}
