// Package filter is the contract of filters: what changes a request on its way
// to the backend and a response on its way back. People who embed Fairlead add
// their own filters with it.
//
//	var _ = filter.Define(filter.Def{
//		Name:    "setPath",
//		Params:  []arg.Param{{Name: "path", Type: arg.Template}},
//		Doc:     "replaces the path of the request",
//		Example: `* -> setPath("/new") -> <shunt>`,
//		New:     func(v arg.Values, _ *filter.Env) (filter.Filter, error) { ... },
//	})
//
// Start reading at Filter, then Context, then Def.
package filter

import (
	"fairlead.dev/fairlead/arg"
)

// Filter changes a request and its response. One instance serves all requests
// of a route at the same time, so it holds no state of a single request; that
// belongs into a Key.
//
// A filter may block; it should then respect Context.Done.
type Filter interface {
	// Request runs before the request is forwarded, in the order of the route.
	Request(*Context)
	// Response runs before the response is sent, in reverse order.
	Response(*Context)
}

// Closer is implemented by filters that hold resources. Close is called once,
// when no route uses the instance any more.
type Closer interface{ Close() error }

// Ender is implemented by filters that hold something for an exchange. End is
// called once for each exchange whose request phase ran the filter, after the
// response was sent or given up, in reverse order; also when no response phase
// ran because forwarding failed. It must not block. Context.Result says how the
// exchange ended.
type Ender interface{ End(*Context) }

// ErrorHandler is implemented by filters whose Response also runs for responses
// that Fairlead makes itself because forwarding failed (spec 1.12).
type ErrorHandler interface{ HandlesErrors() bool }

// Hints is implemented by filters that do nothing in one of the two phases, so
// that the proxy need not call them there.
type Hints interface{ Phases() Phase }

// Phase is a set of phases.
type Phase uint8

// The phases of a filter.
const (
	InRequest Phase = 1 << iota
	InResponse
)

// RequestOnly can be embedded in a filter that does nothing to responses.
type RequestOnly struct{}

// Response does nothing.
func (RequestOnly) Response(*Context) {}

// Phases returns InRequest.
func (RequestOnly) Phases() Phase { return InRequest }

// ResponseOnly can be embedded in a filter that does nothing to requests.
type ResponseOnly struct{}

// Request does nothing.
func (ResponseOnly) Request(*Context) {}

// Phases returns InResponse.
func (ResponseOnly) Phases() Phase { return InResponse }

// Def declares one filter. From it come argument checking, the list of
// filters, the reference page, completion and the example test.
type Def struct {
	Name string
	// Also lists other names under which the filter is known (deprecated ones).
	Also   []string
	Params []arg.Param
	// Doc is one line, lower case, without a full stop.
	Doc string
	// Example is a whole route document; a test runs it.
	Example string
	// Differs says how the filter differs on purpose from Skipper's of that name,
	// and why; "" if it does not. It stands in the reference page.
	Differs string
	// Shareable says that instances keep nothing of their own beyond what the
	// arguments say, and do not look at Env.RouteID: routes with the same
	// filters may share them.
	Shareable bool
	// New makes the instance of one route from checked arguments.
	New func(v arg.Values, env *Env) (Filter, error)
}
