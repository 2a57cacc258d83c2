package path

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name:    "PathSubtree",
	Params:  []arg.Param{{Name: "pattern", Type: arg.Text}},
	Once:    true,
	Doc:     `the path is this one or below it; the part below is the path parameter "*", or "name" of a "/*name" at the end`,
	Example: `api: PathSubtree("/api/:version") -> "http://api.example.org";`,
	Differs: "A wildcard inside of a segment, or a free one that is not last, is a problem of the route. Dot segments that only some servers see are answered 400 before any route matches. What is matched is what is forwarded.",
	New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
		pattern, err := parse(v.Text(0))
		if err != nil {
			return nil, err
		}
		return newSubtree(pattern), nil
	},
})

type subtree struct {
	pattern string
	// base is the pattern without the free wildcard: the root of the tree, ""
	// for "/".
	base string
}

func newSubtree(pattern string) *subtree {
	s := &subtree{pattern: pattern}
	if len(pattern) > 1 {
		s.pattern = strings.TrimSuffix(pattern, "/")
	}
	s.base = s.pattern
	if i := strings.LastIndexByte(s.base, '/'); strings.HasPrefix(s.base[i+1:], "*") || s.base == "/" {
		s.base = s.base[:i]
	}
	return s
}

// TreePath implements predicate.Tree.
func (s *subtree) TreePath() (pattern string, subtree bool) { return s.pattern, true }

// Match implements predicate.Predicate.
func (s *subtree) Match(r *message.Request) bool {
	path := message.CleanPath(r.Path)
	// The head of the path has as many segments as the base.
	head := 0
	for range strings.Count(s.base, "/") {
		i := strings.IndexByte(path[head+1:], '/')
		if i < 0 {
			return match(s.base, path)
		}
		head += 1 + i
	}
	return match(s.base, path[:head])
}
