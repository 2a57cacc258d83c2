package route

import (
	"errors"
	"fmt"
	"slices"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/predicate"
	"fairlead.dev/fairlead/source"
)

// Compiler makes routes from definitions. New makes one from options. Its
// fields are set before the first use; it is then safe for concurrent use as
// far as the constructors are.
type Compiler struct {
	// FilterEnv and PredicateEnv are what constructors get.
	FilterEnv    *filter.Env
	PredicateEnv *predicate.Env
	// Endpoints is where routes acquire their endpoints.
	Endpoints *backend.Set

	// Prepend and Append are the default filters, put around the filters of
	// every route but <forward> ones.
	Prepend, Append []eskip.Call
	// Rewriter, if set, is what definitions pass through before they are compiled:
	// who reads them from sources calls it.
	Rewriter *Rewriter
	// Bare, if set, is the id of a route that gets no default filters: one of the
	// process's own, which has to serve whatever they ask for.
	Bare string
	// Disabled lists filters that no route may use.
	Disabled []string
	// DefaultAlgorithm serves load balanced backends that name none; "" is
	// roundRobin.
	DefaultAlgorithm string
	// ForwardURL is the address of <forward> backends.
	ForwardURL string

	// Attach, if set, is called once for each compiled route; what it returns
	// becomes Route.Attachment.
	Attach func(*Route) any
	// AttachStep, if set, is called for each filter with its name; what it
	// returns becomes Step.Attachment. Equal names must give equal values.
	AttachStep func(name string) any
	// Pending, if set, tells of a filter or predicate (kind) that is not known
	// that it is known to be missing, and until when; "" otherwise.
	Pending func(kind, name string) string

	// Always, if set, returns filters of the process's own that a route begins with,
	// whatever its definition says; has tells by name which filters that one has.
	// The routes share them and do not close them; <forward> routes have none.
	Always func(has func(name string) bool) []filter.Filter

	chains chains
}

// Compile makes the route of a definition, or says everything that is wrong
// with it: the reason of the problem is that of the first mistake, its error
// lists all of them.
func (c *Compiler) Compile(def *eskip.Route) (*Route, *source.Problem) {
	b := builder{Compiler: c, route: &Route{ID: def.ID, Definition: def, endpoints: c.Endpoints}}
	b.predicates(def.Predicates)
	if def.Backend.Type != eskip.Forward {
		b.filters(def.Filters)
	}
	b.backend(def)
	if len(b.faults) > 0 {
		return nil, b.problem()
	}
	if err := protect(func() { b.route.advise(backend.Adviser.Advise) }); err != nil {
		b.fail(Other, at(def.Pos, err))
		return nil, b.problem()
	}
	if c.Attach != nil {
		b.route.Attachment = c.Attach(b.route)
	}
	return b.route, nil
}

// problem takes back what was made of the definition and says what is wrong with it.
func (b *builder) problem() *source.Problem {
	if err := b.route.Close(); err != nil {
		b.fail(Other, err)
	}
	def := b.route.Definition
	return &source.Problem{RouteID: def.ID, Reason: b.faults[0].reason, Err: b.faults, Route: def}
}

// Check compiles a definition, throws the route away, and returns what is
// wrong with it. Attach is not called.
func (c *Compiler) Check(def *eskip.Route) []error {
	quiet := Compiler{
		FilterEnv: c.FilterEnv, PredicateEnv: c.PredicateEnv, Endpoints: new(backend.Set),
		Prepend: c.Prepend, Append: c.Append, Bare: c.Bare, Disabled: c.Disabled,
		DefaultAlgorithm: c.DefaultAlgorithm, ForwardURL: c.ForwardURL, Pending: c.Pending,
	}
	r, problem := quiet.Compile(def)
	if problem == nil {
		if err := r.Close(); err != nil {
			return []error{err}
		}
		return nil
	}
	if many, ok := problem.Err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{problem.Err}
}

// Effective returns the definition with the default filters around its own: def
// itself when there are none. Filters of a <forward> route are dropped: the
// next hop applies them.
func (c *Compiler) Effective(def *eskip.Route) *eskip.Route {
	forward := def.Backend.Type == eskip.Forward && len(def.Filters) > 0
	prepend, after := c.around(def.ID)
	if !forward && len(prepend)+len(after) == 0 {
		return def
	}
	e := *def
	e.Filters = nil
	if def.Backend.Type != eskip.Forward {
		e.Filters = slices.Concat(prepend, def.Filters, after)
	}
	return &e
}

// around returns the default filters of the route called id.
func (c *Compiler) around(id string) (prepend, after []eskip.Call) {
	if c.Bare != "" && id == c.Bare {
		return nil, nil
	}
	return c.Prepend, c.Append
}

// The reasons why a definition does not compile, spec 1.11. They are values of
// source.Problem.Reason.
const (
	UnknownFilter          = "unknown_filter"
	InvalidFilterParams    = "invalid_filter_params"
	UnknownPredicate       = "unknown_predicate"
	InvalidPredicateParams = "invalid_predicate_params"
	FailedBackendSplit     = "failed_backend_split"
	InvalidMatcher         = "invalid_matcher"
	Other                  = "other"
)

// builder is one compilation.
type builder struct {
	*Compiler
	route  *Route
	env    *filter.Env
	faults faults
}

func (b *builder) fail(reason string, err error) {
	b.faults = append(b.faults, fault{reason, err})
}

// failAt reports a mistake in a call.
func (b *builder) failAt(call *eskip.Call, reason string, err error) {
	b.fail(reason, at(call.Pos, err))
}

func (b *builder) predicates(calls []eskip.Call) {
	if len(calls) > 0 {
		b.route.Predicates = make([]predicate.Predicate, 0, len(calls))
	}
	for i := range calls {
		call := &calls[i]
		if call.Name == "*" || call.Name == "Any" {
			continue // no condition
		}
		def := predicate.Lookup(call.Name)
		if def == nil {
			b.failAt(call, UnknownPredicate, b.unknown("predicate", call.Name, predicate.Names()))
			continue
		}
		if def.Once && named(calls[:i], call.Name) {
			b.failAt(call, InvalidMatcher, fmt.Errorf("predicate %s stands twice: a route may have one only", call.Name))
			continue
		}
		p, err := construct(def.Params, call.Args, func(v arg.Values) (predicate.Predicate, error) {
			return def.New(v, b.PredicateEnv)
		})
		if err != nil {
			b.failAt(call, InvalidPredicateParams, fmt.Errorf("predicate %s%s: %w", call.Name, arg.Signature(def.Params), err))
			continue
		}
		b.route.Predicates = append(b.route.Predicates, p)
	}
}

func named(calls []eskip.Call, name string) bool {
	return slices.ContainsFunc(calls, func(c eskip.Call) bool { return c.Name == name })
}

func (b *builder) filters(calls []eskip.Call) {
	prepend, after := b.around(b.route.ID)
	n := len(prepend) + len(calls) + len(after)
	if n == 0 && b.Always == nil {
		return
	}
	lists := [...][]eskip.Call{prepend, calls, after}
	var memory [512]byte
	text, sharing := memory[:0], true
	for _, list := range lists {
		if text, sharing = shareable(text, list); !sharing {
			break
		}
	}
	if sharing {
		if ch := b.chains.take(text); ch != nil {
			ch.lend(b.route)
			return
		}
	}
	before := len(b.faults)
	b.construct(lists[:], n)
	if sharing && len(b.faults) == before {
		b.route.chain = b.chains.add(text, b.route)
	}
}

// construct makes the n filters of lists.
func (b *builder) construct(lists [][]eskip.Call, n int) {
	b.env = b.FilterEnv.ForRoute(b.route.ID)
	always := b.always(lists)
	b.route.Filters = append(make([]Step, 0, len(always)+n), always...)
	for _, list := range lists {
		for i := range list {
			b.filter(&list[i])
		}
	}
	if err := protect(b.route.arrange); err != nil {
		b.fail(Other, err)
	}
}

// always returns the steps that a route with the filters of lists begins with.
func (b *builder) always(lists [][]eskip.Call) []Step {
	if b.Always == nil {
		return nil
	}
	var steps []Step
	for _, f := range b.Always(func(name string) bool {
		return slices.ContainsFunc(lists, func(list []eskip.Call) bool { return named(list, name) })
	}) {
		steps = append(steps, Step{Name: "always", Filter: f})
	}
	return steps
}

func (b *builder) filter(call *eskip.Call) {
	def := filter.Lookup(call.Name)
	if slices.Contains(b.Disabled, call.Name) || def != nil && slices.Contains(b.Disabled, def.Name) {
		b.failAt(call, UnknownFilter, fmt.Errorf("filter %q is disabled by the option disabled-filters", call.Name))
		return
	}
	if def == nil {
		b.failAt(call, UnknownFilter, b.unknown("filter", call.Name, filter.Names()))
		return
	}
	f, err := construct(def.Params, call.Args, func(v arg.Values) (filter.Filter, error) {
		return def.New(v, b.env)
	})
	if err != nil {
		b.failAt(call, InvalidFilterParams, fmt.Errorf("filter %s%s: %w", call.Name, arg.Signature(def.Params), err))
		return
	}
	step := Step{Name: call.Name, Filter: f}
	if b.AttachStep != nil {
		step.Attachment = b.AttachStep(call.Name)
	}
	b.route.Filters = append(b.route.Filters, step)
}

// construct checks args and calls a constructor, from which a panic comes back
// as an error.
func construct[T comparable](params []arg.Param, args []eskip.Arg, create func(arg.Values) (T, error)) (made T, err error) {
	v, err := arg.Check(params, args)
	if err != nil {
		return made, err
	}
	if p := protect(func() { made, err = create(v) }); p != nil {
		return made, p
	}
	var none T
	if err == nil && made == none {
		err = errors.New("its constructor gave nothing: a mistake in its code, please report it")
	}
	return made, err
}

// protect turns a panic into an error.
func protect(run func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("its code panicked: %v; please report it", p)
		}
	}()
	run()
	return nil
}
