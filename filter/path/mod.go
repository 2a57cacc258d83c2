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
	Doc:       "replaces what matches in the decoded path of the request",
	Example:   `PathSubtree("/api") -> modPath("^/api/(.*)/v2$", "/$1") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "What goes out is encoded as RFC 3986 wants it and begins with a slash, whatever a placeholder or a replacement brought along: nothing that a client sends ends the target.",
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
	// Looking first saves the memory that replacing takes even in vain.
	if p := c.Request.Path; f.expr.MatchString(p) {
		if p2 := f.expr.ReplaceAllString(p, f.replacement); p2 != p {
			c.Request.SetPath(rooted(p2))
		}
	}
}
