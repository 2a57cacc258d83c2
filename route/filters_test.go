package route_test

import (
	"errors"
	"fmt"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

// journal collects what filters report, one for each compiler: it hangs on
// filter.Env.
type journal struct{ lines []string }

type journalKey struct{}

func journalOf(env *filter.Env) *journal {
	return env.Shared(journalKey{}, func() any { return new(journal) }).(*journal)
}

func (j *journal) add(format string, args ...any) {
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

type both struct {
	name string
	j    *journal
}

func (f both) Request(*filter.Context)  { f.j.add("request %s", f.name) }
func (f both) Response(*filter.Context) { f.j.add("response %s", f.name) }

type requestOnly struct {
	both
	filter.RequestOnly
}

func (f requestOnly) Response(*filter.Context)    {}
func (f requestOnly) Phases() filter.Phase        { return filter.InRequest }
func (f responseOnly) Phases() filter.Phase       { return filter.InResponse }
func (f responseOnly) HandlesErrors() bool        { return f.name == "errors" }
func (f closing) Close() error                    { f.j.add("close %s", f.name); return f.err }
func (f panicking) Close() error                  { panic("closing") }
func (f panicking) Phases() filter.Phase          { return f.phases() }
func (truth) Match(*message.Request) bool         { return true }
func (notComparable) Match(*message.Request) bool { return true }

type (
	responseOnly struct{ both }
	closing      struct {
		both
		err error
	}
	panicking struct {
		both
		phases func() filter.Phase
	}
	truth         struct{}
	notComparable []int
)

func define(name string, params []arg.Param, create func(arg.Values, *filter.Env) (filter.Filter, error)) *filter.Def {
	return filter.Define(filter.Def{Name: name, Doc: "for tests", Example: "* -> <shunt>", Params: params, New: create})
}

var text = []arg.Param{{Name: "name", Type: arg.Text}}

var _ = []*filter.Def{
	define("both", text, func(v arg.Values, e *filter.Env) (filter.Filter, error) {
		return both{v.Text(0), journalOf(e)}, nil
	}),
	define("requestOnly", text, func(v arg.Values, e *filter.Env) (filter.Filter, error) {
		return requestOnly{both: both{v.Text(0), journalOf(e)}}, nil
	}),
	define("responseOnly", text, func(v arg.Values, e *filter.Env) (filter.Filter, error) {
		return responseOnly{both{v.Text(0), journalOf(e)}}, nil
	}),
	define("closing", text, func(v arg.Values, e *filter.Env) (filter.Filter, error) {
		f := closing{both: both{v.Text(0), journalOf(e)}}
		if f.name == "badly" {
			f.err = errors.New("stuck")
		}
		return f, nil
	}),
	define("panicking", text, func(v arg.Values, e *filter.Env) (filter.Filter, error) {
		f := panicking{both{v.Text(0), journalOf(e)}, func() filter.Phase { return filter.InRequest }}
		switch f.name {
		case "new":
			panic("constructing")
		case "phases":
			f.phases = func() filter.Phase { panic("phasing") }
		}
		return f, nil
	}),
	define("nothing", nil, func(arg.Values, *filter.Env) (filter.Filter, error) { return nil, nil }),
	define("refusing", nil, func(arg.Values, *filter.Env) (filter.Filter, error) { return nil, errors.New("not today") }),
	define("whoami", nil, func(_ arg.Values, e *filter.Env) (filter.Filter, error) {
		journalOf(e).add("made for %s", e.RouteID)
		return both{"", journalOf(e)}, nil
	}),
}

func predicateDef(name string, once bool, create func(arg.Values, *predicate.Env) (predicate.Predicate, error)) *predicate.Def {
	return predicate.Define(predicate.Def{Name: name, Once: once, Doc: "for tests", Example: "* -> <shunt>", Params: []arg.Param{{Name: "n", Type: arg.Int, Optional: true}}, New: create})
}

var _ = []*predicate.Def{
	predicateDef("Truth", false, func(arg.Values, *predicate.Env) (predicate.Predicate, error) { return truth{}, nil }),
	predicateDef("Single", true, func(arg.Values, *predicate.Env) (predicate.Predicate, error) { return notComparable{1}, nil }),
	predicateDef("Refusing", false, func(arg.Values, *predicate.Env) (predicate.Predicate, error) { return nil, errors.New("never") }),
	predicateDef("Panicking", false, func(arg.Values, *predicate.Env) (predicate.Predicate, error) { panic("constructing") }),
}

type algorithm struct{ endpoints []*backend.Endpoint }

func (a algorithm) Pick(*backend.Pick) *backend.Endpoint { return a.endpoints[0] }

var _ = []*backend.AlgorithmDef{
	backend.DefineAlgorithm(backend.AlgorithmDef{Name: "roundRobin", Doc: "for tests", New: func(e []*backend.Endpoint) backend.Algorithm { return algorithm{e} }}),
	backend.DefineAlgorithm(backend.AlgorithmDef{Name: "random", Doc: "for tests", New: func(e []*backend.Endpoint) backend.Algorithm { return algorithm{e[1:]} }}),
	backend.DefineAlgorithm(backend.AlgorithmDef{Name: "broken", Doc: "for tests", New: func([]*backend.Endpoint) backend.Algorithm { panic("algorithm") }}),
}
