package header

import (
	"fmt"
	"slices"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "corsOrigin",
	Params:    []arg.Param{{Name: "origin", Type: arg.Text, Optional: true, Many: true, Default: "every origin"}},
	Doc:       "sets Access-Control-Allow-Origin to the Origin of the request if it is one of the list; without a list to *",
	Example:   `* -> corsOrigin("https://www.example.org", "https://app.example.org") -> "http://127.0.0.1:8080"`,
	Shareable: true,
	Differs:   "With a list of origins the response says Vary: Origin, so that no cache gives one origin's answer to another.",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		for _, o := range v.Texts(0) {
			if err := checkOrigin(o); err != nil {
				return nil, err
			}
		}
		return &corsOrigin{origins: v.Texts(0)}, nil
	},
})

// checkOrigin refuses what no client sends as Origin.
func checkOrigin(o string) error {
	if o == "" || o == "*" {
		return fmt.Errorf(`found the origin %q, expected one like "https://www.example.org"; for all origins write corsOrigin()`, o)
	}
	return filter.CheckFieldValue(o)
}

const allowOrigin = "Access-Control-Allow-Origin"

type corsOrigin struct {
	filter.ResponseOnly
	origins []string
}

func (f *corsOrigin) Response(c *filter.Context) {
	h := &c.Response.Header
	if len(f.origins) == 0 {
		h.Set(allowOrigin, "*")
		return
	}
	// The answer depends on the Origin, and caches must know. The peer says
	// nothing and lets a cache give one origin's answer to another.
	filter.AddVary(h, "Origin")
	if o := c.Request.Header.Get("Origin"); slices.Contains(f.origins, o) {
		h.Set(allowOrigin, o)
	}
}
