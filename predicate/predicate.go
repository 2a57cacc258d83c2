package predicate

import (
	"log/slog"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Predicate decides whether a request belongs to a route. Match is called many
// times at once, and for many routes for each request: it must not block, not
// change the request, and should not allocate. What it keeps of a request it
// must clone.
type Predicate interface {
	Match(*message.Request) bool
}

// Tree is implemented by the predicates that choose a position in the path
// tree (Path, PathSubtree). The routing table uses TreePath and never calls
// Match on them.
type Tree interface {
	Predicate
	// TreePath returns the path pattern and whether everything below it
	// matches too (spec 1.2, 1.6). The pattern is clean (message.CleanPath) and
	// made of segments that are literal, ":name" for any one segment, or, at
	// the end only, "*name" for one or more characters; "**" is a free wildcard
	// of the name "*". A name is never empty and ":" and "*" stand at the start
	// of a segment only. The pattern of a subtree has no slash at its end
	// unless it is "/", and may end in "/*name", which only names the value
	// that is called "*" otherwise.
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
	// Weight is all that the predicate contributes; it may be negative.
	Weight() int
}

// WeightKeyed is implemented by predicates that count once in a route's weight
// for all predicates with an equal key (HeaderRegexp: one for each name).
type WeightKeyed interface {
	// WeightKey returns the key; it compares byte for byte.
	WeightKey() string
}

// Env is what a predicate's constructor may use of the process around it. The
// zero Env is ready; it is safe for concurrent use and must not be copied.
type Env struct {
	Options *option.Set
	Log     *slog.Logger

	regexps regexps
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
	// Differs says how the predicate differs on purpose from Skipper's of that
	// name, and why; "" if it does not. It stands in the reference page.
	Differs string
	// New makes the instance of one route from checked arguments.
	New func(v arg.Values, env *Env) (Predicate, error)
}
