package path

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "setPath",
	Params:    []arg.Param{{Name: "path", Type: arg.Template}},
	Doc:       "replaces the path of the request",
	Example:   `user: Path("/user/:id") -> setPath("/v2/user/${id}") -> "http://127.0.0.1:8080";`,
	Shareable: true,
	Differs:   "What goes out is encoded as RFC 3986 wants it and begins with a slash, whatever a placeholder or a replacement brought along: nothing that a client sends ends the target.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		t, err := filter.NewTemplate(v.Text(0))
		return &set{path: t}, err
	},
})

type set struct {
	filter.RequestOnly
	path *filter.Template
}

// Request replaces the path. Values that are missing become nothing.
func (f *set) Request(c *filter.Context) {
	p, _ := f.path.Expand(c)
	c.Request.SetPath(rooted(p))
}

// rooted returns p with the slash that a path starts with.
func rooted(p string) string {
	if p == "" || p[0] != '/' {
		return "/" + p
	}
	return p
}
