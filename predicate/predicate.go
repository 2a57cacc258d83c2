// Package predicate is the contract of predicates: the conditions under which
// a route applies. People who embed Fairlead add their own with it.
//
// Start reading at Predicate, then Def.
package predicate

import (
	"log/slog"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Predicate decides whether a request belongs to a route. Match is called many
// times at once and must neither block nor change the request.
type Predicate interface {
	Match(*message.Request) bool
}

// Tree is implemented by the predicates that choose a position in the path
// tree (Path, PathSubtree). The routing table uses TreePath and never calls
// Match on them.
type Tree interface {
	Predicate
	// TreePath returns the path pattern and whether everything below it
	// matches too.
	TreePath() (pattern string, subtree bool)
}

// Host is implemented by predicates on the request's host, which the routing
// table indexes where it understands them.
type Host interface {
	Predicate
	// HostPattern returns a regular expression on the host; exact holds a list
	// of hosts instead, compared byte for byte.
	HostPattern() (expr string, exact []string)
}

// Weighted is implemented by predicates that do not count 1 in a route's
// weight (spec 1.6, step 3).
type Weighted interface {
	Weight() int
}

// WeightKeyed is implemented by predicates that count once in a route's weight
// for all predicates with an equal key (HeaderRegexp: one for each name).
type WeightKeyed interface {
	WeightKey() string
}

// Env is what a predicate's constructor may use of the process around it.
type Env struct {
	Options *option.Set
	Log     *slog.Logger
}

// Def declares one predicate. From it come argument checking, the list of
// predicates, the reference page, completion and the example test.
type Def struct {
	Name   string
	Params []arg.Param
	// Once is set for predicates of which a route may have one only.
	Once bool
	// Doc is one line, lower case, without a full stop.
	Doc string
	// Example is a whole route document; a test runs it.
	Example string
	// New makes the instance of one route from checked arguments.
	New func(v arg.Values, env *Env) (Predicate, error)
}
