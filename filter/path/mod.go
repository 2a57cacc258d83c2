package path

import (
	"regexp"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name: "modPath",
	Params: []arg.Param{
		{Name: "expression", Type: arg.Regexp},
		{Name: "replacement", Type: arg.Text},
	},
	Doc:     "replaces what matches in the decoded path of the request",
	Example: `PathSubtree("/api") -> modPath("^/api/(.*)/v2$", "/$1") -> "http://127.0.0.1:8080"`,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return &mod{expr: v.Regexp(0), replacement: v.Text(1)}, nil
	},
})

type mod struct {
	filter.RequestOnly
	expr        *regexp.Regexp
	replacement string
}

// Request leaves a path that does not match as the client wrote it, encoding
// included.
func (f *mod) Request(c *filter.Context) {
	if p := f.expr.ReplaceAllString(c.Request.Path, f.replacement); p != c.Request.Path {
		c.Request.SetPath(rooted(p))
	}
}
