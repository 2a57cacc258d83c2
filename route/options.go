package route

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/option"
	"fairlead.dev/fairlead/predicate"
)

// Options of compiling.
var Options = option.Define("route", Values{})

// Values are the options of compiling, spec 1.8.
type Values struct {
	Prepend    []string `flag:"default-filters-prepend" repeat:"true" doc:"filters put before those of every route, joined with ->"`
	Append     []string `flag:"default-filters-append" repeat:"true" doc:"filters put after those of every route, joined with ->"`
	Disabled   []string `flag:"disabled-filters" doc:"filters that no route may use: a route with one is invalid"`
	Clone      []string `flag:"clone-route" repeat:"true" doc:"/expression/replacement/: routes get a twin, with the id clone_ and their own, where the expression matches the text of predicates or filters"`
	Edit       []string `flag:"edit-route" repeat:"true" doc:"/expression/replacement/ in the text of each predicate and filter of all routes, clones and default filters included"`
	ForwardURL string   `flag:"forward-backend-url" doc:"where routes with the backend <forward> send their requests, without their filters"`
}

// New returns the compiler that the options ask for. pending is
// Compiler.Pending and may be nil. A default filter that is wrong or an address
// that is none is an error: it would break every route.
//
// Default filters that are known to be missing are left away with a warning if
// they only shape traffic or watch it; those that decide who may pass are an
// error.
func New(options *option.Set, log *slog.Logger, pending func(kind, name string) string) (*Compiler, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o := Options.From(options)
	c := &Compiler{
		FilterEnv:    filter.NewEnv(options, log),
		PredicateEnv: &predicate.Env{Options: options, Log: log},
		Endpoints:    new(backend.Set),
		Disabled:     o.Disabled,
		ForwardURL:   o.ForwardURL,
		Pending:      pending,
	}
	if o.ForwardURL != "" {
		if _, err := new(backend.Set).Acquire(o.ForwardURL, ""); err != nil {
			return nil, fmt.Errorf("option forward-backend-url: %w", err)
		}
	}
	var errs []error
	var err error
	if c.Prepend, err = c.defaults("default-filters-prepend", o.Prepend, log); err != nil {
		errs = append(errs, err)
	}
	if c.Append, err = c.defaults("default-filters-append", o.Append, log); err != nil {
		errs = append(errs, err)
	}
	if c.Rewriter, err = newRewriter(o.Clone, o.Edit); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil || c.Rewriter == nil {
		return c, err
	}
	// The default filters are part of what is rewritten.
	c.Rewriter.around = &Compiler{Prepend: c.Prepend, Append: c.Append}
	c.Prepend, c.Append = nil, nil
	return c, nil
}

// defaults reads the default filters of one option.
func (c *Compiler) defaults(option string, texts []string, log *slog.Logger) ([]eskip.Call, error) {
	var all []eskip.Call
	for _, text := range texts {
		calls, err := eskip.ParseFilters(text)
		if err != nil {
			return nil, fmt.Errorf("option %s: %w", option, err)
		}
		all = append(all, calls...)
	}
	all = slices.DeleteFunc(all, func(call eskip.Call) bool {
		hint := c.missing(call.Name)
		if hint == "" || !slices.Contains(dispensable, call.Name) {
			return false
		}
		log.Warn("default filter left away", "option", option, "filter", call.Name, "reason", hint)
		return true
	})
	for i := range all {
		all[i].Pos = eskip.Pos{File: "option " + option}
	}
	if errs := c.Check(&eskip.Route{ID: "default_filters", Filters: all, Backend: eskip.Backend{Type: eskip.Shunt}}); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// missing says what is missing for a filter that is known and not built yet,
// "" when it is there or not known at all.
func (c *Compiler) missing(name string) string {
	if c.Pending == nil || filter.Lookup(name) != nil {
		return ""
	}
	return c.Pending("filter", name)
}

// dispensable are the filters of Skipper without which every request is still
// treated as its sender deserves: queues, breakers, fading, logs, metrics and
// traces.
var dispensable = []string{
	"lifo", "lifoWithBody", "lifoGroup", "lifoGroupWithBody", "fifo", "fifoWithBody",
	"admissionControl", "consecutiveBreaker", "rateBreaker", "disableBreaker", "disableRatelimit",
	"fadeIn", "endpointCreated", "apiUsageMonitoring", "auditLog", "unverifiedAuditLog", "logHeader", "logBody",
	"enableAccessLog", "disableAccessLog", "tracingSpanName", "tracingTag", "tracingTagFromResponse",
	"tracingTagFromResponseIfStatus", "tracingBaggageToTag", "stateBagToTag",
}
