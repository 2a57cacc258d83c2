package path

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "Path",
	Params:  []arg.Param{{Name: "pattern", Type: arg.Text}},
	Once:    true,
	Doc:     `the path is this one; ":name" stands for one segment, "*name" at the end for all that is left`,
	Example: `user: Path("/users/:id/photos/*photo") -> setPath("/photos${photo}") -> "http://photos.example.org";`,
	Differs: "A wildcard inside of a segment, or a free one that is not last, is a problem of the route. Dot segments that only some servers see are answered 400 before any route matches. What is matched is what is forwarded.",
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		pattern, err := parse(v.Text(0))
		return exactly(pattern), err
	},
})

// exactly is the clean pattern.
type exactly string

// TreePath implements predicate.Tree.
func (p exactly) TreePath() (pattern string, subtree bool) { return string(p), false }

// Match implements predicate.Predicate.
func (p exactly) Match(r *message.Request) bool {
	return match(string(p), message.CleanPath(r.Path))
}
